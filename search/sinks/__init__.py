"""A sweep in the files of other tools: Optuna's storage, TensorBoard's events, W&B's offline runs."""
