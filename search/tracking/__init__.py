"""A sweep in MLflow: runs, artifacts, the registered model, and the pages that show them."""
