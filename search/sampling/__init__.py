"""Who draws settings: Optuna's study, and what earlier sweeps found."""
