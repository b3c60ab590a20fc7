"""Where the lines and the labels of parallel coordinates lie: each axis goes from 0 to 1."""

from __future__ import annotations

import math

from search.views.charts.chart import Axis


def heights(axis: Axis) -> list[float]:
    """The axis' values scaled to 0 to 1; NaN stays NaN."""
    low, span = _extent(axis)
    return [(_position(axis, value) - low) / span for value in axis.values]


def ticks(axis: Axis) -> list[tuple[float, str]]:
    """The labels beside an axis, with their heights: those of the choices that occur, or the lowest and the highest."""
    finite = [value for value in axis.values if math.isfinite(value)]
    if not finite:
        return []
    low, span = _extent(axis)
    if axis.choices:
        return [((index - low) / span, axis.choices[int(index)]) for index in sorted(set(finite))]
    ends = [(0.0, min(finite)), (1.0, max(finite))]
    return [(height, f"{value:.3g}") for height, value in (ends if min(finite) < max(finite) else ends[:1])]


def _position(axis: Axis, value: float) -> float:
    return math.log10(value) if axis.log and value > 0 else value


def _extent(axis: Axis) -> tuple[float, float]:
    """The lowest position and the distance to the highest, which is never 0."""
    positions = [_position(axis, value) for value in axis.values]
    finite = [position for position in positions if math.isfinite(position)] or [0.0]
    return min(finite), (max(finite) - min(finite)) or 1.0
