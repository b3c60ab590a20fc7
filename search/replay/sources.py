"""Reads recorded trainings from a sweep, a folder or a CSV file.

    a sweep's folder         its journal; runs that its scheduler stopped are marked as censored
    a folder of trainings    each with Ultralytics' `results.csv` (and `args.yaml`) or YOLOX's `train_log.txt`
    a CSV file               one row per epoch: `run,epoch,<metric>`; optional: `train_loss,val_loss,seconds,phase`

MLflow experiments are read by `search/replay/mlflow_source.py`.

Only runs on the same data set with the same planned number of epochs are comparable: they make one recording.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from search.pruning.curve import Curve, Point
from search.replay.recording import Mode, Recording, Run, comparable
from search.state.follower import SweepFollower
from search.sweep.folder import SweepFolder
from trainables.errors import DataError, nearest
from trainables.settings import read_yaml

_ULTRALYTICS_METRICS = ("metrics/mAP50-95(B)", "metrics/mAP50-95(M)", "metrics/mAP50-95(P)", "metrics/accuracy_top1")


def read(path: Path, metric: str | None = None, mode: Mode = "max") -> list[Recording]:
    """The recordings at `path`; `metric` and `mode` name the objective where the source does not.

    Raises:
        DataError: nothing there can be read, or no two runs are comparable.
    """
    if (path / "sweep.yaml").is_file():
        recordings = [_sweep(path)]
    elif path.suffix == ".csv" and path.is_file():
        recordings = [_table(path, metric, mode)]
    elif path.is_dir():
        recordings = _folder(path, metric, mode)
    else:
        raise DataError(f"{path}: no sweep, no CSV file and no folder of trainings; give one of them")
    return comparable(recordings, str(path))


# --- a sweep -----------------------------------------------------------------------------------------------------


def _sweep(path: Path) -> Recording:
    state = SweepFollower(SweepFolder(path.parent, path.name)).read()
    runs = tuple(
        Run(
            str(trial.started.trial), trial.curve, tuple(trial.seconds), trial.started.settings,
            censored=trial.decision is not None and trial.decision.reason in ("rung", "budget"),
        )
        for trial in state.trials.search
        if trial.curve.epoch
    )  # fmt: skip
    recipe = state.plan.recipe
    return Recording(path.name, recipe.metric, recipe.mode, state.plan.max_epochs, runs)


# --- a table -----------------------------------------------------------------------------------------------------


def _table(path: Path, metric: str | None, mode: Mode) -> Recording:
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or []
        if metric is None:
            raise DataError(f"{path}: which column is the metric? give --metric, one of {', '.join(columns)}")
        for required in ("run", "epoch", metric):
            if required not in columns:
                raise DataError(f"{path}: no column {required!r}; {nearest(required, columns)}")
        for row in reader:
            rows[row["run"]].append(row)
    runs = tuple(_run(name, run_rows, path, metric, mode, "train_loss", "val_loss") for name, run_rows in rows.items())
    return Recording(path.stem, metric, mode, max((run.curve.epoch for run in runs), default=0), runs)


def _run(
    name: str, rows: Iterable[Mapping[str, str]], path: Path, metric: str, mode: Mode, train: str, val: str
) -> Run:
    """One run from the rows of a table; the losses are the sums of the columns that begin with `train` and `val`."""
    points, seconds = [], []
    for number, row in enumerate(rows, start=1):

        def cell(column: str, row: Mapping[str, str] = row, number: int = number) -> float | None:
            return _number(row.get(column), f"{path}: run {name}, row {number}: {column}")

        value, held_out = cell(metric), _sum(cell, row, val)
        loss = _sum(cell, row, train)
        points.append(Point(number, value, loss, held_out, row.get("phase") or "main"))
        seconds.append(cell("seconds") or 1.0)
    return Run(name, Curve(mode, points), tuple(seconds), {})


def _sum(cell: Callable[[str], float | None], row: Mapping[str, str], prefix: str) -> float | None:
    cells = [cell(column) for column in row if column.startswith(prefix)]
    values = [value for value in cells if value is not None]
    return sum(values) if values else None


def _number(text: str | None, source: str) -> float | None:
    if text is None or not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        raise DataError(f"{source} is {text!r}; it must be a number or empty") from None


# --- a folder of trainings ---------------------------------------------------------------------------------------


def _folder(path: Path, metric: str | None, mode: Mode) -> list[Recording]:
    families: dict[tuple[str, int], list[Run]] = defaultdict(list)
    names: dict[tuple[str, int], str] = {}
    for file in sorted(path.rglob("results.csv")):
        run, column, family = _ultralytics(file, metric, mode)
        families[family].append(run)
        names[family] = column
    for file in sorted(path.rglob("train_log.txt")):
        run, family = _yolox(file)
        families[family].append(run)
        names[family] = "map50_95"
    return [
        Recording(f"{data} ({epochs} epochs)", names[data, epochs], mode, _length(epochs, runs), tuple(runs))
        for (data, epochs), runs in families.items()
    ]


def _length(planned: int, runs: Iterable[Run]) -> int:
    return min(planned, max(run.curve.epoch for run in runs))


def _ultralytics(path: Path, metric: str | None, mode: Mode) -> tuple[Run, str, tuple[str, int]]:
    """A run of Ultralytics' trainer, its metric's column, and its family: data set and planned epochs."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [{key.strip(): value for key, value in row.items() if key} for row in csv.DictReader(file)]
    columns = list(rows[0]) if rows else []
    candidates = [metric] if metric else _ULTRALYTICS_METRICS
    column = next((name for name in candidates if name in columns), None)
    if column is None:
        raise DataError(f"{path}: no column {candidates[0]!r}; give --metric")
    arguments = path.with_name("args.yaml")
    values: dict[str, Any] = read_yaml(arguments) if arguments.is_file() else {}
    family = (str(values.get("data", path.parent.parent.name)), int(values.get("epochs") or len(rows)))
    run = _run(path.parent.name, _evaluated(rows, column), path, column, mode, "train/", "val/")
    return Run(run.name, run.curve, run.seconds, values), column, family


