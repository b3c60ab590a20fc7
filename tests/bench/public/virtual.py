"""One sweep over recorded trainings in virtual time, where an epoch takes one unit on its worker."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np

from search.pruning.curve import Curve, Point
from search.pruning.objective import DEFAULT_OBJECTIVE, WINDOW, reached
from tests.bench.public.groups import Group

Action = Literal["continue", "pause", "stop"]


class Rule:
    """What decides. By default everything is trained to its end."""

    curve: Callable[[], Curve] = Curve
    """Makes each trial's curve; an ablation may give another kind."""

    def starts(self, trial: int) -> bool:
        """Whether this new trial is started at all. Trials are numbered in the order of their arrival."""
        return True

    def report(self, trial: int, curve: Curve) -> Action:
        """What becomes of `trial` after the last epoch of `curve`, which is not its end."""
        return "continue"

    def end(self, trial: int, curve: Curve) -> None:
        """`trial` was trained to its end."""

    def promote(self, left: int) -> int | None:
        """The paused trial that goes on now, before a new one is started; so many are `left` to start."""
        return None


@dataclass(frozen=True)
class Outcome:
    """What a sweep cost and what it found.

    Attributes:
        epochs: trained epochs, as a share of those of all runs.
        regret: how far the best run that was trained to its end is behind the best of all, as a share of the latter.
        seen: the same for the best value that any run had reached when it ended or was left waiting.
        objective: the same by the default objective, the best mean of three epochs, of all runs, stopped or not: what a
            sweep that hands back the best checkpoint ends with.
        by_end: the same of the finished run with the best last three epochs: what a sweep with the objective `last`
            hands back.
        missed: whether the best run of all was not trained to its end.
        time: virtual time, as a share of what all runs take on workers that never idle.
    """

    epochs: float
    regret: float
    seen: float
    objective: float
    by_end: float
    missed: bool
    time: float


class Sweep:
    """The trials of one group in one order on some workers."""

    def __init__(self, group: Group, rule: Rule, order: list[int], workers: int) -> None:
        self._group, self._rule, self._order, self._workers = group, rule, order, workers
        self._curves = [rule.curve() for _ in order]
        self._new = list(range(len(order)))[::-1]
        self._busy: list[tuple[int, int, int]] = []  # when an epoch ends, in which order it began, whose it is
        self._begun = 0
        self._finished: set[int] = set()
        self._top_objective = max(map(_objective, group.runs))

    def _go_on(self, now: int, trial: int) -> None:
        self._begun += 1
        heapq.heappush(self._busy, (now + 1, self._begun, trial))

    def _hand_out(self) -> int | None:
        waiting = self._rule.promote(len(self._new))
        if waiting is not None:
            return waiting
        while self._new:
            trial = self._new.pop()
            if self._rule.starts(trial):
                return trial
        return None

    def run(self) -> Outcome:
        """Until nothing runs and nothing is handed out."""
        now = 0
        while True:
            while len(self._busy) < self._workers and (trial := self._hand_out()) is not None:
                self._go_on(now, trial)
            if not self._busy:
                return self._outcome(now)
            now, _, trial = heapq.heappop(self._busy)
            points, curve = self._group.runs[self._order[trial]], self._curves[trial]
            curve.add(points[curve.epoch])
            if curve.epoch == len(points):
                self._finished.add(self._order[trial])
                self._rule.end(trial, curve)
            elif self._rule.report(trial, curve) == "continue":
                self._go_on(now, trial)

    def _by_end(self) -> float:
        """The objective of the finished run that ended best; 0 if none has finished."""
        runs = [self._group.runs[run] for run in sorted(self._finished)]
        return _objective(max(runs, key=_end)) if runs else 0.0

    def _outcome(self, now: int) -> Outcome:
        group = self._group
        top = max(group.best)
        seen = max(curve.best.value or 0.0 for curve in self._curves if curve.best)
        return Outcome(
            epochs=sum(curve.epoch for curve in self._curves) / group.epochs,
            regret=(top - max((group.best[run] for run in self._finished), default=0.0)) / top,
            seen=(top - seen) / top,
            objective=1 - max(map(_objective, (curve.points for curve in self._curves))) / self._top_objective,
            by_end=1 - self._by_end() / self._top_objective,
            missed=group.best_run not in self._finished,
            time=now * self._workers / group.epochs,
        )


def _end(points: Sequence[Point]) -> float:
    """The objective `last` of a run with these epochs; 0 without any value."""
    values = [point.value for point in points if point.value is not None and isfinite(point.value)][-WINDOW:]
    return sum(values) / len(values) if values else 0.0


def _objective(points: Sequence[Point]) -> float:
    """The default objective of a run with these epochs; 0 without any value."""
    evaluated = [(point.epoch, point.value) for point in points if point.value is not None and isfinite(point.value)]
    epochs, values = [epoch for epoch, _ in evaluated], [value for _, value in evaluated]
    objective = reached(epochs, values, "max", DEFAULT_OBJECTIVE)
    return objective.value if objective else 0.0


MakeRule = Callable[[Group], Rule]
COLUMNS = ("epochs", "regret", "seen", "missed", "time", "objective", "by_end")


def mean_outcomes(groups: list[Group], make: MakeRule, orders: int, workers: int) -> np.ndarray:
    """Means over `orders` arrival orders, the same for every rule: one row a group, the columns of `COLUMNS`."""
    rows = []
    for index, group in enumerate(groups):
        outcomes = []
        for order in range(orders):
            shuffled = np.random.default_rng([order, index]).permutation(len(group.runs)).tolist()
            outcome = Sweep(group, make(group), shuffled, workers).run()
            outcomes.append([float(getattr(outcome, name)) for name in COLUMNS])
        rows.append(np.mean(outcomes, axis=0))
    return np.array(rows)
