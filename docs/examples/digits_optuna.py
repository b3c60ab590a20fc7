"""The search of `digits.ipynb` as it is written with Optuna: space, pruning, best model, fresh seeds, figures."""

import json
import statistics
from pathlib import Path
from typing import Any

import optuna
from digits_training import epochs

FOLDER = Path("optuna_digits")
BASELINE = {"lr": 1e-2, "momentum": 0.9, "weight_decay": 1e-4, "dropout": 0.0, "batch": 16}
EPOCHS, TRIALS, FRESH_SEEDS = 12, 12, (1, 2)


def train(settings: dict[str, Any], folder: Path, trial: optuna.Trial | None = None) -> float:
    """Train and keep the best checkpoint; the best mean of three epochs is the value, as in steadytune."""
    values: list[float] = []
    best = 0.0
    for epoch, (numbers, save) in enumerate(epochs(settings | {"epochs": EPOCHS}), start=1):
        values.append(numbers["accuracy"])
        if values[-1] > best:
            best = values[-1]
            folder.mkdir(parents=True, exist_ok=True)
            save(folder)
        if trial is not None:
            trial.report(values[-1], epoch)
            if trial.number > 0 and trial.should_prune():  # the baseline is trained to its end
                raise optuna.TrialPruned
    return max(statistics.mean(values[end - 3 : end]) for end in range(3, len(values) + 1))


def objective(trial: optuna.Trial) -> float:
    """A trial."""
    settings = {
        "lr": trial.suggest_float("lr", 1e-3, 1.0, log=True),
        "momentum": trial.suggest_float("momentum", 0.5, 0.99),
        "weight_decay": trial.suggest_float("weight_decay", 1e-5, 1e-1, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.6),
        "batch": trial.suggest_categorical("batch", [16, 32]),
    }
    return train(settings | {"seed": 0}, FOLDER / f"{trial.number:04d}", trial)


def search() -> optuna.Study:
    """A new study, or the one that was interrupted."""
    FOLDER.mkdir(exist_ok=True)
    study = optuna.create_study(
        storage=f"sqlite:///{FOLDER / 'study.db'}",
        study_name="digits",
        direction="maximize",
        sampler=optuna.samplers.TPESampler(multivariate=True, seed=0),
        pruner=optuna.pruners.HyperbandPruner(max_resource=EPOCHS),
        load_if_exists=True,
    )
    if not study.trials:
        study.enqueue_trial(BASELINE)
        study.optimize(objective, n_trials=1)  # alone: two threads may take the same waiting trial
    study.optimize(objective, n_trials=TRIALS - len(study.trials), n_jobs=2)
    return study


def confirm(settings: dict[str, Any], name: str) -> list[float]:
    """The same settings on fresh seeds: the best of many trials was also lucky."""
    return [train(settings | {"seed": seed}, FOLDER / f"{name}-seed-{seed}") for seed in FRESH_SEEDS]


if __name__ == "__main__":
    study = search()
    for name, settings in (("baseline", BASELINE), ("best", study.best_params)):
        values = confirm(settings, name)
        print(f"{name}: {statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}")
    (FOLDER / "best.json").write_text(json.dumps(study.best_params, indent=2))
    print(f"trial {study.best_trial.number}: {study.best_params}, {FOLDER}/{study.best_trial.number:04d}/state.pt")
    study.trials_dataframe().to_csv(FOLDER / "trials.csv")
    optuna.visualization.plot_intermediate_values(study).write_html(FOLDER / "curves.html")
    optuna.visualization.plot_param_importances(study).write_html(FOLDER / "importance.html")
