"""How good every training of a sweep, started or new, may become: a bound from all curves and configurations so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import NamedTuple

import numpy as np

from search.pruning.curve import Curve
from search.pruning.curve_model import Array, CurveModel, Points

GROWTH = 1.3
"""The model is fitted again whenever the trials have taken that many times more epochs."""

MEMBERS = 200
"""At most this many trials enter the model, since its cost grows with their cube: half of them are the best by
projected value, half the newest."""

NEW_TRIAL = -1
"""Number that the model is given for each new configuration: no trial has it, so it has no curve of its own yet."""


@dataclass(frozen=True)
class Snapshot:
    """What the model looked at when it was fitted.

    Attributes:
        evaluations: by trial, how many evaluated epochs it had by then.
        failed: the failed trials.
    """

    evaluations: Mapping[int, int]
    failed: Sequence[int]


class _Third(NamedTuple):
    """A third of a trial's curve: where it lies (`Points.s`), its mean value, and of how many epochs that is."""

    trial: int
    s: float
    value: float
    epochs: int


@dataclass(frozen=True)
class _Data:
    """Points of curves, and their values shifted and scaled to mean 0 and variance 1."""

    points: Points
    y: Array
    mean: float
    std: float


class Forecast:
    """The upper confidence bound of each trial: a high value that it may reach at the end of its training.

    It is the model's mean plus one standard deviation. It depends only on what was reported and in which order, not on
    when `bounds` is called.

    Args:
        max_epochs: epochs of a whole training.

    Attributes:
        curves: of each trial that has reported or failed.
        epochs: how many all trials have taken together.
    """

    def __init__(self, max_epochs: int) -> None:
        self._length = math.log(max(2, max_epochs))
        self._x: dict[int, Sequence[float]] = {}
        self.curves: dict[int, Curve] = {}
        self.epochs = 0
        self._failed: set[int] = set()
        # Both are caches: of thousands of curves, few have changed since the last call of `bounds`.
        self._projected_values: dict[int, float] = {}
        self._thirds: dict[tuple[int, int], list[_Third]] = {}
        self._epochs_of: dict[int, int] = {}
        self._epochs_at_snapshot = 0
        self._snapshot = Snapshot({}, [])
        self._model: CurveModel | None = None  # fitted to the snapshot when it is first needed

    def start(self, trial: int, x: Sequence[float]) -> None:
        """`trial` started with the configuration `x`, each coordinate from 0 to 1."""
        self._x[trial] = x

    def arrive(self, trial: int, curve: Curve) -> None:
        """`trial` finished another epoch, the last of `curve`."""
        self.curves[trial] = curve
        projected = curve.oriented(curve.projected_value)
        if projected is not None:
            self._projected_values[trial] = projected
        self.epochs += curve.epoch - self._epochs_of.get(trial, 0)
        self._epochs_of[trial] = curve.epoch
        if self.epochs >= GROWTH * self._epochs_at_snapshot:
            self._epochs_at_snapshot = self.epochs
            self._snapshot = self._now()
            self._model = None

    def fail(self, trial: int) -> None:
        """`trial` failed: it counts as trained to its end with the lowest value of all."""
        self.curves.setdefault(trial, Curve())
        self._failed.add(trial)

    def bounds(self, trials: Sequence[int], new: Sequence[Sequence[float]]) -> tuple[list[float], list[float]]:
        """The upper confidence bounds of `trials`, and of new configurations.

        Returns:
            One oriented value each (higher is better), in the metric's unit; 0 for all before the first evaluated
            epoch, and -inf for a trial that the model does not look at.
        """
        now = self._now()
        data = self._data(now)
        if data is None:
            return [0.0] * len(trials), [0.0] * len(new)
        members = [trial for trial in trials if trial in now.evaluations]
        numbers = np.array(members + [NEW_TRIAL] * len(new))
        if not len(numbers):
            return [-math.inf] * len(trials), []
        ones = np.ones(len(numbers))
        x = np.array([self._x[trial] for trial in members] + list(new))
        mean, variance = self._fitted().predict(data.points, data.y, Points(x, ones, numbers, ones))
        bounds: list[float] = (data.mean + data.std * (mean + np.sqrt(variance))).tolist()
        by_trial = dict(zip(members, bounds, strict=False))
        return [by_trial.get(trial, -math.inf) for trial in trials], bounds[len(members) :]

    def _now(self) -> Snapshot:
        """What the model would look at now."""
        trials = [trial for trial in self.curves if trial in self._projected_values or trial in self._failed]
        if len(trials) > MEMBERS:
            best = nlargest(MEMBERS // 2, trials, key=lambda trial: (self._projected_value(trial), -trial))
            newest = sorted(set(trials) - set(best))[len(best) - MEMBERS :]
            trials = [*best, *newest]
        sound = sorted(set(trials) - self._failed)
        return Snapshot(
            {trial: self.curves[trial].evaluations for trial in sound}, sorted(self._failed.intersection(trials))
        )

    def _projected_value(self, trial: int) -> float:
        return -math.inf if trial in self._failed else self._projected_values[trial]

    def _fitted(self) -> CurveModel:
        """The model as it fits the last snapshot."""
        if self._model is None:
            self._model = CurveModel(len(next(iter(self._x.values()))))
            data = self._data(self._snapshot)
            if data:
                self._model.fit(data.points, data.y)
        return self._model

    def _data(self, snapshot: Snapshot) -> _Data | None:
        """The curves at that snapshot, each as the mean of its second and of its last third; None without any value.

        The first third is left out: learning rates warm up in it, and a trial that starts slowly is often the best in
        the end.
        """
        rows = [third for trial, count in snapshot.evaluations.items() for third in self._thirds_of(trial, count)]
        if not rows:
            return None
        lowest = min(third.value for third in rows)
        rows += [_Third(trial, 1.0, lowest, 1) for trial in snapshot.failed]
        trials, s, values_, counts = zip(*rows, strict=True)
        y = np.array(values_)
        mean, std = float(y.mean()), float(y.std()) or 1.0
        x = np.array([self._x[trial] for trial in trials])
        points = Points(x, np.array(s), np.array(trials), np.array(counts, float))
        return _Data(points, (y - mean) / std, mean, std)

    def _thirds_of(self, trial: int, count: int) -> list[_Third]:
        """The second and the last third of the first `count` evaluated epochs of `trial`."""
        if (trial, count) not in self._thirds:
            curve = self.curves[trial]
            values = [(point.epoch, curve.oriented(point.value) or 0.0) for point in curve.evaluated[:count]]
            first, second = count // 3, 2 * count // 3
            self._thirds[trial, count] = [
                _Third(
                    trial,
                    sum(math.log(epoch) for epoch, _ in third) / len(third) / self._length,
                    sum(value for _, value in third) / len(third),
                    len(third),
                )
                for third in (values[first:second], values[second:])
                if third
            ]
        return self._thirds[trial, count]
