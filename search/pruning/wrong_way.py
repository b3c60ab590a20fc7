"""Whether a training learns in the wrong direction: from its start the training loss rises and the metric falls.

The failing run of document 002 did (loss 2.87 to 3.10, mAP 6 % to 2 %), too slowly for the rule `diverging`, which
wants the loss to double. Users are told of it, but no training is stopped for it. It is true of 5 of 302 public runs;
four of these gained at most 0.5 % of their best value after that. It is true of none of our own 596 recorded trainings.
(Without the condition on the value, and for any eight epochs in a row, it was true of 46 public runs, some of them the
best of their group.)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from search.pruning.curve import Curve
from search.pruning.objective import WINDOW
from trainables.metric_text import metric_text

FEWEST = 6
"""Nothing is said before this many evaluated epochs."""
SHARE = 0.75
"""In at least this share of all pairs of epochs the later one is worse. In a curve without a trend it is a half."""
LEFT = 0.6
"""The metric has fallen below this share of its best value."""


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
    first, latest = metric_text(points[0].value), metric_text(points[-1].value)
    return (
        f"It learns in the wrong direction: from epoch 1 to {curve.epoch} the training loss rose from "
        f"{losses[0]:.4g} to {losses[-1]:.4g}, and the metric went from {first} to {latest}"
    )


def _fallen(before: float, after: float) -> bool:
    """Of oriented values, whether less than `LEFT` of `before` is left in `after`; below zero likewise."""
    return after < LEFT * before if before > 0 else after < before / LEFT


def _rising(values: Sequence[float]) -> float:
    """The share of all pairs in which the later value is the greater."""
    pairs = list(combinations(values, 2))
    return sum(late > early for early, late in pairs) / len(pairs)
