"""Whether a training learns in the wrong direction: from its start the training loss rises and the metric falls.

Document 002's failing run did (loss 2.87 to 3.10, mAP 6 % to 2 %), too slowly for `diverging`, whose loss must double.
It is told, never a reason to stop. Of 302 public runs it is said of 5; four of them gained at most 0.5 % of their best
value after that. Of our own 596 recorded trainings it is said of none. (Of any eight epochs in a row, without the
condition on the value, it was said of 46 public runs, some of them the best of their group.)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from search.pruning.curve import Curve
from search.pruning.objective import WINDOW

FEWEST = 6
"""Epochs before which nothing is said."""
SHARE = 0.75
"""Of all pairs of epochs, in how many the later one is worse. For a curve that only wavers it is a half."""
LEFT = 0.6
"""Share of its best value below which the metric has fallen."""


def wrong_way(curve: Curve) -> str:
    """One sentence if the training has gone the wrong way from its first epoch on; else ""."""
    best, last = curve.oriented(curve.best_value), curve.oriented(curve.smoothed_value)
    if curve.evaluations < FEWEST or best is None or last is None or not _fallen(best, last):
        return ""
    losses, points = curve.train_losses, curve.evaluated
    if len(losses) < len(curve.points):  # another phase has other losses
        return ""
    values = [curve.oriented(point.value or 0.0) for point in points]
    if not _fallen(max(values[:WINDOW]), last):
        return ""
    if _rising(losses) < SHARE or _rising([-value for value in values]) < SHARE:
        return ""
    return (
        f"It learns in the wrong direction: from epoch 1 to {curve.epoch} the training loss rose from "
        f"{losses[0]:.4g} to {losses[-1]:.4g}, and the metric went from {points[0].value:.4f} to {points[-1].value:.4f}"
    )


def _fallen(before: float, after: float) -> bool:
    """Of oriented values, whether less than `LEFT` of `before` is left in `after`; below zero likewise."""
    return after < LEFT * before if before > 0 else after < before / LEFT


def _rising(values: Sequence[float]) -> float:
    """The share of all pairs in which the later value is the greater."""
    pairs = list(combinations(values, 2))
    return sum(late > early for early, late in pairs) / len(pairs)
