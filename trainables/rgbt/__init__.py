"""RGB and thermal detection with Ultralytics' YOLO26 (the RGB and thermal YOLO26x report, document 000)."""
