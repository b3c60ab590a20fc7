"""ASHA as in its paper, with pausing and promotion, changed so that it seldom loses a good trial.

Every trial is paused at each rung. When a worker is free, the highest rung with quota left promotes its best paused
trial; if there is none, a new trial starts. Three things differ from the paper (Li et al., MLSys 2020, algorithm 2):

    quotas count from the first rung   of N trials that reached the first rung (epoch r), N * (r / e)**0.85 may train
                                       to epoch e, whatever the factor between rungs. With an exponent of 1 each rung
                                       would take the same number of epochs; so later rungs, which tell more, take more.
    a rung waits for peers             it opens when `min_peers` trials (in proportion, on higher rungs) have arrived,
                                       or when no more can come. Then at least one is promoted, so that at least one
                                       trial is trained to completion.
    the leader is always promoted      one of each quota belongs to the trial with the best value so far, whatever its
                                       projected value.

On 22 groups of public curves (302 runs) the regret is .1 % at 40 % of all epochs; Ray Tune's stopping ASHA (factor 3,
grace 10 %) has 2.1 % at 40 % (`tests/bench/public/results.md`).
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from search.pruning.curve import Curve
from search.pruning.decision import Action, Reason
from search.pruning.rungs import ROUNDING, Rung, RungResult, milestones
from search.pruning.scheduler import Scheduler

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


class _PausingRung(Rung):
    """A rung with the trials that are paused at it.

    Args:
        epoch: where it lies.
        share: of the trials that reached the first rung, how many may come here.
        promoted_share: of the trials that reached the first rung, how many this rung may promote.
    """

    def __init__(self, epoch: int, share: float, promoted_share: float) -> None:
        super().__init__(epoch)
        self.share = share
        self.promoted_share = promoted_share
        self.paused: set[int] = set()
        self._paused_keys: list[_Key] = []  # sorted
        self._all_keys: list[_Key] = []  # sorted
        self._candidates: dict[int, _Leader] = {}
        self._leader: _Leader | None = None

    def arrive(self, trial: int, projected_value: float | None, best: float | None) -> None:
        """`trial` reached the rung; it is not paused yet."""
        self.add(trial, projected_value)
        if projected_value is None:
            return
        insort(self._all_keys, self._key(trial))
        candidate = _Leader(projected_value if best is None else best, projected_value, -trial)
        self._candidates[trial] = candidate
        self._leader = max(self._leader or candidate, candidate)

    def drop(self, trial: int) -> None:
        """See `Rung`: it is not paused and does not lead any more."""
        if self.values.get(trial) is None:
            return
        self.unpause(trial)
        key = self._key(trial)
        super().drop(trial)
        del self._all_keys[bisect_left(self._all_keys, key)]
        if self._candidates.pop(trial) == self._leader:
            self._leader = max(self._candidates.values(), default=None)

    def pause(self, trial: int) -> None:
        """`trial` is paused here from now on. A trial without a value never is: it has nothing to be ranked by."""
        if self.values[trial] is not None and trial not in self.paused:
            self.paused.add(trial)
            insort(self._paused_keys, self._key(trial))

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
        if quota < 1 or self._leader is None:
            return None
        if self._leader.trial in self.paused or self._leader.trial == arriving:
            return self._leader.trial
        keys = self._paused_keys[:1] + ([] if arriving is None else [self._key(arriving)])
        if not keys:
            return None
        best = min(keys)
        # One of the quota is the leader's, who has it already: the others are counted without the leader.
        ahead = bisect_left(self._all_keys, best)
        if self._leader.key < best:
            ahead -= 1
        return best[1] if ahead < quota - 1 else None

    def _key(self, trial: int) -> _Key:
        value = self.values[trial]
        assert value is not None
        return -value, trial


class PromotingASHA(Scheduler):
    """Pauses at each rung, promotes when there is quota. See the module's docstring.

    Args:
        grace_epochs: epochs before the first rung.
        reduction_factor: between the epochs of two rungs.
        max_epochs: epochs of a whole training.
        min_peers: arrivals that the first rung waits for before it promotes any.

    Attributes:
        thinning: the exponent by which fewer trials train for more epochs. 1 is worse on public curves and no better on
            our own. With .75 the first rung has to come sooner for the same epochs, which loses trials that rise late
            (`docs/notebook/pruning.md`).
    """

    thinning: ClassVar[float] = 0.85

    def __init__(self, grace_epochs: int, reduction_factor: float, max_epochs: int, min_peers: int) -> None:
        epochs = milestones(grace_epochs, reduction_factor, max_epochs)
        shares = [(grace_epochs / epoch) ** self.thinning for epoch in [*epochs, max_epochs]]
        self._rungs = [_PausingRung(*rung) for rung in zip(epochs, shares, shares[1:], strict=False)]
        self._min_peers = min_peers
        self._next: dict[int, int] = {}  # of each running trial: the index of the rung that it trains to
        self._due: dict[int, int] = {}  # the index of the rung at which a trial is to be compared
        self._warming_up: dict[int, Curve] = {}  # of trials that passed a rung in their warm-up
        # How many trials train to each rung; the last number is of those that train to completion.
        self._training_to = [0] * (len(epochs) + 1)

    @property
    def rungs(self) -> list[int]:
        """See `Scheduler`."""
        return [rung.epoch for rung in self._rungs]

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """See `Scheduler`."""
        self._train_to(trial, 0)

    def _train_to(self, trial: int, index: int | None) -> None:
        """`trial` trains to the rung of that index; None: it does not train any more."""
        before = self._next.pop(trial, None)
        if before is not None:
            self._training_to[before] -= 1
        if index is not None:
            self._next[trial] = index
            self._training_to[index] += 1

    def arrive(self, trial: int, curve: Curve) -> None:
        """See `Scheduler`: a late report counts at every rung that it has passed, and is compared at the highest.

        A trial whose warm-up holds a rung is late at that one: it counts there too once it is compared.
        """
        passed = [rung.epoch for rung in self._rungs[self._next[trial] :] if rung.epoch <= curve.epoch]
        if passed and passed[-1] <= curve.warmup_epochs:
            self._warming_up[trial] = curve
        elif passed:
            self._count(trial, curve)

    def _count(self, trial: int, curve: Curve) -> None:
        """`trial` is compared by `curve`, as it is now."""
        self._warming_up.pop(trial, None)
        index = self._next[trial]
        while index < len(self._rungs) and curve.epoch >= self._rungs[index].epoch:
            self._rungs[index].arrive(trial, curve.oriented(curve.projected_value), curve.oriented(curve.best_value))
            self._due[trial] = index
            index += 1
        self._train_to(trial, index)

    def due(self, trial: int) -> int | None:
        """See `Scheduler`: once per rung."""
        index = self._due.get(trial)
        return None if index is None else self._rungs[index].epoch

    def action(self, trial: int, rung: int, remaining: int) -> Action:
        """See `Scheduler`: a trial that would be promoted at once continues on its worker."""
        if self._rung(rung).values[trial] is None:
            return "stop"
        return "continue" if self._next_promotion(remaining, arriving=trial) == (trial, rung) else "pause"

    def rung_result(self, trial: int, rung: int) -> RungResult:
        """See `Scheduler`: by the running quota, even if the rung has not opened yet."""
        at = self._rung(rung)
        return at.rung_result(trial, self._running_quota(at))

    def awaits(self, rung: int, remaining: int) -> int:
        """See `Scheduler`: arrivals at the rung itself, or at the first one where the quota is below one trial."""
        at = self._rung(rung)
        if self._final(self._rungs.index(at), remaining, self._training_to):
            return 0
        peers = math.ceil(self._min_peers * at.share - ROUNDING) - len(at.values)
        first = math.ceil((1 - ROUNDING) / at.promoted_share) - len(self._rungs[0].values)
        return max(0, peers, first)

    def record(self, trial: int, rung: int, action: Action) -> None:
        """See `Scheduler`."""
        if trial in self._warming_up:  # the journal of a version that compared trials in their warm-up
            self._count(trial, self._warming_up[trial])
        self._due.pop(trial, None)
        at = self._rung(rung)
        at.unpause(trial)
        if action == "pause":
            self._train_to(trial, None)
            at.pause(trial)
        elif action == "continue":
            self._train_to(trial, self._rungs.index(at) + 1)

    def end(self, trial: int, reason: Reason) -> None:
        """See `Scheduler`: only a trial that is trained to completion keeps its ranks."""
        self._warming_up.pop(trial, None)
        self._train_to(trial, None)
        self._due.pop(trial, None)
        if reason != "done":
            for rung in self._rungs:
                rung.drop(trial)

    def promotable(self, remaining: int) -> tuple[int, int] | None:
        """See `Scheduler`: the highest rung first."""
        return self._next_promotion(remaining)

    def _next_promotion(self, remaining: int, arriving: int | None = None) -> tuple[int, int] | None:
        """The next trial to promote and its rung, where `arriving` is treated as if it were paused where it is due."""
        training_to = self._training_to
        if arriving is not None:
            training_to = training_to.copy()
            training_to[self._next[arriving]] -= 1
        for index in reversed(range(len(self._rungs))):
            rung = self._rungs[index]
            here = arriving if arriving is not None and self._due.get(arriving) == index else None
            if not rung.paused and here is None:
                continue
            if self._final(index, remaining, training_to):
                quota = max(1, math.ceil(self._all_trials(remaining) * rung.promoted_share - ROUNDING))
            elif len(rung.values) >= self._min_peers * rung.share:
                quota = self._running_quota(rung)
            else:
                quota = 0  # the rung waits for peers
            trial = rung.next(quota, here)
            if trial is not None:
                return trial, rung.epoch
        return None

    def _running_quota(self, rung: _PausingRung) -> int:
        """How many trials `rung` may promote while more can come."""
        return math.floor(len(self._rungs[0].values) * rung.promoted_share + ROUNDING)

    def _final(self, index: int, remaining: int, training_to: list[int]) -> bool:
        """Whether no more trials can come to the rung, so that its quota is final."""
        if remaining:
            return False
        rung = self._rungs[index]
        full = len(rung.values) >= math.ceil(self._all_trials(remaining) * rung.share - ROUNDING)
        return full or not any(training_to[: index + 1])

    def _all_trials(self, remaining: int) -> int:
        """How many trials will have reached the first rung in the end, as far as is known now."""
        return len(self._rungs[0].values) + remaining + self._training_to[0]

    def _rung(self, epoch: int) -> _PausingRung:
        return next(rung for rung in self._rungs if rung.epoch == epoch)
