"""Whoever may end highest trains next, new or begun: one model of configurations and curves draws and promotes.

Swersky, Snoek and Adams, "Freeze-Thaw Bayesian Optimization" (arXiv:1406.3896), with the curves of `lines.py`. Every
trial waits at each rung. When a worker is free, the trials that wait and some new configurations, drawn at random, are
compared by what they promise (`forecast.py`), and the first of them trains, to its next rung. No rung has places.

It starts no more trials when it has taken as many epochs as if r / e of all trained to epoch e, r being the first rung:
so a sweep costs no more than under `PromotingASHA`. From then on only those go on that may beat the best that was
trained to its end, and for one training's epochs more, or until one has come to its end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from search.pruning.curve import Curve
from search.pruning.decision import FAILURES, Action, Reason
from search.pruning.forecast import Forecast
from search.pruning.rungs import RungResult
from search.pruning.scheduler import Scheduler

RANDOM = 16
"""Configurations that are drawn without the model first, or a third of all trials if they are few."""

CANDIDATES = 200
"""New configurations that are looked at for each choice."""

Values = dict[str, Any]


@dataclass(frozen=True)
class Configurations:
    """Where new ones come from, and how the model sees them.

    Attributes:
        draw: `CANDIDATES` of them, for the trial that starts after so many others; for a number always the same.
        point: one as coordinates from 0 to 1.
    """

    draw: Callable[[int], list[Values]]
    point: Callable[[Mapping[str, Any]], Sequence[float]]


@dataclass(frozen=True)
class _Field:
    """Those who are compared: trials that were begun, and new configurations, each with what it promises."""

    trials: dict[int, float]
    new: list[tuple[float, Values]]

    @property
    def leader(self) -> int:
        """The trial that promises most, the earliest of equals."""
        return max(self.trials, key=lambda trial: (self.trials[trial], -trial))

    @property
    def newest(self) -> float:
        """What the best of the new ones promises."""
        return max((promise for promise, _ in self.new), default=-math.inf)


def cost(rungs: list[int], max_epochs: int, trials: int) -> float:
    """Epochs of so many trials if r / e of them train to epoch e, r being the first rung."""
    if not rungs:
        return trials * max_epochs
    stages = zip(rungs, [*rungs[1:], max_epochs], strict=True)
    return trials * rungs[0] * (1 + sum(1 - begin / end for begin, end in stages))


class FreezeThaw(Scheduler):
    """See the module's docstring.

    Args:
        rungs: epochs at which trials wait, rising, all below `max_epochs`.
        max_epochs: of a whole training.
        trials: that the search may start.
        configurations: to choose from.

    Attributes:
        configurations: as given; who has a table of trainings may put another choice here before the first.
    """

    compares: ClassVar[str] = "promising"
    cutoff: ClassVar[str] = "the first of the others promised"

    def __init__(self, rungs: list[int], max_epochs: int, trials: int, configurations: Configurations) -> None:
        self._rungs = rungs
        self._trials = trials
        self._random = min(RANDOM, math.ceil(trials / 3))
        self._limit = cost(rungs, max_epochs, trials)
        self._longest = self._limit + max_epochs
        self.configurations = configurations
        self._forecast = Forecast(max_epochs)
        self._passed: dict[int, int] = {}  # how many rungs
        self._due: dict[int, int] = {}
        self._waiting: dict[int, int] = {}  # at which rung
        self._best = -math.inf
        self._new: tuple[int, list[Values], list[Sequence[float]]] = (-1, [], [])
        self._fields: dict[tuple[int, ...], _Field] = {}

    @property
    def rungs(self) -> list[int]:
        """See `Scheduler`."""
        return self._rungs

    @property
    def over(self) -> bool:
        """See `Scheduler`."""
        return self._forecast.taken >= self._limit

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """See `Scheduler`."""
        self._forecast.start(trial, self.configurations.point(values))
        self._passed[trial] = 0
        self._fields.clear()

    def arrive(self, trial: int, curve: Curve) -> None:
        """See `Scheduler`: a late report counts at the highest rung that it has passed."""
        self._forecast.arrive(trial, curve)
        passed = sum(rung <= curve.epoch for rung in self._rungs)
        if passed > self._passed[trial]:
            self._due[trial] = self._rungs[passed - 1]
            self._passed[trial] = passed
        self._fields.clear()

    def due(self, trial: int) -> int | None:
        """See `Scheduler`: once a rung."""
        return self._due.get(trial)

    def action(self, trial: int, rung: int, left: int) -> Action:
        """See `Scheduler`: who would be sent on at once need not leave its worker."""
        if not self._forecast.curves[trial].evaluations:
            return "stop"
        return "continue" if self._chosen({*self._waiting, trial}, left) == trial else "pause"

    def rung_result(self, trial: int, rung: int) -> RungResult:
        """See `Scheduler`: among those that wait and, while trials may start, new ones; then the best that ended."""
        field = self._field({*self._waiting, trial})
        others = [promise for other, promise in field.trials.items() if other != trial]
        others += [promise for promise, _ in field.new]
        others += [self._best] if self.over and self._best > -math.inf else []
        mine = field.trials[trial] if self._forecast.curves[trial].evaluations else None
        rank = 1 + (len(others) if mine is None else sum(promise > mine for promise in others))
        first = max(others, default=-math.inf)
        return RungResult(rung, mine, first, rank, 1 + len(others), mine is not None and rank == 1, len(field.new))

    def record(self, trial: int, rung: int, action: Action) -> None:
        """See `Scheduler`."""
        self._due.pop(trial, None)
        self._waiting.pop(trial, None)
        if action == "pause":
            self._waiting[trial] = rung

    def end(self, trial: int, reason: Reason) -> None:
        """See `Scheduler`."""
        if trial not in self._passed:  # no part of the search
            return
        self._due.pop(trial, None)
        self._waiting.pop(trial, None)
        if reason in FAILURES:
            self._forecast.lose(trial)
        elif reason == "done":
            curve = self._forecast.curves[trial]
            reached = curve.rising(curve.smoothed_value)
            self._best = self._best if reached is None else max(self._best, reached)
        self._fields.clear()

    def promotable(self, left: int) -> tuple[int, int] | None:
        """See `Scheduler`."""
        found = self._chosen(set(self._waiting), left)
        return None if found is None else (found, self._waiting[found])

    def new(self) -> Values:
        """See `Scheduler`."""
        field = self._field(set(self._waiting))
        if len(self._passed) < self._random:
            return field.new[0][1]
        return max(field.new, key=lambda one: one[0])[1]

    def _chosen(self, trials: set[int], left: int) -> int | None:
        """Which of `trials` goes on; None if a new one is to start, or nobody."""
        if not trials or self._spent or (left and len(self._passed) < self._random):
            return None
        field = self._field(trials)
        needed = field.newest if left else self._best if self.over else -math.inf
        return field.leader if field.trials[field.leader] >= needed else None

    @property
    def _spent(self) -> bool:
        """Whether nobody goes on: but somebody must come to an end."""
        return self._forecast.taken >= self._longest and self._best > -math.inf

    def _field(self, trials: set[int]) -> _Field:
        names = tuple(sorted(trials))
        if names not in self._fields:
            started = len(self._passed)
            new, points = ([], []) if self.over or started >= self._trials else self._drawn(started)
            promises = self._forecast.promises(names, points)
            begun, fresh = promises[: len(names)], promises[len(names) :]
            self._fields[names] = _Field(dict(zip(names, begun, strict=True)), list(zip(fresh, new, strict=True)))
        return self._fields[names]

    def _drawn(self, started: int) -> tuple[list[Values], list[Sequence[float]]]:
        if self._new[0] != started:
            new = self.configurations.draw(started)
            self._new = started, new, [self.configurations.point(values) for values in new]
        return self._new[1:]
