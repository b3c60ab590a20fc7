"""The epochs of a curve as points, for code that looks at single epochs: stop rules and figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

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


class CurvePoints:
    """The points of a curve in order, and the selections of them that the stop rules read.

    Attributes:
        all: all epochs.
        evaluated: those whose value is a number.
        bests: those whose value was better than all before.
        train_losses: the finite training losses since the present phase began, and those of a warm-up right before it.
        held_out_losses: the finite held-out losses.
    """

    __slots__ = ("_mode", "all", "bests", "evaluated", "held_out_losses", "train_losses")

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self.all: list[Point] = []
        self.evaluated: list[Point] = []
        self.bests: list[Point] = []
        self.train_losses: list[float] = []
        self.held_out_losses: list[float] = []

    def add(self, point: Point) -> None:
        """Add the next epoch."""
        # Another phase has other augmentation or other frozen layers, so its losses cannot be compared. After a
        # warm-up they can.
        if self.all and point.phase != self.all[-1].phase != WARMUP:
            self.train_losses.clear()
        self.all.append(point)
        if point.finite_loss is not None:
            self.train_losses.append(point.finite_loss)
        if point.held_out is not None and math.isfinite(point.held_out):
            self.held_out_losses.append(point.held_out)
        if point.value is not None and math.isfinite(point.value):
            self.evaluated.append(point)
            best = self.bests[-1].value if self.bests else None
            if best is None or orient(point.value, self._mode) > orient(best, self._mode):
                self.bests.append(point)
