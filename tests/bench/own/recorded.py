"""The recorded trainings of one recipe: a table of configurations, each with one to three learning curves."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet

from search.pruning.curve import Point
from search.sweep.plan import Plan, make_plan
from search.sweep.spec import read_spec
from spaces.space import Draw, Trial
from tests.bench.public.groups import Group
from trainables.recipe import Alarm
from trainables.settings import read_yaml

RECORDING = ("sampler", "scheduler", "stability")
"""What a sweep is given so that it records everything; the compared ones have the defaults."""


@dataclass(frozen=True)
class Training:
    """One curve, and the recipe's alarm after its last epoch."""

    points: tuple[Point, ...]
    alarm: Alarm | None

    @property
    def best(self) -> float:
        """Its highest value, 0 if it has none."""
        return max((point.value for point in self.points if point.value is not None), default=0.0)

    @property
    def last(self) -> float:
        """Its last value, 0 if that is none."""
        return self.points[-1].value or 0.0


@dataclass(frozen=True)
class Configuration:
    """What was drawn, and its trainings: the search's own, then those on fresh seeds."""

    drawn: dict[str, Any]
    trainings: tuple[Training, ...]


@dataclass(frozen=True)
class Table:
    """All of one recipe.

    Attributes:
        name: the recipe's.
        spec: fields of the sweep that recorded them.
        configurations: in the order in which they were drawn.
        trials: that a sweep may start; as many as there are configurations unless said otherwise.
        ends_early: whether a training that is shorter than the others ended by itself; else its weights were lost.
    """

    name: str
    spec: dict[str, Any]
    configurations: tuple[Configuration, ...]
    trials: int
    ends_early: bool = False

    def make_plan(self, **policy: Any) -> Plan:
        """A sweep of as many trials on the same space under another `policy`.

        What the space draws only since the trainings were recorded is pinned to the preset's value, as it was then.
        """
        fields = {name: value for name, value in self.spec.items() if name not in RECORDING}
        ours = {"trials": self.trials, "confirm_top": 0, "enqueue": [], "audit": 0.0}
        spec = read_spec(fields | ours | policy, self.name)
        plan = make_plan(spec, training=False)
        recorded = {name for configuration in self.configurations for name in configuration.drawn}
        preset = plan.recipe.settings(plan.spec.preset, plan.pins).model_dump()
        later = {name: preset[name] for name in plan.ranges if name not in recorded}
        return make_plan(spec.model_copy(update={"set": {**spec.set, **later}}), training=False)

    @cached_property
    def _planned(self) -> Plan:
        return self.make_plan()

    def draw(self, trial: Trial) -> None:
        """Have the recorded sweep's space draw from `trial`."""
        self._planned.space(Draw(trial, self._planned.spec.set))

    @property
    def max_epochs(self) -> int:
        """Epochs of a whole training."""
        return self._planned.max_epochs

    def drawn(self, seed: int) -> list[int]:
        """Which training of each configuration `seed` draws."""
        draw = np.random.default_rng([seed, 1])
        return [int(draw.integers(len(configuration.trainings))) for configuration in self.configurations]

    def realised(self, seed: int) -> Group:
        """One training of each configuration, drawn by `seed`."""
        runs = [
            configuration.trainings[index]
            for configuration, index in zip(self.configurations, self.drawn(seed), strict=True)
        ]
        best = tuple(run.best for run in runs)
        return Group(self.name, self.name, self.max_epochs, tuple(run.points for run in runs), best)


def load(file: Path) -> Table:
    """The table in `file`; the sweep's description lies beside it, with the same name."""
    by_configuration: dict[int, dict[int, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in parquet.read_table(file).to_pylist():
        by_configuration[row["configuration"]][row["repeat"]].append(row)
    configurations = tuple(
        Configuration(json.loads(repeats[0][0]["drawn"]), tuple(map(_training, repeats.values())))
        for _, repeats in sorted(by_configuration.items())
    )
    return Table(file.stem, read_yaml(file.with_suffix(".yaml")), configurations, len(configurations))


def _training(rows: list[dict[str, Any]]) -> Training:
    rows = sorted(rows, key=lambda row: int(row["epoch"]))
    points = [Point(row["epoch"], row["value"], row["loss"], row["held_out"], row["phase"]) for row in rows]
    alarm = rows[-1]["alarm"]
    return Training(tuple(points), Alarm(alarm, "as recorded") if alarm else None)
