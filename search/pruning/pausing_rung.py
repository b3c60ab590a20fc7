"""A rung of `PromotingASHA`: it ranks its trials, knows which are paused there, and says which is promoted next."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from typing import NamedTuple

from search.pruning.rungs import ROUNDING, Rung

FEW = 8
"""Among this few trials a rank says less: the one that ends best may be fourth of six at a sixth of its epochs."""

_Key = tuple[float, int]
"""Minus the projected value, and the trial: sorted, the best come first, the earliest of equals before the others."""


class _Leader(NamedTuple):
    """A candidate for the lead of a rung. The greatest leads: tuples compare by their fields in this order."""

    best: float
    projected: float
    minus_trial: int  # the earliest of equals leads

    @property
    def trial(self) -> int:
        return -self.minus_trial

    @property
    def key(self) -> _Key:
        return -self.projected, self.trial


class Wider(NamedTuple):
    """By how much the quotas are larger than their shares say, since the first rungs decide nothing."""

    share: float
    few_share: float


NOT_WIDER = Wider(1.0, 1.0)


class PausingRung(Rung):
    """A rung with the trials that are paused at it.

    Args:
        epoch: where it lies.
        share: of the trials that reached the first rung, how many may come here.
        promoted_share: of the trials that reached the first rung, how many this rung may promote while more can come.
        final_share: the same when no more can come.
        few_share: the same of a few trials.
    """

    def __init__(self, epoch: int, share: float, promoted_share: float, final_share: float, few_share: float) -> None:
        super().__init__(epoch)
        self.share = share
        self.promoted_share = promoted_share
        self.final_share = final_share
        self.few_share = few_share
        self.paused: set[int] = set()
        self._paused_keys: list[_Key] = []  # sorted
        self._all_keys: list[_Key] = []  # sorted
        self._best_values: dict[int, float] = {}  # of the candidates
        self._leader: _Leader | None = None
        self._bests: list[float] = []  # of the candidates, sorted

    def running_quota(self, trials: int, wider: Wider = NOT_WIDER) -> int:
        """How many this rung may promote while more can come, after `trials` have reached the first rung."""
        return math.floor(trials * min(1.0, self.promoted_share * wider.share) + ROUNDING)

    def final_quota(self, trials: int, wider: Wider = NOT_WIDER) -> int:
        """How many of `trials` this rung promotes in the end: at least as many as it would of `FEW`."""
        of_few = math.ceil(min(trials, FEW) * min(1.0, self.few_share * wider.few_share) - ROUNDING)
        return max(1, of_few, math.ceil(trials * min(1.0, self.final_share * wider.share) - ROUNDING))

    def arrive(self, trial: int, projected_value: float | None, best: float | None) -> None:
        """`trial` reached the rung; it is not paused yet."""
        self.add(trial, projected_value)
        if projected_value is None:
            return
        insort(self._all_keys, self._key(trial))
        best = projected_value if best is None else best
        self._best_values[trial] = best
        insort(self._bests, best)
        candidate = _Leader(best, projected_value, -trial)
        self._leader = max(self._leader or candidate, candidate)

    def drop(self, trial: int) -> None:
        """See `Rung`: the trial is not paused and does not lead any more."""
        if self.values.get(trial) is None:
            return
        self.unpause(trial)
        key = self._key(trial)
        super().drop(trial)
        del self._all_keys[bisect_left(self._all_keys, key)]
        self._drop_candidate(trial)

    def demote(self, trial: int) -> None:
        """See `Rung`: the trial does not lead any more either, and is paused here from now on."""
        key = self._key(trial)
        super().demote(trial)
        del self._all_keys[bisect_left(self._all_keys, key)]
        insort(self._all_keys, self._key(trial))
        self._drop_candidate(trial)
        self.pause(trial)

    def _drop_candidate(self, trial: int) -> None:
        """`trial` cannot lead any more."""
        best = self._best_values.pop(trial, None)
        if best is None:
            return
        del self._bests[bisect_left(self._bests, best)]
        if self._leader and trial == self._leader.trial:
            self._leader = max(map(self._candidate, self._best_values), default=None)

    def _candidate(self, trial: int) -> _Leader:
        projected_value = self.values[trial]
        assert projected_value is not None
        return _Leader(self._best_values[trial], projected_value, -trial)

    def best_value(self, trial: int) -> float | None:
        """The best value that `trial` had when it arrived; None if it did not, or cannot lead any more."""
        return self._best_values.get(trial)

    @property
    def median_best(self) -> float:
        """The median of the trials' best values, the upper one of two; NaN if there is none."""
        return self._bests[len(self._bests) // 2] if self._bests else math.nan

    def pause(self, trial: int) -> None:
        """`trial` is paused here from now on. A trial without a value never is: it has nothing to be ranked by."""
        if self.values[trial] is not None and trial not in self.paused:
            self.paused.add(trial)
            key = self._all_keys[bisect_left(self._all_keys, self._key(trial))]  # one object for both lists
            insort(self._paused_keys, key)

    def unpause(self, trial: int) -> None:
        """`trial` is not paused here any more, if it was."""
        if trial in self.paused:
            self.paused.remove(trial)
            del self._paused_keys[bisect_left(self._paused_keys, self._key(trial))]

    def next(self, quota: int, arriving: int | None) -> int | None:
        """The trial to promote next if the first `quota` here are promoted; None if those are promoted already.

        Args:
            quota: how many may be promoted, the leader included.
            arriving: a trial that has just arrived, treated as if it were paused.
        """
        if quota < 1:
            return None
        # A demoted trial still uses up one of the quota: its epochs are saved, and no other trial is promoted instead.
        quota = max(1, quota - len(self.demoted))
        if self._leader and (self._leader.trial in self.paused or self._leader.trial == arriving):
            return self._leader.trial
        keys = self._paused_keys[:1] + ([] if arriving is None else [self._key(arriving)])
        if not keys:
            return None
        best = min(keys)
        # The leader has used one of the quota, so the others are counted without the leader.
        ahead = bisect_left(self._all_keys, best)
        if self._leader and self._leader.key < best:
            ahead -= 1
        return best[1] if ahead < quota - (self._leader is not None) else None

    def _key(self, trial: int) -> _Key:
        ranked_by = self.ranked_by(trial)
        assert ranked_by is not None
        return -ranked_by, trial
