"""Chooses settings: Optuna's study, the model of ranks, and the best configurations of earlier sweeps."""
