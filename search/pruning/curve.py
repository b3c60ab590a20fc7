"""One trial's learning curve so far, and the numbers that trials are compared by."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from typing import TypeVar

from search.pruning.bounds import within
from search.pruning.curve_points import WARMUP, CurvePoints, Point, orient
from search.pruning.epoch_columns import EpochColumns, PackedColumns
from search.pruning.objective import DEFAULT_OBJECTIVE, WINDOW, ObjectiveName, Rating, Reached, ratings, reached
from trainables.objective import Bounds

ValueT = TypeVar("ValueT", float, float | None)
__all__ = ["WARMUP", "Curve", "Point", "orient"]


class Curve:
    """The epochs of one trial in order, and what follows from them.

    Epochs are stored as columns. The numbers that trials are compared by need no `Point`. Points are made only when
    they are asked for, since a sweep may have a million.

    Values are in the metric's own sign; `oriented` makes higher better.

    Args:
        mode: whether a higher ("max") or a lower value ("min") is better.
        points: its first epochs.
        objective: what a training is worth, see `search.pruning.objective`.
        bounds: the lowest and the highest value that the metric can have, if that is known.
    """

    __slots__ = (
        *("mode", "objective", "bounds"),
        *("_columns", "_points", "_epoch", "_warmup_epochs", "_evaluations", "_reached", "_reached_of"),
    )

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
        self._columns: EpochColumns | PackedColumns = EpochColumns()
        self._points: CurvePoints | None = None
        self._epoch = self._warmup_epochs = self._evaluations = 0
        self._reached: Reached | None = None
        self._reached_of = 0  # how many of the finite values `_reached` takes into account
        for point in points:
            self.add(point)

    def settle(self) -> None:
        """Free memory while the training does not run: pack the columns and drop the points. Both are made again."""
        if isinstance(self._columns, EpochColumns):
            self._reached, self._reached_of = self.reached, self._evaluations
            self._columns = self._columns.packed()
        self._points = None

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
        self._columns = columns = self._lists
        columns.extend(epochs, values, losses, held_out, phases, spreads)
        self._epoch, self._evaluations = epochs[-1], len(columns.finite_values)
        for epoch, phase in zip(epochs, phases, strict=True):
            if phase == WARMUP:
                self._warmup_epochs = epoch

    @property
    def _lists(self) -> EpochColumns:
        return self._columns if isinstance(self._columns, EpochColumns) else self._columns.unpacked()

    @property
    def finite_values(self) -> list[float]:
        """The values that are numbers."""
        return self._lists.finite_values

    def _with_points(self) -> CurvePoints:
        """The points, after making those that are missing."""
        if self._points is None:
            self._points = CurvePoints(self.mode)
        columns, first = self._lists, len(self._points.all)
        if first < len(columns.epochs):
            of_point = columns.epochs, columns.values, columns.losses, columns.held_out, columns.phases, columns.spreads
            for values in zip(*(column[first:] for column in of_point), strict=True):
                self._points.add(Point(*values))
        return self._points

    @property
    def points(self) -> list[Point]:
        """All epochs."""
        return self._with_points().all

    @property
    def evaluated(self) -> list[Point]:
        """The epochs whose value is a number."""
        return self._with_points().evaluated

    @property
    def bests(self) -> list[Point]:
        """The epochs whose value was better than all before."""
        return self._with_points().bests

    @property
    def train_losses(self) -> list[float]:
        """The finite training losses since the present phase began, and those of a warm-up right before it."""
        return self._with_points().train_losses

    @property
    def held_out_losses(self) -> list[float]:
        """The finite held-out losses."""
        return self._with_points().held_out_losses

    def oriented(self, value: ValueT) -> ValueT:
        """`value` with the sign that makes higher better; see `orient`. None stays None."""
        return value if value is None else orient(value, self.mode)

    @property
    def epoch(self) -> int:
        """How many epochs are finished."""
        return self._epoch

    @property
    def warmup_epochs(self) -> int:
        """The last epoch of the trial's own warm-up so far; 0 if it has none."""
        return self._warmup_epochs

    @property
    def evaluations(self) -> int:
        """How many of them have a value that is a number."""
        return self._evaluations

    @property
    def reached(self) -> Reached | None:
        """The objective so far, with the epochs that it comes from; None before the first value."""
        if self._reached_of < self._evaluations:
            columns = self._lists
            self._reached = reached(
                columns.finite_epochs,
                columns.finite_values,
                self.mode,
                self.objective,
                self._reached,
                self._reached_of,
            )
            self._reached_of = self._evaluations
        return self._reached

    @property
    def objective_value(self) -> float | None:
        """The objective so far: what a training is ranked by; None before the first value."""
        return self.reached.value if self.reached else None

    def objective_by(self, epoch: int) -> float | None:
        """The objective after `epoch`; None if nothing was evaluated by then."""
        if epoch >= self.epoch:
            return self.objective_value
        columns = self._lists
        count = bisect_right(columns.finite_epochs, epoch)
        by_then = reached(columns.finite_epochs[:count], columns.finite_values[:count], self.mode, self.objective)
        return by_then.value if by_then else None

    @property
    def open_epochs(self) -> list[int]:
        """The last evaluated epochs that can still become part of the best mean, together with the next ones."""
        return self._lists.finite_epochs[1 - WINDOW :] if self.objective == "best_mean" else []

    def ratings(self) -> dict[int, Rating]:
        """How good the model after each evaluated epoch is."""
        columns = self._lists
        return ratings(columns.finite_epochs, columns.finite_values, self.mode, self.objective)

    @property
    def smoothed_value(self) -> float | None:
        """Mean of the last `WINDOW` values; None before the first."""
        return _mean(self.finite_values[-WINDOW:])

    def compared_values(self, epochs: int) -> list[float | None]:
        """What the objective looks at, after each of the last `epochs` epochs: the smoothed value, or the value."""
        window = 1 if self.objective == "best" else WINDOW
        columns, count, latest_first = self._lists, self._evaluations, []
        for value in reversed(columns.values[-epochs:]):
            latest_first.append(_mean(columns.finite_values[max(0, count - window) : count]))
            count -= value is not None and math.isfinite(value)
        return latest_first[::-1]

    def smoothed_by(self, epoch: int) -> float | None:
        """The smoothed value after `epoch`; None if nothing was evaluated by then."""
        columns = self._lists
        count = bisect_right(columns.finite_epochs, epoch)
        return _mean(columns.finite_values[max(0, count - WINDOW) : count])

    @property
    def projected_value(self) -> float | None:
        """The value that trials are compared by at a rung; None before the first value.

        It is the mean of the second half of the values, plus what that half gained on the first. A lucky epoch counts
        little, and a trial that still rises counts more than one that has converged. For v = a + b ln t it is the value
        at e**1.08 = 2.9 times the present epoch. On 22 groups of public curves it ranks better than the last value, the
        mean of three, the best so far or a fitted line; with half of the gain it ranks a little better where all
        runs wait for each other, and about as well or worse in sweeps (`docs/notebook/compared.md`).

        It predicts epochs to come, so it may be below the best value so far, whose checkpoint is kept. Raised to that
        value it ranks much worse (same page). It stays within the metric's bounds (`search.pruning.bounds`).
        """
        values = self.finite_values
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
        return self._best_of(self.finite_values)

    def best_by(self, epoch: int) -> float | None:
        """The best value up to `epoch`; None if there was none."""
        columns = self._lists
        return self._best_of(columns.finite_values[: bisect_right(columns.finite_epochs, epoch)])

    def _best_of(self, values: list[float]) -> float | None:
        return (max if self.mode == "max" else min)(values, default=None)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
