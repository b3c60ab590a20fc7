"""A sweep in MLflow: runs, figures, checkpoints, the champion, and the pages that show them."""
