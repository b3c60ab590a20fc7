"""Puts the metrics of several sweeps on one scale: a data set's levels say nothing about another's."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A sweep's own scale: `centre` becomes 0, and `spread` above it 1. Calling it keeps the order of values."""

    centre: float
    spread: float

    @classmethod
    def of(cls, finished: Sequence[float], partial: Sequence[float]) -> Scale:
        """The scale of a sweep: mean and standard deviation of what its finished trials reached.

        With fewer than two finished trials it is that of all that were trained at all (`partial`). Values that are no
        numbers do not count.
        """
        values = [value for value in finished if math.isfinite(value)]
        if len(values) < 2:
            values = [value for value in partial if math.isfinite(value)]
        if not values:
            return cls(0.0, 1.0)
        return cls(statistics.fmean(values), statistics.pstdev(values) or 1.0)

    def __call__(self, value: float) -> float:
        return (value - self.centre) / self.spread