def _evaluated(rows: list[dict[str, str]], metric: str) -> Iterator[Mapping[str, str]]:
    """`rows` without the exact zeros that Ultralytics writes where it did not validate."""
    for row in rows:
        losses = [value for column, value in row.items() if column.startswith("val/")]
        validated = not losses or any(value and float(value) for value in losses)
        yield row if validated else {column: value for column, value in row.items() if column != metric}


_EPOCH = re.compile(r"epoch: (\d+)/(\d+), iter: .*?total_loss: ([\d.einfa+-]+)")
_AP = re.compile(r"\(AP\) @\[ IoU=0\.50:0\.95 \| area=\s*all \| maxDets=100 \] = (-?[\d.]+)")


def _yolox(path: Path) -> tuple[Run, tuple[str, int]]:
    """A run of YOLOX's trainer from its log, and its family; each epoch has its mean total loss, and the AP if any."""
    losses: dict[int, list[float]] = defaultdict(list)
    values: dict[int, float] = {}
    epoch = planned = 0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if trained := _EPOCH.search(line):
            epoch, planned = int(trained[1]), int(trained[2])
            losses[epoch].append(float(trained[3]))
        elif (evaluated := _AP.search(line)) and epoch:
            values[epoch] = float(evaluated[1])
    if not losses:
        raise DataError(f"{path}: no epoch in this log; is it the one that YOLOX's trainer writes?")
    points = [
        Point(epoch, values.get(epoch), sum(batch_losses) / len(batch_losses))
        for epoch, batch_losses in sorted(losses.items())
    ]
    return Run(path.parent.name, Curve("max", points), (1.0,) * len(points), {}), (path.parent.parent.name, planned)
