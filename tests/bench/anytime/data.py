"""The data that whole systems are compared on: recorded trainings of three kinds, as tables to choose from.

own       tables that a sweep of ours recorded (`tests/bench/own`), as many trials as configurations
TaskSet   one Parquet file a task: 1,000 configurations of an optimizer, trained for 50 epochs each; 100 trials
public    other people's runs (`tests/bench/public/groups.py`). Their configurations are not known, so each has a
          random number for its only parameter: every system meets them in a random order
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet

from search.pruning.curve import Point
from tests.bench.own import recorded
from tests.bench.own.recorded import Configuration, Table, Training
from tests.bench.public import groups
from tests.bench.public.groups import Group
from trainables.recipe import Alarm

TASKSET_TRIALS = 100
"""Of a sweep on one task: about 40 trainings' worth of epochs, as schedulers stop most of them."""

LINEAR = ("beta1", "beta2")
"""Parameters of TaskSet that are shares; all others are drawn over several decades."""


@dataclass(frozen=True)
class DataSet:
    """What a system is run on.

    Attributes:
        name: unique.
        kind: data sets of one kind are reported together.
        table: the table of a seed, and which training of each configuration that seed has.
    """

    name: str
    kind: str
    table: Callable[[int], tuple[Table, Group]]

    def marks(self, asked: tuple[int, ...]) -> list[int]:
        """Those of the `asked` numbers of trainings that all trainings of the table exceed."""
        table, group = self.table(0)
        return [mark for mark in asked if mark * table.max_epochs < group.epochs]


def own_table(file: Path) -> DataSet:
    """One of our own tables."""
    table = recorded.load(file)
    return DataSet(table.name, table.name, lambda seed: (table, table.realised(seed)))


def taskset(file: Path) -> DataSet:
    """One task, whose values go from 0 (untrained) to 1 (the best of all)."""
    rows = parquet.read_table(file)
    drawn = json.loads(rows.schema.metadata[b"configurations"])
    epochs = int(max(rows["epoch"].to_numpy()))
    values, losses = (rows[name].to_numpy().reshape(len(drawn), epochs) for name in ("value", "loss"))
    curves = [_until_lost(*curve) for curve in zip(values, losses, strict=True)]
    ranges = {name: _range(name, [values[name] for values in drawn]) for name in drawn[0]}
    # All tasks have the same configurations in the same order: what a seed draws would be the same in each.
    order = np.random.default_rng(list(file.stem.encode())).permutation(len(drawn))
    configurations = tuple(Configuration(drawn[index], (curves[index],)) for index in order)
    table = Table(file.stem, _spec(ranges, epochs), configurations, min(TASKSET_TRIALS, len(configurations)))
    return DataSet(file.stem, "TaskSet", lambda seed: (table, table.realised(seed)))


def public(folder: Path) -> list[DataSet]:
    """The groups of other people's runs in `folder`."""
    return [DataSet(group.name, "public", _Public(group)) for group in groups.load(folder)]


class _Public:
    """A group as tables, each with random numbers of its own."""

    def __init__(self, group: Group) -> None:
        self._group = group
        trainings = ((Training(points, None),) for points in group.runs)
        configurations = tuple(Configuration({}, run) for run in trainings)
        spec = _spec({"arrival": {"low": 0.0, "high": 1.0, "default": 0.5}}, group.max_epochs)
        self._table = Table(group.name, spec, configurations, len(configurations), ends_early=True)

    def __call__(self, seed: int) -> tuple[Table, Group]:
        draw = np.random.default_rng([seed, 4]).random(len(self._group.runs))
        numbered = (
            Configuration({"arrival": float(number)}, configuration.trainings)
            for number, configuration in zip(draw, self._table.configurations, strict=True)
        )
        return replace(self._table, configurations=tuple(numbered)), self._group


def _spec(parameters: dict[str, Any], epochs: int) -> dict[str, Any]:
    """A sweep of a script that does not exist: nothing is trained."""
    return {
        "name": "table",
        "recipe": "command",
        "command": ["recorded", "${args}"],
        "parameters": parameters,
        "epochs": epochs,
        "metric": {"name": "value", "mode": "max", "source": {"csv": "${run_dir}/log.csv"}},
        "checkpoint": {"path": "${run_dir}/last", "resume": ["--resume"]},
    }


def _range(name: str, values: list[float]) -> dict[str, Any]:
    return {"low": min(values), "high": max(values), "log": name not in LINEAR, "default": float(np.median(values))}


def _until_lost(values: np.ndarray, losses: np.ndarray) -> Training:
    """The epochs up to the first that is not finite; that one too, without its value."""
    lost = np.flatnonzero(~np.isfinite(values))
    end = len(values) if not len(lost) else int(lost[0]) + 1
    points = tuple(
        Point(epoch, float(value) if math.isfinite(value) else None, float(loss))
        for epoch, value, loss in zip(range(1, end + 1), values[:end], losses[:end], strict=True)
    )
    return Training(points, Alarm("nonfinite", "as recorded") if len(lost) else None)
