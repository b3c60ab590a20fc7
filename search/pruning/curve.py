"""One trial's learning curve as far as it is known, and the numbers that trials are compared by."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SMOOTHING_EPOCHS = 3
"""Epochs that a level is the mean of."""

WARMUP = "warmup"
"""The phase in which only the learning rate rises (see `Epoch.phase`)."""


@dataclass(frozen=True, slots=True)
class Point:
    """One epoch of a curve.

    Attributes:
        epoch: from 1.
        value: the objective; None if the epoch was not evaluated.
        loss: mean training loss; may be non-finite; None if it was not recorded.
        held_out: mean held-out loss; None if there is none.
        phase: the recipe's word for this part of its schedule.
    """

    epoch: int
    value: float | None
    loss: float | None
    held_out: float | None = None
    phase: str = "main"

    @property
    def finite_loss(self) -> float | None:
        """The training loss if it is a number."""
        return self.loss if self.loss is not None and math.isfinite(self.loss) else None

    @classmethod
    def of(
        cls, epoch: int, metric: str, metrics: Mapping[str, float], losses: Mapping[str, float], phase: str = "main"
    ) -> Point:
        """The point that a recipe's metrics and losses make; `metric` names the objective."""
        return cls(epoch, metrics.get(metric), losses.get("train"), losses.get("val"), phase)


class Curve:
    """The epochs of one trial in their order, and what follows from them.

    What trials are compared by needs no `Point`: those are made when somebody asks for them, since a sweep may have a
    million.

    Attributes:
        mode: whether a higher ("max") or a lower value ("min") is better.
    """

    def __init__(self, mode: str = "max", points: Iterable[Point] = ()) -> None:
        self.mode = mode
        self._epochs: list[int] = []
        self._values: list[float | None] = []
        self._losses: list[float | None] = []
        self._held_out: list[float | None] = []
        self._phases: list[str] = []
        self._known: list[float] = []  # the values that are numbers
        self.settle()
        for point in points:
            self.add(point)

    def settle(self) -> None:
        """Forget the points, which take more memory than all else, until somebody asks for them again."""
        self._points: list[Point] = []
        self._evaluated: list[Point] = []
        self._bests: list[Point] = []
        self._train_losses: list[float] = []
        self._held_out_losses: list[float] = []

    def add(self, point: Point) -> None:
        """The next epoch."""
        self.extend([point.epoch], [point.value], [point.loss], [point.held_out], [point.phase])

    def extend(
        self,
        epochs: list[int],
        values: list[float | None],
        losses: list[float | None],
        held_out: list[float | None],
        phases: list[str],
    ) -> None:
        """The next epochs, one value an epoch in each column; see `Point`."""
        self._epochs.extend(epochs)
        self._values.extend(values)
        self._losses.extend(losses)
        self._held_out.extend(held_out)
        self._phases.extend(phases)
        self._known.extend([value for value in values if value is not None and math.isfinite(value)])

    def _made(self) -> Curve:
        """This curve with the points of all epochs."""
        first = len(self._points)
        if first < len(self._epochs):
            columns = self._epochs, self._values, self._losses, self._held_out, self._phases
            for values in zip(*(column[first:] for column in columns), strict=True):
                self._make(Point(*values))
        return self

    def _make(self, point: Point) -> None:
        if self._points and point.phase != self._points[-1].phase != WARMUP:
            self._train_losses.clear()
        self._points.append(point)
        if point.finite_loss is not None:
            self._train_losses.append(point.finite_loss)
        if point.held_out is not None and math.isfinite(point.held_out):
            self._held_out_losses.append(point.held_out)
        if point.value is not None and math.isfinite(point.value):
            self._evaluated.append(point)
            if not self._bests or self.sign * point.value > self.sign * _value(self._bests[-1]):
                self._bests.append(point)

    @property
    def points(self) -> list[Point]:
        """All of them."""
        return self._made()._points

    @property
    def evaluated(self) -> list[Point]:
        """Those whose value is a number."""
        return self._made()._evaluated

    @property
    def bests(self) -> list[Point]:
        """Those whose value was better than each before."""
        return self._made()._bests

    @property
    def train_losses(self) -> list[float]:
        """The finite training losses that are comparable with the last.

        Since the phase before the present one ended, unless that was the warm-up: other augmentation or other frozen
        layers give another loss.
        """
        return self._made()._train_losses

    @property
    def held_out_losses(self) -> list[float]:
        """The finite held-out losses."""
        return self._made()._held_out_losses

    @property
    def sign(self) -> float:
        """Multiply a value by this and higher is better."""
        return 1.0 if self.mode == "max" else -1.0

    def rising(self, value: float | None) -> float | None:
        """`value` with the sign that makes higher better."""
        return None if value is None else self.sign * value

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return self._epochs[-1] if self._epochs else 0

    @property
    def evaluations(self) -> int:
        """How many of them have a value that is a number."""
        return len(self._known)

    @property
    def smoothed_value(self) -> float | None:
        """Mean of the last evaluated values: what the training steadily reaches. None before the first."""
        return _mean(self._known[-SMOOTHING_EPOCHS:])

    def smoothed_values(self, epochs: int) -> list[float | None]:
        """The level after each of the last `epochs` epochs."""
        known, found = len(self._known), []
        for value in reversed(self._values[-epochs:]):
            found.append(_mean(self._known[max(0, known - SMOOTHING_EPOCHS) : known]))
            known -= value is not None and math.isfinite(value)
        return found[::-1]

    def smoothed_by(self, epoch: int) -> float | None:
        """The level after `epoch`; None if nothing was evaluated by then."""
        place = bisect_right(self.evaluated, epoch, key=lambda point: point.epoch)
        return _mean(self._known[max(0, place - SMOOTHING_EPOCHS) : place])

    @property
    def projected_value(self) -> float | None:
        """Where the curve is heading: what trials are compared by at a rung. None before the first value.

        The mean of the second half of the evaluated values, plus what that gained on the first half. A lucky epoch
        counts little, and a late riser more than one that has settled. On v = a + b ln t it is the value at
        e**1.08 = 2.9 times the present epoch. On 22 groups of public curves that does better than the last value, the
        mean of three, the best so far or a fitted line; half of the gain does as well or a little worse.
        """
        if len(self._known) < 2:
            return self.smoothed_value
        half = len(self._known) // 2
        first = sum(self._known[:half]) / half
        second = sum(self._known[half:]) / (len(self._known) - half)
        return second + (second - first)

    @property
    def best(self) -> Point | None:
        """The evaluated point with the best value, the earliest of equals."""
        return self.bests[-1] if self.bests else None

    @property
    def best_value(self) -> float | None:
        """The best value; None before the first."""
        return self._best_of(self._known)

    def best_by(self, epoch: int) -> float | None:
        """The best value up to `epoch`; None if there was none."""
        values = self._values[: bisect_right(self._epochs, epoch)]
        return self._best_of([value for value in values if value is not None and math.isfinite(value)])

    def _best_of(self, values: list[float]) -> float | None:
        return (max if self.mode == "max" else min)(values, default=None)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _value(point: Point) -> float:
    assert point.value is not None
    return point.value
