"""Keeps a projected value within the bounds of its metric, without changing the order of projected values.

A rising curve may project to an accuracy of 1.17. If such values were cut off at 1, all these curves would be equal,
and the first of them would be promoted rather than the one that rises most. So values near the better bound are moved
closer together: with a range of width w and a knee at B - w / 20, where B is the better bound, a value p beyond the
knee becomes

    B - (w / 20) exp(-(p - knee) / (w / 20))

which rises with p and stays below B. Values beyond the worse bound are cut off, since no such trial is promoted.
"""

from __future__ import annotations

import math

from trainables.objective import Bounds

KNEE = 0.05
"""Share of the range, next to the better bound, in which values are moved closer together."""


def best_of(bounds: Bounds | None, mode: str) -> float:
    """The best value that the metric can have, oriented so that higher is better; infinite if that is not known."""
    if bounds is None:
        return math.inf
    return bounds[1] if mode == "max" else -bounds[0]


def is_worst(value: float, bounds: Bounds | None, mode: str) -> bool:
    """Whether `value` is the worst that the metric can have: the training has learnt nothing."""
    return bounds is not None and value == bounds[0 if mode == "max" else 1]


def within(value: float, bounds: Bounds | None, mode: str) -> float:
    """`value`, in the metric's own sign, moved within its bounds; unchanged without `bounds`."""
    if bounds is None:
        return value
    low, high = bounds
    width = KNEE * (high - low)
    if mode == "max":
        knee = high - width
        return max(low, value if value <= knee else high - width * math.exp((knee - value) / width))
    knee = low + width
    return min(high, value if value >= knee else low + width * math.exp((value - knee) / width))
