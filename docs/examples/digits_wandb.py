"""The search of `digits.ipynb` as it is written with Weights & Biases: a sweep, whose server draws the settings."""

import json
import shutil
import statistics
from pathlib import Path
from typing import Any

import wandb
from digits_training import epochs

FOLDER, PROJECT = Path("wandb_digits"), "digits"
BASELINE = {"lr": 1e-2, "momentum": 0.9, "weight_decay": 1e-4, "dropout": 0.0, "batch": 16}
EPOCHS, TRIALS, FRESH_SEEDS = 12, 12, (1, 2)
SWEEP = {
    "method": "bayes",
    "metric": {"name": "value", "goal": "maximize"},
    "parameters": {
        "lr": {"distribution": "log_uniform_values", "min": 1e-3, "max": 1.0},
        "momentum": {"distribution": "uniform", "min": 0.5, "max": 0.99},
        "weight_decay": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-1},
        "dropout": {"distribution": "uniform", "min": 0.0, "max": 0.6},
        "batch": {"values": [16, 32]},
    },
    "early_terminate": {"type": "hyperband", "min_iter": 2},
}


def train(settings: dict[str, Any] | None = None, group: str = "search") -> float:
    """Train as a run; the best mean of three epochs is the value, as in steadytune. No settings: those of the sweep."""
    with wandb.init(project=PROJECT, group=group, config=settings, dir=FOLDER) as run:
        chosen = {"seed": 0, **run.config}
        values: list[float] = []
        folder = FOLDER / run.id
        for epoch, (numbers, save) in enumerate(epochs(chosen | {"epochs": EPOCHS}), start=1):
            values.append(numbers["accuracy"])
            if values[-1] == max(values):
                folder.mkdir(parents=True, exist_ok=True)
                save(folder)
            smoothed = [statistics.mean(values[max(0, end - 3) : end]) for end in range(min(3, epoch), epoch + 1)]
            run.log({**numbers, "value": max(smoothed)}, step=epoch)
        model = wandb.Artifact(f"digits-{run.id}", type="model")
        model.add_file(str(folder / "state.pt"))
        run.log_artifact(model)
        return max(smoothed)


def confirm(settings: dict[str, Any], name: str) -> list[float]:
    """The same settings on fresh seeds: the best of many trials was also lucky."""
    return [train(settings | {"seed": seed}, group=name) for seed in FRESH_SEEDS]


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    train(BASELINE, group="baseline")
    sweep = wandb.sweep(SWEEP, project=PROJECT)
    wandb.agent(sweep, function=train, count=TRIALS - 1)  # once more in a second terminal, for two at a time
    best = wandb.Api().sweep(f"{PROJECT}/{sweep}").best_run()
    best_settings = {name: best.config[name] for name in BASELINE}
    for name, settings in (("baseline", BASELINE), ("best", best_settings)):
        values = confirm(settings, name)
        print(f"{name}: {statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}")
    (FOLDER / "best.json").write_text(json.dumps(best_settings, indent=2))
    shutil.copy(FOLDER / best.id / "state.pt", FOLDER / "best.pt")
    print(f"run {best.id}: {best_settings}, {FOLDER}/best.pt")
