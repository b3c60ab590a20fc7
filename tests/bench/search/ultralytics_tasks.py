"""A whole sweep of each task of Ultralytics', and what users do with its result.

    python -m tests.bench.search.ultralytics_tasks TASK [--epochs 12] [--trials 12] [--fresh 2] [--space all]

TASK is detect, segment, pose, obb or classify. The model is Ultralytics' own at an eighth of its width, from random
weights (`tests/support/small_models.py`); the data are the recipe's sample. The sweep is `steadytune.tune`'s, with two
workers of a thread each; it has 12 trials, of which the first is Ultralytics' defaults with `optimizer: auto`. So few
trials cannot search 26 settings: `SPACE` has those that matter most in a short training from random weights (`--space
all`: the task's own). The best configuration and the defaults are trained again on fresh seeds. Then Ultralytics
alone: `best.pt` is validated by `YOLO()`, and `yolo train cfg=best_hyperparameters.yaml` is run by the command line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from search.python_api import Sweep
from search.state.outcome import finalists
from search.tune import tune
from tests.support.small_models import write_models
from trainables.samples.ultralytics_tasks import write_tasks
from trainables.ultralytics.tasks import TASKS, Task
from trainables.ultralytics_import import isolated

HEADINGS = (
    *("task", "trials", "epochs", "best configuration on fresh seeds", "defaults on fresh seeds"),
    *("reported for best.pt", "its `val`", "last epoch of `yolo train cfg=…`", "seconds"),
)
TINY = {"epochs": 12, "train": 96, "val": 32}
"""Epochs of a training, images to train on and held out: so many that the defaults learn something in half a minute."""
CLASSIFICATION = {"epochs": 20, "train": 192, "val": 64}
"""Its steps take half of the others' time, and it needs more of them."""
SPACE: dict[str, Any] = {
    "optimizer": ["AdamW", "SGD", "MuSGD"],
    "lr0": (1e-3, 2e-2),
    "lrf": (0.01, 1.0),
    "momentum": (0.8, 0.95),
    "warmup_epochs": (0.0, 3.0),
    "scale": (0.0, 0.5),
}
SCENES: dict[str, Any] = {"mosaic": (0.0, 1.0), "box": (2.0, 15.0), "cls": (0.25, 2.0)}
CLASSES: dict[str, Any] = {"erasing": (0.0, 0.4)}
"""In the order of `model.tune`: low and high. Scenes are all but classification."""


def launch(task: Task, root: Path, given: argparse.Namespace) -> Sweep:
    """The sweep, run to its end."""
    data = write_tasks(root / "data", train=given.train, val=given.val).parents[1] / task
    space = SPACE | (CLASSES if task == "classify" else SCENES)
    with (root / "output.txt").open("w") as output, contextlib.redirect_stdout(output), contextlib.chdir(root):
        tune(
            write_models(root / "models")[task],
            data=data if task == "classify" else data / "data.yaml",
            epochs=given.epochs,
            iterations=given.trials,
            space=space if given.space == "short" else None,
            name=task,
            sweeps=root / "sweeps",
            sweep={
                "preset": "tiny",
                "workers": 2,
                "grace_epochs": given.epochs // 2,  # before that, most have a fitness of 0
                "confirm_top": 1,
                "confirm_seeds": given.fresh,
                "audit": 0.0,
                "seed": given.seed,
            },
            batch=given.batch,
            nbs=given.batch,
        )
    return Sweep(task, root / "sweeps")


def validated(export: Path, root: Path) -> float:
    """The fitness that Ultralytics' own validation gives `best.pt`."""
    with isolated(root / "ultralytics"):
        from ultralytics import YOLO

        settings = yaml.safe_load((export / "best_hyperparameters.yaml").read_text())
        metrics = YOLO(export / "weights/best.pt").val(
            data=settings["data"], plots=False, verbose=False, workers=0, save_dir=str(root / "val")
        )
        return float(metrics.fitness)


def trained(export: Path, root: Path) -> dict[str, Any]:
    """The last row of the `results.csv` of `yolo train cfg=best_hyperparameters.yaml`."""
    yolo = Path(sys.executable).with_name("yolo")
    command = [
        str(yolo),
        "train",
        f"cfg={export / 'best_hyperparameters.yaml'}",
        f"project={root / 'again'}",
        "name=run",
    ]
    environment = os.environ | {"YOLO_CONFIG_DIR": str(root), "YOLO_OFFLINE": "true"}
    done = subprocess.run(command, cwd=root, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    header, *rows = (root / "again/run/results.csv").read_text().splitlines()
    return dict(zip(header.split(","), map(float, rows[-1].split(",")), strict=True))


def row(task: Task, root: Path, given: argparse.Namespace) -> str:
    """A line of the table."""
    began = time.monotonic()
    sweep = launch(task, root, given)
    state = sweep.state
    took = time.monotonic() - began
    searched = [trial for trial in state.trials.values() if trial.is_search]
    winner, *others = finalists(state)
    (baseline,) = [finalist for finalist in (winner, *others) if finalist.trial.is_baseline]
    export = sweep.folder.path / "best"
    about = json.loads((export / "about.json").read_text())
    again = trained(export, root)
    shown = ", ".join(
        f"{name.removeprefix('metrics/')} {again[name]:.4f}" for name in again if name.startswith("metrics/")
    )
    cells = (
        *(task, str(len(searched)), str(sum(trial.curve.epoch for trial in searched))),
        *(f"{finalist.mean:.4f} ± {finalist.std:.4f}" for finalist in (winner, baseline)),
        *(f"{about['checkpoint_value']:.5f}", f"{validated(export, root):.5f}", shown, f"{took:.0f}"),
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--train", type=int, help="images to train on")
    parser.add_argument("--val", type=int, help="images held out")
    parser.add_argument("--fresh", type=int, default=2, help="fresh seeds")
    parser.add_argument("--seed", type=int, default=0, help="of the search and of its trainings")
    parser.add_argument("--space", choices=("short", "all"), default="short")
    given = parser.parse_args()
    for name, value in (CLASSIFICATION if given.task == "classify" else TINY).items():
        setattr(given, name, value if getattr(given, name) is None else getattr(given, name))
    os.environ["OMP_NUM_THREADS"] = "1"
    print(f"| {' | '.join(HEADINGS)} |\n|{' --- |' * len(HEADINGS)}")
    with tempfile.TemporaryDirectory() as scratch:
        print(row(given.task, Path(scratch), given), flush=True)


if __name__ == "__main__":
    main()
