"""One trial's learning curve as far as it is known, and the numbers that trials are compared by."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LEVEL_EPOCHS = 3
"""Epochs that a level is the mean of."""

OUTLOOK_SHARE = 0.5
"""How much of what the second half of a curve gained on the first half an outlook adds.

On v = a + b ln t, the second half's mean plus half the gain is the value at e**0.386 = 1.47 times the present epoch:
about the next rung where rungs lie a factor of 1.5 apart. On 22 groups of public curves any share from .25 to .75 does
as well, and better than the last value, the mean of three, the best so far or a fitted line."""

WARMUP = "warmup"
"""The phase in which only the learning rate rises (see `Epoch.phase`)."""


@dataclass(frozen=True)
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
    """Points in the order of their epochs, and what follows from them, kept up to date point by point.

    Attributes:
        mode: whether a higher ("max") or a lower value ("min") is better.
        points: all of them.
        evaluated: those whose value is a number.
        bests: those whose value was better than each before.
        train_losses: the finite training losses that are comparable with the last: since the phase before the present
            one ended, unless that was the warm-up. Other augmentation or other frozen layers give another loss.
        held_out_losses: the finite held-out losses.
    """

    def __init__(self, mode: str = "max", points: Iterable[Point] = ()) -> None:
        self.mode = mode
        self.points: list[Point] = []
        self.evaluated: list[Point] = []
        self.bests: list[Point] = []
        self.train_losses: list[float] = []
        self.held_out_losses: list[float] = []
        for point in points:
            self.add(point)

    def add(self, point: Point) -> None:
        """The next epoch."""
        if self.points and point.phase != self.points[-1].phase != WARMUP:
            self.train_losses.clear()
        self.points.append(point)
        if point.finite_loss is not None:
            self.train_losses.append(point.finite_loss)
        if point.held_out is not None and math.isfinite(point.held_out):
            self.held_out_losses.append(point.held_out)
        if point.value is not None and math.isfinite(point.value):
            self.evaluated.append(point)
            if not self.bests or self.sign * point.value > self.sign * _value(self.bests[-1]):
                self.bests.append(point)

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
        return self.points[-1].epoch if self.points else 0

    @property
    def level(self) -> float | None:
        """Mean of the last evaluated values: what the training steadily reaches. None before the first."""
        return _mean(self.evaluated[-LEVEL_EPOCHS:])

    def level_by(self, epoch: int) -> float | None:
        """The level after `epoch`; None if nothing was evaluated by then."""
        place = bisect_right(self.evaluated, epoch, key=lambda point: point.epoch)
        return _mean(self.evaluated[max(0, place - LEVEL_EPOCHS) : place])

    @property
    def outlook(self) -> float | None:
        """Where the curve is heading: what trials are compared by at a rung. None before the first value.

        The mean of the second half of the evaluated values, plus a share of what that gained on the first half. A
        lucky epoch counts little, and a late riser more than one that has settled.
        """
        if len(self.evaluated) < 2:
            return self.level
        half = len(self.evaluated) // 2
        first = sum(map(_value, self.evaluated[:half])) / half
        second = sum(map(_value, self.evaluated[half:])) / (len(self.evaluated) - half)
        return second + OUTLOOK_SHARE * (second - first)

    @property
    def best(self) -> Point | None:
        """The evaluated point with the best value, the earliest of equals."""
        return self.bests[-1] if self.bests else None

    @property
    def best_value(self) -> float | None:
        """The best value; None before the first."""
        return _value(self.bests[-1]) if self.bests else None

    def best_by(self, epoch: int) -> float | None:
        """The best value up to `epoch`; None if there was none."""
        place = bisect_right(self.bests, epoch, key=lambda point: point.epoch)
        return _value(self.bests[place - 1]) if place else None


def _mean(points: list[Point]) -> float | None:
    return sum(_value(point) for point in points) / len(points) if points else None


def _value(point: Point) -> float:
    assert point.value is not None
    return point.value
