"""Public learning curves as groups of comparable trainings.

The folder holds `runs.parquet` (one row a run) and `curves.parquet` (one row an epoch), as its README describes. A
group is one repository, data set, task and planned length, at least 6 runs that were evaluated each epoch, the best of
them at 0.05 or more.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet

from search.curve import Point

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


def load(folder: Path) -> list[Group]:
    """The groups in `folder`, by name."""
    epochs = _epochs(folder)
    families: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    columns = ["run_id", "family", "repo", "planned_epochs"]
    for run in parquet.read_table(folder / "runs.parquet", columns=columns).to_pylist():
        planned = run["planned_epochs"]
        if planned and planned == planned and all(row["evaluated"] for row in epochs[run["run_id"]]):
            families[run["family"], int(planned)].append(run)
    found = []
    for (family, planned), runs in sorted(families.items(), key=lambda item: item[0]):
        if len(runs) >= MIN_RUNS:
            length = min(planned, max(len(epochs[run["run_id"]]) for run in runs))
            kept = tuple(_points(epochs[run["run_id"]][:length]) for run in runs)
            best = tuple(_best(points) for points in kept)
            if max(best) >= MIN_BEST:
                found.append(Group(f"{family}@{planned}", runs[0]["repo"], length, kept, best))
    return found


def _epochs(folder: Path) -> dict[str, list[dict[str, Any]]]:
    columns = ["run_id", "t", "metric", "evaluated", "train_loss", "val_loss", "nonfinite_raw"]
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in parquet.read_table(folder / "curves.parquet", columns=columns).to_pylist():
        rows[row["run_id"]].append(row)
    for epochs in rows.values():
        epochs.sort(key=lambda row: int(row["t"]))
    return rows


def _points(rows: list[dict[str, Any]]) -> tuple[Point, ...]:
    # A loss that is not a number though nothing non-finite was written was not recorded: 1 raises no rule.
    unknown = not any(row["nonfinite_raw"] or np.isfinite(_number(row["train_loss"])) for row in rows)
    return tuple(
        Point(
            place,
            _number(row["metric"]),
            1.0 if unknown else _number(row["train_loss"]),
            _number(row["val_loss"]),
        )
        for place, row in enumerate(rows, 1)
    )


def _best(points: tuple[Point, ...]) -> float:
    return max((point.value for point in points if point.value is not None and np.isfinite(point.value)), default=0.0)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
