"""Any Ultralytics model and task, trained by Ultralytics' own trainer."""
