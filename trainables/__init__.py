"""What one training does. Knows no Ray, no Optuna and no MLflow."""
