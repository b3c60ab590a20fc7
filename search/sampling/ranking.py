"""How good the trials of a sweep are, compared with each other, though some have trained further than others.

Two trials are compared at the last rung that both have reached. A trial's score is the number of trials that it beats
there; a tie is half of one. So a good trial that waits at the first rung is ahead of a mediocre one that was promoted
long ago, when there were few to compare it with. Optuna's TPE ranks pruned trials by the epoch that they reached and
then by value, BOHB (Falkner et al., ICML 2018) by budget: that puts the latter first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class Scored:
    """A trial as a model of ranks sees it.

    Attributes:
        values: what was drawn for it.
        score: the normal score of its rank, higher is better; None while it runs.
    """

    values: Mapping[str, Any]
    score: float | None


def beaten(reached: Sequence[Sequence[float]]) -> Array:
    """How many of the other trials each one beats.

    Args:
        reached: of each trial its objective at each rung that it has reached, from the first rung on; higher is better.
    """
    rungs = np.array([len(values) for values in reached], dtype=np.int64)
    by_rung = np.full((len(reached), max(rungs, default=0)), np.nan)
    for row, values in zip(by_rung, reached, strict=True):
        row[: len(values)] = values
    # Without a common rung it is a tie.
    scores: Array = np.where(rungs == 0, (len(reached) - 1) / 2, np.sum(rungs == 0) / 2)
    for rung in range(by_rung.shape[1]):
        at_rung: Array = by_rung[:, rung]
        further = rungs > rung + 1
        last_here = rungs == rung + 1
        # A trial whose last rung this is meets all that have reached it, one that went further only those.
        scores[last_here] += _below(at_rung[further | last_here], at_rung[last_here]) - 0.5  # without itself
        scores[further] += _below(at_rung[last_here], at_rung[further])
    return scores


def _below(values: Array, of: Array) -> Array:
    """How many of `values` are below each of `of`, an equal one being a half."""
    ordered = np.sort(values)
    halves: Array = (np.searchsorted(ordered, of, "left") + np.searchsorted(ordered, of, "right")) / 2
    return halves
