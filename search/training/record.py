"""The epochs of one training as its folder keeps them: `metrics.csv` and two figures."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from search.execution.epoch_event import epoch_done
from search.journal.events import EpochDone
from search.pruning.curve import Curve, Point
from search.pruning.curve_statistics import curve_statistics
from search.views.charts.chart import Chart
from search.views.stability_figure import stability_figure
from search.views.training_figure import training_figure
from trainables.atomic import write_file
from trainables.errors import SettingsError
from trainables.recipe import AnyRecipe, Epoch

TABLE = "metrics.csv"
"""One row an epoch and one column a number, as Ultralytics' `results.csv` has it."""
FIRST_COLUMNS = ("epoch", "time", "phase")
LOSSES, RATES = ("train", "val"), "lr/"
"""How the columns of losses and of learning rates begin; the others are metrics."""


class TrainingRecord:
    """The epochs so far.

    Args:
        recipe: what is trained.
        folder: of the training; has `TABLE` if an earlier process began it.
    """

    def __init__(self, recipe: AnyRecipe, folder: Path) -> None:
        self._recipe = recipe
        self._file = folder / TABLE
        self.epochs: list[EpochDone] = []
        self.curve = Curve(recipe.mode)

    def take_earlier(self, epoch: Epoch) -> None:
        """Read the epochs before `epoch`, which earlier processes wrote into the folder.

        Its own metrics, and the recipe's, are read as metrics even if they are called as losses and rates are.

        Raises:
            SettingsError: the table is damaged.
        """
        if self._file.is_file():
            for done in read_table(self._file, {self._recipe.metric, *epoch.metrics}):
                if done.epoch < epoch.epoch:
                    self._append(done)

    def add(self, epoch: Epoch) -> EpochDone:
        """Take an epoch into account and write the table anew."""
        done = epoch_done(0, epoch, time.time())
        self._append(done)
        write_file(self._file, table(self.epochs))
        return done

    def _append(self, done: EpochDone) -> None:
        self.epochs.append(done)
        point = Point.of(done.epoch, self._recipe.metric, done.metrics, done.losses, done.phase)
        self.curve.add(replace(point, spread=done.spread))

    def figures(self, title: str) -> Sequence[Chart]:
        """The learning curves, and the figure of the YOLOX stability report (document 001)."""
        statistics = curve_statistics(self.curve)
        return (
            training_figure(title, self.epochs, self.curve, self._recipe.metric),
            stability_figure(title, self.epochs, self.curve, statistics),
        )


def table(epochs: Sequence[EpochDone]) -> str:
    """The text of `TABLE`: a column for each number that any epoch has, empty where an epoch has none.

    A metric that is called as one of `FIRST_COLUMNS` is left out.
    """
    rows, seconds = [], 0.0
    for done in epochs:
        seconds += sum(done.seconds.values())
        first: dict[str, object] = {"epoch": done.epoch, "time": round(seconds, 3), "phase": done.phase}
        rates = {f"{RATES}{name}": value for name, value in done.rates.items()}
        rows.append({**done.losses, **done.metrics, **rates, **first})
    names = dict.fromkeys(name for row in rows for name in row if name not in FIRST_COLUMNS)
    columns = [*FIRST_COLUMNS, *sorted(names, key=_part)]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _part(column: str) -> int:
    """Training losses come first, then metrics, then held-out losses, then learning rates: Ultralytics' order."""
    return 3 if column.startswith(RATES) else {"train": 0, "val": 2}.get(column.partition("/")[0], 1)


def read_table(file: Path, metrics: Collection[str]) -> list[EpochDone]:
    """The epochs that `table` wrote.

    Args:
        file: the table.
        metrics: columns that are metrics; how the others begin says what they are.

    Raises:
        SettingsError: the file is no such table.
    """
    epochs, before = [], 0.0
    with file.open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            try:
                seconds = float(row["time"]) - before
                epochs.append(_epoch(row, seconds, metrics))
            except (KeyError, TypeError, ValueError):
                raise SettingsError(
                    f"{file} line {number}: is no row of a training's epochs; restore the file, or give another --out"
                ) from None
            before += seconds
    return epochs


def _epoch(row: Mapping[str, str], seconds: float, known_metrics: Collection[str]) -> EpochDone:
    metrics: dict[str, float] = {}
    losses: dict[str, float] = {}
    rates: dict[str, float] = {}
    for name, text in row.items():
        if name in FIRST_COLUMNS or not text:
            continue
        value = float(text)
        if name in known_metrics:
            metrics[name] = value
        elif name.partition("/")[0] in LOSSES:
            losses[name] = value
        elif name.startswith(RATES):
            rates[name.removeprefix(RATES)] = value
        else:
            metrics[name] = value
    return EpochDone(0, int(row["epoch"]), row["phase"], metrics, losses, rates, {"epoch": seconds})


def is_lost(done: EpochDone) -> str:
    """Why nothing is left of a training after this epoch; "" if its losses are numbers."""
    if done.alarm == "nonfinite":
        return done.alarm_detail
    return next((f"loss {name} is {value}" for name, value in done.losses.items() if _is_lost(name, value)), "")


def _is_lost(name: str, value: float) -> bool:
    # A held-out loss overflows in half precision in healthy trainings: see search/pruning/stability.py.
    return name.partition("/")[0] == "train" and not math.isfinite(value)
