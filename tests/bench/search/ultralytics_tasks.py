"""A whole sweep of each task of Ultralytics', and what users do with its result.

    python -m tests.bench.search.ultralytics_tasks TASK [--epochs 16] [--trials 12] [--batch 16]

TASK is detect, segment, pose, obb or classify. The model is Ultralytics' own at an eighth of its width, from random
weights (`tests/support/small_models.py`); the data are the recipe's sample, 96 images of 64 pixels. The sweep has 12
trials; its best configuration and Ultralytics' defaults are trained again on two fresh seeds. Then Ultralytics alone:
`best.pt` is validated by `YOLO()`, and `yolo train cfg=best_hyperparameters.yaml` is run by the command line.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from search.python_api import Sweep
from search.state.outcome import finalists
from tests.support import REPOSITORY
from tests.support.small_models import write_models
from trainables.samples.ultralytics_tasks import write_tasks
from trainables.ultralytics.tasks import TASKS, Task
from trainables.ultralytics_import import isolated

HEADINGS = (
    *("task", "trials", "epochs", "best configuration on fresh seeds", "defaults on fresh seeds"),
    *("reported for best.pt", "its `val`", "last epoch of `yolo train cfg=…`"),
)


def launch(task: Task, root: Path, given: argparse.Namespace) -> Sweep:
    """The sweep, run to its end."""
    data = write_tasks(root / "data", val=24).parents[1] / task
    described = {
        "recipe": "ultralytics",
        "preset": "tiny",
        "name": task,
        "data": str(data if task == "classify" else data / "data.yaml"),
        "set": {
            "model": write_models(root / "models")[task],
            "epochs": given.epochs,
            "batch": given.batch,
            "nbs": given.batch,
        },
        "trials": given.trials,
        "confirm_top": 1,
        "confirm_seeds": 2,
        "audit": 0.0,
        "workers": 1,
    }
    (root / "sweep.yaml").write_text(yaml.safe_dump(described))
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "search", "launch", "sweep.yaml"]
    with (root / "output.txt").open("w") as output:
        subprocess.run(command, cwd=root, env=environment, check=True, stdout=output, stderr=output)
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
    sweep = launch(task, root, given)
    state = sweep.state
    searched = [trial for trial in state.trials.values() if trial.is_search]
    winner, *others = finalists(state)
    (baseline,) = [each for each in (winner, *others) if each.trial.is_baseline]
    export = sweep.folder.path / "best"
    about = json.loads((export / "about.json").read_text())
    again = trained(export, root)
    shown = ", ".join(
        f"{name.removeprefix('metrics/')} {again[name]:.4f}" for name in again if name.startswith("metrics/")
    )
    cells = (
        *(task, str(len(searched)), str(sum(trial.curve.epoch for trial in searched))),
        *(f"{each.mean:.4f} ± {each.std:.4f}" for each in (winner, baseline)),
        *(f"{about['checkpoint_value']:.5f}", f"{validated(export, root):.5f}", shown),
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--batch", type=int, default=16)
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    print(f"| {' | '.join(HEADINGS)} |\n|{' --- |' * len(HEADINGS)}")
    with tempfile.TemporaryDirectory() as scratch:
        print(row(given.task, Path(scratch), given), flush=True)


if __name__ == "__main__":
    main()
