"""The ResNet-18 detector of document 002."""
