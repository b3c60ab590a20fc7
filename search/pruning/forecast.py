"""Where every training of a sweep may end, begun or not, from all curves so far and their configurations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest

import numpy as np

from search.pruning.curve import Curve
from search.pruning.curve_model import Array, CurveModel, Points

GROWTH = 1.3
"""The scales are found again whenever the trials have taken so many times more epochs."""

MEMBERS = 300
"""Trials that are looked at, as the cost grows with their number cubed: half by projected_value, half the newest."""


@dataclass(frozen=True)
class _Moment:
    """What is looked at: how many values each trial had by then, and who else was lost."""

    counts: Mapping[int, int]
    failed: Sequence[int]


@dataclass(frozen=True)
class _Values:
    """The points of some curves, and their values moved and scaled to mean 0 and variance 1."""

    points: Points
    y: Array
    centre: float
    spread: float


class Forecast:
    """What each trial promises: the highest value that is likely at the end of its training.

    Likely is the model's mean plus one standard deviation. It depends on nothing but what was reported, in its order.

    Args:
        max_epochs: of a whole training.

    Attributes:
        curves: of each trial that reported or was lost.
    """

    def __init__(self, max_epochs: int) -> None:
        self._length = math.log(max(2, max_epochs))
        self._x: dict[int, Sequence[float]] = {}
        self.curves: dict[int, Curve] = {}
        self._lost: set[int] = set()
        self._epochs: dict[int, int] = {}
        self._taken = 0
        self._marked = 0
        self._mark = _Moment({}, [])
        self._curve_model: CurveModel | None = None

    @property
    def taken(self) -> int:
        """Epochs of all trials."""
        return self._taken

    def start(self, trial: int, x: Sequence[float]) -> None:
        """`trial` has the configuration `x`, each coordinate from 0 to 1."""
        self._x[trial] = x

    def arrive(self, trial: int, curve: Curve) -> None:
        """`trial` finished another epoch, the last of `curve`."""
        self.curves[trial] = curve
        self._taken += curve.epoch - self._epochs.get(trial, 0)
        self._epochs[trial] = curve.epoch
        if self._taken >= GROWTH * self._marked:
            self._marked = self._taken
            self._mark = self._moment()
            self._curve_model = None

    def lose(self, trial: int) -> None:
        """`trial` diverged, collapsed or failed: as if it had come to its end, there with the worst value of all."""
        self.curves.setdefault(trial, Curve())
        self._lost.add(trial)

    def promises(self, trials: Sequence[int], new: Sequence[Sequence[float]]) -> list[float]:
        """Of `trials`, then of `new` configurations; higher is better, and -inf for a trial that is not looked at."""
        now = self._moment()
        known = self._known(now)
        if known is None:
            return [0.0] * (len(trials) + len(new))
        looked_at = [trial for trial in trials if trial in now.counts]
        names = [*looked_at, *(-1 - place for place in range(len(new)))]
        if not names:
            return [-math.inf] * len(trials)
        ones = np.ones(len(names))
        x = np.array([self._x[trial] for trial in looked_at] + list(new))
        mean, variance = self._fitted().predict(known.points, known.y, Points(x, ones, np.array(names), ones))
        promised: list[float] = (known.centre + known.spread * (mean + np.sqrt(variance))).tolist()
        of = dict(zip(names, promised, strict=True))
        return [of.get(trial, -math.inf) for trial in trials] + promised[len(looked_at) :]

    def _moment(self) -> _Moment:
        begun = [trial for trial, curve in self.curves.items() if curve.evaluations or trial in self._lost]
        if len(begun) > MEMBERS:
            best = nlargest(MEMBERS // 2, begun, key=lambda trial: (self._outlook(trial), -trial))
            begun = [*best, *sorted(set(begun) - set(best))[len(best) - MEMBERS :]]
        going = sorted(set(begun) - self._lost)
        return _Moment({trial: self.curves[trial].evaluations for trial in going}, sorted(self._lost & set(begun)))

    def _outlook(self, trial: int) -> float:
        found = None if trial in self._lost else self.curves[trial].rising(self.curves[trial].projected_value)
        return -math.inf if found is None else found

    def _fitted(self) -> CurveModel:
        """At the scales that fit what was known at the mark: so they do not depend on when somebody asks."""
        if self._curve_model is None:
            self._curve_model = CurveModel(len(next(iter(self._x.values()))))
            known = self._known(self._mark)
            if known:
                self._curve_model.fit(known.points, known.y)
        return self._curve_model

    def _known(self, moment: _Moment) -> _Values | None:
        """The curves at that moment, each as its second and its last third; None if there was no value yet.

        The first third is left out: in it learning rates warm up, and who starts slowly is often the best at the end.
        """
        rows: list[tuple[int, float, float, int]] = []  # trial, s, value, epochs
        for trial, count in moment.counts.items():
            curve = self.curves[trial]
            known = [(point.epoch, curve.rising(point.value) or 0.0) for point in curve.evaluated[:count]]
            first, second = count // 3, 2 * count // 3
            for third in (known[first:second], known[second:]):
                if third:
                    logs = sum(math.log(epoch) for epoch, _ in third) / len(third)
                    values = sum(value for _, value in third)
                    rows.append((trial, logs / self._length, values / len(third), len(third)))
        if not rows:
            return None
        worst = min(value for _, _, value, _ in rows)
        rows += [(trial, 1.0, worst, 1) for trial in moment.failed]
        trials, s, shown, each = zip(*rows, strict=True)
        y = np.array(shown)
        centre, spread = float(y.mean()), float(y.std()) or 1.0
        x = np.array([self._x[trial] for trial in trials])
        points = Points(x, np.array(s), np.array(trials), np.array(each, float))
        return _Values(points, (y - centre) / spread, centre, spread)
