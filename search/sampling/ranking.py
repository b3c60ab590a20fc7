"""How good the trials of a sweep are, compared with each other, though some have trained further than others.

Two trials are compared at the last rung that both have reached. A trial's score is the number of trials that it beats
there; a tie counts half. So a good trial that is paused at the first rung is ahead of a mediocre one that was promoted
long ago, when there were few trials to compare it with. Optuna's TPE ranks pruned trials by the epoch that they reached
and then by value, and BOHB (Falkner et al., ICML 2018) ranks by budget: both would put the mediocre trial first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

NORMAL = NormalDist()


class Scored(NamedTuple):
    """A trial as a model of ranks sees it.

    Attributes:
        values: what was drawn for it.
        score: the normal score of its rank, higher is better; None while it runs.
        seconds: what a median epoch of it takes; None if that is not known.
    """

    values: Mapping[str, Any]
    score: float | None
    seconds: float | None = None


class Ranking:
    """The objective that each trial of a sweep had reached at each rung, and how the trials rank by it.

    It is kept as an array: collecting it anew from each of 10,000 trials takes four times as long as the choice itself.

    Args:
        rungs: how many rungs there are. One more column is for the end of a training.
    """

    def __init__(self, rungs: int) -> None:
        self._reached = np.full((0, rungs + 1), np.nan)  # a row for each trial, NaN after its last rung
        self._violations = np.zeros(0)
        self._compared = np.zeros(0, dtype=bool)

    def __len__(self) -> int:
        return int(self._compared.sum())

    def __contains__(self, trial: int) -> bool:
        return trial < len(self._compared) and bool(self._compared[trial])

    def compare(self, trial: int, reached: Sequence[float], violation: float) -> None:
        """Compare `trial` from now on, by these numbers.

        Args:
            trial: its number.
            reached: its objective at each rung that it has reached, from the first rung on; higher is better.
            violation: by how much it is infeasible; 0 for a feasible one.
        """
        if missing := max(0, trial + 1 - len(self._compared)):
            more = max(missing, len(self._compared))  # doubled, so that the time a trial takes does not grow
            empty = np.full((more, self._reached.shape[1]), np.nan)
            self._reached = np.concatenate([self._reached, empty])
            self._violations = np.concatenate([self._violations, np.zeros(more)])
            self._compared = np.concatenate([self._compared, np.zeros(more, dtype=bool)])
        self._compared[trial] = True
        self._violations[trial] = violation
        self._reached[trial] = np.nan
        if not violation:  # an infeasible trial beats nobody, so it is compared with nobody
            self._reached[trial, : len(reached)] = reached

    def scores(self) -> dict[int, float]:
        """The normal score of each compared trial's rank, by its number; the most infeasible come last."""
        trials = np.flatnonzero(self._compared)
        scores = beaten(self._reached[trials])
        order = np.lexsort((scores, -self._violations[trials]))
        normal = [NORMAL.inv_cdf((rank + 0.5) / len(trials)) for rank in range(len(trials))]
        return dict(zip(trials[order].tolist(), normal, strict=True))


def beaten(reached: Array) -> Array:
    """How many of the other trials each one beats.

    Args:
        reached: a row for each trial, with its objective at each rung that it has reached, from the first rung on, and
            NaN from there on; higher is better.
    """
    rungs = np.count_nonzero(~np.isnan(reached), axis=1)
    # Two trials without a common rung tie.
    scores: Array = np.where(rungs == 0, (len(reached) - 1) / 2, np.sum(rungs == 0) / 2)
    for rung in range(reached.shape[1]):
        at_rung: Array = reached[:, rung]
        further = rungs > rung + 1
        last_here = rungs == rung + 1
        # A trial that ended here is compared with all that have reached this rung. One that went further is compared
        # here only with those that ended here.
        scores[last_here] += _below(at_rung[further | last_here], at_rung[last_here]) - 0.5  # without itself
        scores[further] += _below(at_rung[last_here], at_rung[further])
    return scores


def _below(values: Array, of: Array) -> Array:
    """How many of `values` are below each of `of`; an equal one counts half."""
    ordered = np.sort(values)
    halves: Array = (np.searchsorted(ordered, of, "left") + np.searchsorted(ordered, of, "right")) / 2
    return halves
