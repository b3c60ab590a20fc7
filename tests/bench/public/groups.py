"""Public learning curves as groups of comparable trainings.

The folder holds `runs.parquet` (one row a run) and `curves.parquet` (one row an epoch), as its README describes. A
group is one repository, data set, task and planned length, at least 6 runs that were evaluated each epoch, the best of
them at 0.05 or more.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet

from search.pruning.curve import Point

MIN_RUNS = 6
MIN_BEST = 0.05


@dataclass(frozen=True)
class Group:
    """Trainings of one data set and one planned length.

    Attributes:
        name: repository, data set, task and planned epochs.
        repository: whose they are; intervals are taken over repositories.
        max_epochs: the planned epochs, or those of the longest run if that is shorter.
        runs: the epochs of each run.
        best: the highest value of each run.
    """

    name: str
    repository: str
    max_epochs: int
    runs: tuple[tuple[Point, ...], ...]
    best: tuple[float, ...]

    @property
    def epochs(self) -> int:
        """Of all runs together."""
        return sum(map(len, self.runs))

    @property
    def best_run(self) -> int:
        """The run with the highest value."""
        return int(np.argmax(self.best))


def grace_epochs(group: Group, share: float) -> int:
    """Others' first rung: `share` of a training, at least one epoch."""
    return max(1, round(share * group.max_epochs))


@dataclass(frozen=True)
class Run:
    """One recorded training.

    Attributes:
        family: repository, data set and task.
        repository: whose it is.
        planned: epochs it was to be trained.
        evaluated: whether every epoch was.
        points: its epochs; those without evaluation have no value and no held-out loss.
    """

    family: str
    repository: str
    planned: int
    evaluated: bool
    points: tuple[Point, ...]

    @property
    def best(self) -> float:
        """Its highest value."""
        return max((point.value for point in self.points if point.value and math.isfinite(point.value)), default=0.0)


def every_run(folder: Path) -> list[Run]:
    """All runs in `folder`, in the order of its table."""
    epochs = _epochs(folder)
    columns = ["run_id", "family", "repo", "planned_epochs"]
    runs = []
    for run in parquet.read_table(folder / "runs.parquet", columns=columns).to_pylist():
        rows, planned = epochs[run["run_id"]], _number(run["planned_epochs"])
        evaluated = all(row["evaluated"] for row in rows)
        length = int(planned) if math.isfinite(planned) else len(rows)
        runs.append(Run(run["family"], run["repo"], length, evaluated, _points(rows)))
    return runs


def load(folder: Path) -> list[Group]:
    """The groups in `folder`, by name."""
    families: dict[tuple[str, int], list[Run]] = defaultdict(list)
    for run in every_run(folder):
        if run.evaluated:
            families[run.family, run.planned].append(run)
    groups = []
    for (family, planned), runs in sorted(families.items(), key=lambda item: item[0]):
        if len(runs) >= MIN_RUNS and max(run.best for run in runs) >= MIN_BEST:
            length = min(planned, max(len(run.points) for run in runs))
            cut = [replace(run, points=run.points[:length]) for run in runs]
            best = tuple(run.best for run in cut)
            points = tuple(run.points for run in cut)
            groups.append(Group(f"{family}@{planned}", runs[0].repository, length, points, best))
    return groups


def _epochs(folder: Path) -> dict[str, list[dict[str, Any]]]:
    columns = ["run_id", "t", "metric", "evaluated", "train_loss", "val_loss", "nonfinite_raw"]
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in parquet.read_table(folder / "curves.parquet", columns=columns).to_pylist():
        rows[row["run_id"]].append(row)
    for epochs in rows.values():
        epochs.sort(key=lambda row: int(row["t"]))
    return rows


def _points(rows: list[dict[str, Any]]) -> tuple[Point, ...]:
    # A loss that is not a number though nothing non-finite was written was not recorded.
    unknown = not any(row["nonfinite_raw"] or math.isfinite(_number(row["train_loss"])) for row in rows)
    return tuple(
        Point(
            rank,
            _number(row["metric"]) if row["evaluated"] else None,
            None if unknown else _number(row["train_loss"]),
            _held_out(row),
        )
        for rank, row in enumerate(rows, 1)
    )


def _held_out(row: dict[str, Any]) -> float | None:
    loss = _number(row["val_loss"])
    return loss if row["evaluated"] and (math.isfinite(loss) or row["nonfinite_raw"]) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
