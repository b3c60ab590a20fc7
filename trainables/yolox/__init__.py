"""YOLOX on COCO-format data (the YOLOX stability report, document 001)."""
