"""The three ways to tune of `model_tune.py`, and what each leaves behind.

    python -m tests.bench.search.model_tune_arms tune|ray|again JOB.json

`tune` and `ray` run Ultralytics' tuner until they are stopped from outside. `again` trains a configuration by
Ultralytics' own trainer on one seed after another, and prints the fitness of each as a line of JSON.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import yaml

from search.python_api import Sweep
from search.state.outcome import finalists
from trainables.ultralytics.tasks import Task
from trainables.ultralytics_import import isolated

MANY = 100_000
"""More trainings than there is time for: neither tuner has a time limit."""
RANKED_BY = {"detect": "metrics/mAP50-95(B)", "segment": "metrics/mAP50-95(M)"}
"""What `use_ray=True` tunes; it does not look at the fitness."""
THEIR_OPTIMIZER = "AdamW"
"""What `model.tune` trains with unless the space has the optimizer; its `best_hyperparameters.yaml` does not say so."""


@dataclass(frozen=True)
class Job:
    """What an arm tunes.

    Attributes:
        model: a model YAML.
        data: a data YAML with absolute paths.
        task: of the model.
        pinned: settings under Ultralytics' names that are the same for all arms.
        folder: what the arm writes to.
    """

    model: str
    data: str
    task: Task
    pinned: Mapping[str, Any]
    folder: Path

    @property
    def epochs(self) -> int:
        """Of a whole training."""
        return int(self.pinned["epochs"])

    def save(self, file: Path, **more: Any) -> Path:
        """Write it as JSON, for a process of its own."""
        file.write_text(json.dumps({**vars(self), "folder": str(self.folder), **more}))
        return file


@dataclass(frozen=True)
class Best:
    """What an arm handed back, and what it took.

    Attributes:
        settings: of its best configuration, under Ultralytics' names.
        value: what the arm itself gave it.
        trainings: started and reported on by the end.
        epochs: of these together; in ours also those of the confirmation.
        trainings_to_best: trainings that had been started when the best was found.
        epochs_to_best: all epochs trained until then.
    """

    settings: dict[str, Any]
    value: float
    trainings: int
    epochs: int
    trainings_to_best: int
    epochs_to_best: int


def best_of_tune(job: Job) -> Best:
    """From the files of `model.tune`."""
    (folder,) = job.folder.glob("tune*")
    rows = [json.loads(line) for line in (folder / "tune_results.ndjson").read_text().splitlines()]
    best = max(rows, key=lambda row: row["fitness"])
    written = yaml.safe_load((folder / "best_hyperparameters.yaml").read_text())
    done, needed = len(rows), int(best["iteration"])
    settings = {"optimizer": THEIR_OPTIMIZER, **written}
    return Best(settings, best["fitness"], done, done * job.epochs, needed, needed * job.epochs)


def best_of_ray(job: Job) -> Best:
    """From the results that Ray Tune keeps of each trial, by the last of each, as its `get_best_result` does."""
    metric = RANKED_BY[job.task]
    reports = [
        [json.loads(line) for line in file.read_text().splitlines()] for file in job.folder.glob("tune*/*/result.json")
    ]
    trials = [rows for rows in reports if rows]
    best = max(trials, key=lambda rows: _number(rows[-1].get(metric)))
    found_at = best[-1]["timestamp"]

    def epochs(rows: list[dict[str, Any]], until: float = math.inf) -> int:
        done = sum(float(row["timestamp"]) <= until for row in rows)
        return min(job.epochs, done)  # the evaluation after the last epoch is one row more

    sampled = {name: value for name, value in best[-1]["config"].items() if name != "data"}
    return Best(
        settings={"optimizer": THEIR_OPTIMIZER, **sampled},
        value=best[-1][metric],
        trainings=len(trials),
        epochs=sum(map(epochs, trials)),
        trainings_to_best=sum(epochs(rows, found_at) > 0 for rows in trials),
        epochs_to_best=sum(epochs(rows, found_at) for rows in trials),
    )


def best_of_ours(job: Job) -> Best:
    """From the sweep's journal and its export."""
    sweep = Sweep("ours", job.folder / "sweeps")
    winner = finalists(sweep.state)[0]
    curves = sweep.curves()
    (last,) = curves.index[curves["trial"] == winner.trial.number][-1:]
    until = curves.loc[:last]
    return Best(
        settings=yaml.safe_load((sweep.folder.best / "best_hyperparameters.yaml").read_text()),
        value=winner.mean,
        trainings=len(sweep.state.trials),
        epochs=len(curves),
        trainings_to_best=until["trial"].nunique(),
        epochs_to_best=len(until),
    )


BEST_OF: dict[str, Callable[[Job], Best]] = {"tune": best_of_tune, "ray": best_of_ray, "ours": best_of_ours}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else -math.inf


def _tune(job: Job, *, use_ray: bool) -> None:
    """By the arguments of Ultralytics' documentation; Ray's scheduler needs the evaluation after each epoch."""
    from ultralytics import YOLO

    if use_ray:
        ray.init(num_cpus=1, include_dashboard=False)  # as many trainings at a time as the other arms have
    quick = {} if use_ray else {"val": False}
    YOLO(job.model).tune(
        use_ray=use_ray,
        iterations=MANY,
        data=job.data,
        project=str(job.folder),
        name="tune",
        plots=False,
        save=False,
        **quick,
        **job.pinned,
    )


def _train(job: Job, settings: Mapping[str, Any], seeds: list[int]) -> None:
    from ultralytics import YOLO

    for seed in seeds:
        overrides = {"data": job.data, "project": str(job.folder), "name": f"seed-{seed}", "seed": seed}
        values = {**settings, **job.pinned, **overrides, "plots": False, "verbose": False}
        metrics = YOLO(job.model).train(**{name: value for name, value in values.items() if name != "model"})
        print(json.dumps({"seed": seed, "fitness": float(metrics.fitness)}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("tune", "ray", "again"))
    parser.add_argument("job", type=Path)
    given = parser.parse_args()
    described = json.loads(given.job.read_text())
    again = {name: described.pop(name, None) for name in ("settings", "seeds")}
    job = Job(**{**described, "folder": Path(described["folder"])})
    with isolated(job.folder):
        if given.what == "again":
            _train(job, **again)
        else:
            _tune(job, use_ray=given.what == "ray")


if __name__ == "__main__":
    main()
