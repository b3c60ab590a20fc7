"""RGB and thermal detection with Ultralytics' YOLO26, of document 000."""
