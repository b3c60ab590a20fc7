"""YOLOX on COCO-format data (document 001)."""
