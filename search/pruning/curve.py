"""One trial's learning curve so far, and the numbers that trials are compared by."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from search.pruning.bounds import within
from search.pruning.objective import DEFAULT_OBJECTIVE, WINDOW, ObjectiveName, Rating, Reached, ratings, reached
from trainables.objective import Bounds

ValueT = TypeVar("ValueT", float, float | None)

WARMUP = "warmup"
"""The phase in which the learning rate only rises (see `Epoch.phase`)."""


def orient(value: float, mode: str) -> float:
    """`value` with the sign that makes higher better: negated if `mode` is "min". It is its own inverse."""
    return value if mode == "max" else -value


@dataclass(frozen=True, slots=True)
class Point:
    """One epoch of a curve.

    Attributes:
        epoch: from 1.
        value: the objective; None if the epoch was not evaluated.
        loss: mean training loss; may be non-finite; None if it was not recorded.
        held_out: mean held-out loss; None if there is none.
        phase: the recipe's name for this part of its schedule.
        spread: standard deviation of the training loss over the epoch's steps; None if it is not known.
    """

    epoch: int
    value: float | None
    loss: float | None
    held_out: float | None = None
    phase: str = "main"
    spread: float | None = None

    @property
    def finite_loss(self) -> float | None:
        """The training loss if it is a number."""
        return self.loss if self.loss is not None and math.isfinite(self.loss) else None

    @classmethod
    def of(
        cls, epoch: int, metric: str, metrics: Mapping[str, float], losses: Mapping[str, float], phase: str = "main"
    ) -> Point:
        """The point of an epoch with these metrics and losses; `metric` names the objective."""
        return cls(epoch, metrics.get(metric), losses.get("train"), losses.get("val"), phase)


class Curve:
    """The epochs of one trial in order, and what follows from them.

    Epochs are stored as columns. What trials are compared by needs no `Point`: those are made when they are asked for,
    since a sweep may have a million.

    Values are in the metric's own sign; `oriented` makes higher better.

    Args:
        mode: whether a higher ("max") or a lower value ("min") is better.
        points: its first epochs.
        objective: what a training is worth, see `search.pruning.objective`.
        bounds: the lowest and the highest value that the metric can have, if that is known.
    """

    def __init__(
        self,
        mode: str = "max",
        points: Iterable[Point] = (),
        objective: ObjectiveName = DEFAULT_OBJECTIVE,
        bounds: Bounds | None = None,
    ) -> None:
        self.mode = mode
        self.objective = objective
        self.bounds = bounds
        self._epochs: list[int] = []
        self._values: list[float | None] = []
        self._losses: list[float | None] = []
        self._held_out: list[float | None] = []
        self._phases: list[str] = []
        self._spreads: list[float | None] = []
        # The finite ones of _values. Finding them again after each epoch would take the square of the epochs.
        self._finite_values: list[float] = []
        self._warmup_epochs = 0
        self._finite_epochs: list[int] = []
        self._reached: Reached | None = None
        self._reached_of = 0  # how many of the finite values `_reached` takes into account
        self.forget_points()
        for point in points:
            self.add(point)

    def forget_points(self) -> None:
        """Free the points, which take more memory than all else here; they are made again when asked for."""
        self._points: list[Point] = []
        self._evaluated: list[Point] = []
        self._bests: list[Point] = []
        self._train_losses: list[float] = []
        self._held_out_losses: list[float] = []

    def add(self, point: Point) -> None:
        """Add the next epoch."""
        self.extend([point.epoch], [point.value], [point.loss], [point.held_out], [point.phase], [point.spread])

    def extend(
        self,
        epochs: list[int],
        values: list[float | None],
        losses: list[float | None],
        held_out: list[float | None],
        phases: list[str],
        spreads: list[float | None],
    ) -> None:
        """Add the next epochs, with one entry per epoch in each column; see `Point`."""
        self._epochs.extend(epochs)
        self._values.extend(values)
        self._losses.extend(losses)
        self._held_out.extend(held_out)
        self._phases.extend(phases)
        self._spreads.extend(spreads)
        for epoch, phase in zip(epochs, phases, strict=True):
            if phase == WARMUP:
                self._warmup_epochs = epoch
        for epoch, value in zip(epochs, values, strict=True):
            if value is not None and math.isfinite(value):
                self._finite_epochs.append(epoch)
                self._finite_values.append(value)

    def _with_points(self) -> Curve:
        """This curve, after making the points that are missing."""
        first = len(self._points)
        if first < len(self._epochs):
            columns = self._epochs, self._values, self._losses, self._held_out, self._phases, self._spreads
            for values in zip(*(column[first:] for column in columns), strict=True):
                self._add_point(Point(*values))
        return self

    def _add_point(self, point: Point) -> None:
        # Another phase has other augmentation or other frozen layers, so its losses cannot be compared. After a
        # warm-up they can.
        if self._points and point.phase != self._points[-1].phase != WARMUP:
            self._train_losses.clear()
        self._points.append(point)
        if point.finite_loss is not None:
            self._train_losses.append(point.finite_loss)
        if point.held_out is not None and math.isfinite(point.held_out):
            self._held_out_losses.append(point.held_out)
        if point.value is not None and math.isfinite(point.value):
            self._evaluated.append(point)
            best = self._bests[-1].value if self._bests else None
            if best is None or self.oriented(point.value) > self.oriented(best):
                self._bests.append(point)

    @property
    def points(self) -> list[Point]:
        """All epochs."""
        return self._with_points()._points

    @property
    def evaluated(self) -> list[Point]:
        """The epochs whose value is a number."""
        return self._with_points()._evaluated

    @property
    def bests(self) -> list[Point]:
        """The epochs whose value was better than all before."""
        return self._with_points()._bests

    @property
    def train_losses(self) -> list[float]:
        """The finite training losses since the present phase began, and those of a warm-up right before it."""
        return self._with_points()._train_losses

    @property
    def held_out_losses(self) -> list[float]:
        """The finite held-out losses."""
        return self._with_points()._held_out_losses

    def oriented(self, value: ValueT) -> ValueT:
        """`value` with the sign that makes higher better; see `orient`. None stays None."""
        return value if value is None else orient(value, self.mode)

    @property
    def epoch(self) -> int:
        """How many epochs are finished."""
        return self._epochs[-1] if self._epochs else 0

    @property
    def warmup_epochs(self) -> int:
        """The last epoch of the trial's own warm-up so far; 0 if it has none."""
        return self._warmup_epochs

    @property
    def evaluations(self) -> int:
        """How many of them have a value that is a number."""
        return len(self._finite_values)

    @property
    def reached(self) -> Reached | None:
        """The objective so far, with the epochs that it comes from; None before the first value."""
        count = len(self._finite_values)
        if self._reached_of < count:
            self._reached = reached(
                self._finite_epochs, self._finite_values, self.mode, self.objective, self._reached, self._reached_of
            )
            self._reached_of = count
        return self._reached

    @property
    def objective_value(self) -> float | None:
        """The objective so far: what a training is ranked by; None before the first value."""
        return self.reached.value if self.reached else None

    def objective_by(self, epoch: int) -> float | None:
        """The objective after `epoch`; None if nothing was evaluated by then."""
        if epoch >= self.epoch:
            return self.objective_value
        count = bisect_right(self._finite_epochs, epoch)
        by_then = reached(self._finite_epochs[:count], self._finite_values[:count], self.mode, self.objective)
        return by_then.value if by_then else None

    @property
    def open_epochs(self) -> list[int]:
        """The last evaluated epochs, as far as the next one makes a mean with them: it may be the objective."""
        return self._finite_epochs[1 - WINDOW :] if self.objective == "best_mean" else []

    def ratings(self) -> dict[int, Rating]:
        """How good the model after each evaluated epoch is."""
        return ratings(self._finite_epochs, self._finite_values, self.mode, self.objective)

    @property
    def smoothed_value(self) -> float | None:
        """Mean of the last `WINDOW` values; None before the first."""
        return _mean(self._finite_values[-WINDOW:])

    def compared_values(self, epochs: int) -> list[float | None]:
        """What the objective looks at, after each of the last `epochs` epochs: the smoothed value, or the value."""
        window = 1 if self.objective == "best" else WINDOW
        count, latest_first = len(self._finite_values), []
        for value in reversed(self._values[-epochs:]):
            latest_first.append(_mean(self._finite_values[max(0, count - window) : count]))
            count -= value is not None and math.isfinite(value)
        return latest_first[::-1]

    def smoothed_by(self, epoch: int) -> float | None:
        """The smoothed value after `epoch`; None if nothing was evaluated by then."""
        count = bisect_right(self._finite_epochs, epoch)
        return _mean(self._finite_values[max(0, count - WINDOW) : count])

    @property
    def projected_value(self) -> float | None:
        """The value that trials are compared by at a rung; None before the first value.

        It is the mean of the second half of the values, plus what that half gained on the first. A lucky epoch counts
        little, and a trial that still rises counts more than one that has converged. For v = a + b ln t it is the value
        at e**1.08 = 2.9 times the present epoch. On 22 groups of public curves it ranks better than the last value, the
        mean of three, the best so far or a fitted line; with half of the gain it ranks as well or a little worse
        (`docs/notebook/pruning.md`).

        It says what is still to come, so it may be below what was reached, whose checkpoint is kept: with that as its
        lower bound it ranks much worse (same page). It never passes the metric's bounds (`search.pruning.bounds`).
        """
        values = self._finite_values
        if len(values) < 2:
            return self.smoothed_value
        half = len(values) // 2
        first = sum(values[:half]) / half
        second = sum(values[half:]) / (len(values) - half)
        return within(second + (second - first), self.bounds, self.mode)

    @property
    def best(self) -> Point | None:
        """The evaluated epoch with the best value, the earliest of equals."""
        return self.bests[-1] if self.bests else None

    @property
    def best_value(self) -> float | None:
        """The best value; None before the first."""
        return self._best_of(self._finite_values)

    def best_by(self, epoch: int) -> float | None:
        """The best value up to `epoch`; None if there was none."""
        values = self._values[: bisect_right(self._epochs, epoch)]
        return self._best_of([value for value in values if value is not None and math.isfinite(value)])

    def _best_of(self, values: list[float]) -> float | None:
        return (max if self.mode == "max" else min)(values, default=None)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
