"""The ResNet-18 detector of the ResNet-18 and YOLOv8 fixes report (document 002)."""
