"""Freeze-thaw Bayesian optimisation: the paused trial or new configuration with the best prospects trains next.

Swersky, Snoek and Adams, "Freeze-Thaw Bayesian Optimization" (arXiv:1406.3896), with the curves of `curve_model.py`.
Every trial is paused at each rung. When a worker is free, the paused trials and some new configurations, drawn at
random, are compared by their upper confidence bound (`forecast.py`), and the first of them trains, to its next rung.
No rung has a quota. The budget is counted in epochs instead (`EpochBudget`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from search.pruning.bounds import best_of
from search.pruning.curve import Curve
from search.pruning.decision import FAILURES, Action, Reason
from search.pruning.forecast import Forecast
from search.pruning.rungs import RungResult, warming_up
from search.pruning.scheduler import Scheduler
from spaces.cube import Configurations

RANDOM = 16
"""How many configurations are first drawn at random, without the model; a third of all trials if that is less."""

Values = dict[str, Any]


def cost(rungs: list[int], max_epochs: int, trials: int) -> float:
    """Epochs that `trials` take together if r / e of them train to epoch e, r being the first rung."""
    if not rungs:
        return trials * max_epochs
    stages = zip(rungs, [*rungs[1:], max_epochs], strict=True)
    return trials * rungs[0] * (1 + sum(1 - begin / end for begin, end in stages))


class EpochBudget:
    """How many epochs the search may take.

    The search starts no more trials once it has taken as many epochs as if r / e of all trials had trained to epoch e,
    r being the first rung. So a sweep costs no more than with `PromotingASHA`. From then on only trials that may beat
    the best completed trial are promoted, until the search has taken as many more epochs as one whole training.
    """

    def __init__(self, rungs: list[int], max_epochs: int, trials: int) -> None:
        self._starting = cost(rungs, max_epochs, trials)
        self._promoting = self._starting + max_epochs

    def starts(self, epochs: int) -> bool:
        """Whether trials may still start after that many epochs."""
        return epochs < self._starting

    def promotes(self, epochs: int) -> bool:
        """Whether trials may still be promoted after that many epochs."""
        return epochs < self._promoting


@dataclass(frozen=True)
class Candidates:
    """The trials and new configurations that are compared when a worker is free, with their upper confidence bounds.

    Attributes:
        trials: the bound of each trial that has started.
        new: the bound of each new configuration, with the configuration.
    """

    trials: dict[int, float]
    new: list[tuple[float, Values]]

    @property
    def leader(self) -> int:
        """The trial with the highest bound, the earliest of equals."""
        return max(self.trials, key=lambda trial: (self.trials[trial], -trial))

    @property
    def best_new_bound(self) -> float:
        """The highest bound of a new configuration; -inf if there is none."""
        return max((bound for bound, _ in self.new), default=-math.inf)

    @property
    def best_new(self) -> Values:
        """The new configuration with the highest bound, the first of equals."""
        return max(self.new, key=lambda candidate: candidate[0])[1]


class FreezeThaw(Scheduler):
    """See the module's docstring.

    Args:
        rungs: epochs at which trials are paused, rising, all below `max_epochs`.
        max_epochs: epochs of a whole training.
        trials: how many the search may start.
        configurations: to choose from.

    Attributes:
        configurations: as given. A benchmark with a table of trainings may replace it before the first trial.
    """

    compares: ClassVar[str] = "upper confidence bound of"
    cutoff: ClassVar[str] = "best of the others"

    def __init__(self, rungs: list[int], max_epochs: int, trials: int, configurations: Configurations) -> None:
        self._rungs, self._max_epochs = rungs, max_epochs
        self._trials = trials
        self._random = min(RANDOM, math.ceil(trials / 3))
        self._budget = EpochBudget(rungs, max_epochs, trials)
        self.configurations = configurations
        self._forecast = Forecast(max_epochs)
        self._passed: dict[int, int] = {}  # by trial: how many rungs
        self._due: dict[int, int] = {}  # by trial: the rung at which it is to be compared
        self._paused: dict[int, int] = {}  # by trial: the rung at which it is
        self._best = -math.inf  # oriented objective of the best trial that was trained to completion
        # Both caches only save time: they are functions of what was reported so far.
        self._drawn: tuple[int, list[Values], list[Sequence[float]]] = (-1, [], [])
        self._candidates: dict[frozenset[int], Candidates] = {}

    @property
    def rungs(self) -> list[int]:
        """See `Scheduler`."""
        return self._rungs

    @property
    def over(self) -> bool:
        """See `Scheduler`."""
        return not self._budget.starts(self._forecast.epochs)

    def start(self, trial: int, values: Mapping[str, Any], on_top: bool = False) -> None:
        """See `Scheduler`."""
        if on_top:
            self._trials += 1
            self._budget = EpochBudget(self._rungs, self._max_epochs, self._trials)
        self._forecast.start(trial, self.configurations.point(values))
        self._passed[trial] = 0
        self._candidates.clear()

    def arrive(self, trial: int, curve: Curve) -> None:
        """See `Scheduler`: a late report counts at the highest rung that it has passed."""
        self._forecast.arrive(trial, curve)
        passed = sum(rung <= curve.epoch for rung in self._rungs)
        if passed > self._passed[trial]:
            rung = self._rungs[passed - 1]
            if not warming_up(rung, curve.warmup_epochs, self._max_epochs):
                self._due[trial] = rung
                self._passed[trial] = passed
        self._candidates.clear()

    def due(self, trial: int) -> int | None:
        """See `Scheduler`: once per rung."""
        return self._due.get(trial)

    def action(self, trial: int, rung: int, remaining: int) -> Action:
        """See `Scheduler`: a trial that would be promoted at once continues on its worker."""
        if not self._forecast.curves[trial].evaluations:
            return "stop"
        return "continue" if self._next_promotion({*self._paused, trial}, remaining) == trial else "pause"

    def rung_result(self, trial: int, rung: int) -> RungResult:
        """See `Scheduler`: among the paused trials, and new configurations or the best that was trained to completion.

        New configurations count while trials may start, the best completed trial after that.
        """
        candidates = self._compared({*self._paused, trial})
        others = [bound for other, bound in candidates.trials.items() if other != trial]
        others += [bound for bound, _ in candidates.new]
        others += [self._best] if self.over and self._best > -math.inf else []
        value = candidates.trials[trial] if self._forecast.curves[trial].evaluations else None
        rank = 1 + (len(others) if value is None else sum(bound > value for bound in others))
        promoted = value is not None and rank == 1
        best_other = max(others, default=-math.inf)
        # A bound may exceed what the metric can be. That is right for the order, but no number to show to people.
        curve = self._forecast.curves[trial]
        highest = best_of(curve.bounds, curve.mode)
        value = value if value is None else min(value, highest)
        return RungResult(rung, value, min(best_other, highest), rank, 1 + len(others), promoted, len(candidates.new))

    def record(self, trial: int, rung: int, action: Action) -> None:
        """See `Scheduler`."""
        self._due.pop(trial, None)
        self._paused.pop(trial, None)
        if action == "pause":
            self._paused[trial] = rung

    def end(self, trial: int, reason: Reason) -> None:
        """See `Scheduler`."""
        if trial not in self._passed:  # a confirmation or an audit, which is no part of the search
            return
        self._due.pop(trial, None)
        self._paused.pop(trial, None)
        if reason in FAILURES:
            self._forecast.fail(trial)
        elif reason == "done":
            curve = self._forecast.curves[trial]
            reached = curve.oriented(curve.objective_value)
            self._best = self._best if reached is None else max(self._best, reached)
        self._candidates.clear()

    def promotable(self, remaining: int) -> tuple[int, int] | None:
        """See `Scheduler`."""
        trial = self._next_promotion(set(self._paused), remaining)
        return None if trial is None else (trial, self._paused[trial])

    def new(self) -> Values:
        """See `Scheduler`."""
        candidates = self._compared(set(self._paused))
        return candidates.new[0][1] if self._draws_at_random else candidates.best_new

    @property
    def _draws_at_random(self) -> bool:
        return len(self._passed) < self._random

    def _next_promotion(self, trials: set[int], remaining: int) -> int | None:
        """Which of `trials` is promoted; None if a new one is to start, or none at all."""
        # Once the budget is spent nothing is promoted, unless no trial has been trained to completion yet.
        spent = not self._budget.promotes(self._forecast.epochs) and self._best > -math.inf
        if not trials or spent or (remaining and self._draws_at_random):
            return None
        candidates = self._compared(trials)
        needed = candidates.best_new_bound if remaining else self._best if self.over else -math.inf
        return candidates.leader if candidates.trials[candidates.leader] >= needed else None

    def _compared(self, trials: set[int]) -> Candidates:
        """`trials` and the new configurations with their bounds."""
        key = frozenset(trials)
        if key not in self._candidates:
            started = len(self._passed)
            new, points = ([], []) if self.over or started >= self._trials else self._draw(started)
            ordered = sorted(trials)
            of_trials, of_new = self._forecast.bounds(ordered, points)
            bounds = dict(zip(ordered, of_trials, strict=True))
            self._candidates[key] = Candidates(bounds, list(zip(of_new, new, strict=True)))
        return self._candidates[key]

    def _draw(self, started: int) -> tuple[list[Values], list[Sequence[float]]]:
        if self._drawn[0] != started:
            new = list(self.configurations.draw(started, (), False))
            self._drawn = started, new, [self.configurations.point(values) for values in new]
        return self._drawn[1:]
