"""ASHA as in its paper, with pausing and promotion, changed so that it seldom loses a good trial.

Every trial is paused at each rung. When a worker is free, the highest rung with quota left promotes its best paused
trial; if there is none, a new trial starts. Six things differ from the paper (Li et al., MLSys 2020, algorithm 2):

    quotas count from the first rung   of N trials that reached the first rung that decides (epoch r),
                                       N * (r / e)**0.85 may train to epoch e, whatever the factor between rungs. With
                                       an exponent of 1 each rung would take the same number of epochs; so later rungs,
                                       which tell more, take more.
    early rungs leave no trial         at rungs before the grace period trials are put in order while new ones can
                                       start, so that many are begun and the most promising train first. When no more
                                       can start, all of them train to the end of the grace period.
    a rung waits for peers             it opens when `min_peers` trials (in proportion, on higher rungs) have arrived,
                                       or when no more can come. Then at least one is promoted, so that at least one
                                       trial is trained to completion.
    the leader is always promoted      one of each quota belongs to the trial with the best value so far, whatever its
                                       projected value.
    few trials get larger quotas       in a sweep of `FEW` trials the exponent is .7.
    a rung may not decide              early in a training, where most trials have reached next to nothing (below
                                       `stability.collapse_value`), or where the best trial so far had not begun to
                                       learn, all are promoted.

A demoted trial (`stop_rules.doubtful`) is paused between rungs, at the rung that it passed last, behind all others.

On 22 groups of public curves (302 runs) the regret is .1 % at 46 % of all epochs; Ray Tune's stopping ASHA (factor 3,
grace 10 %) has 2.1 % at 40 % (`docs/notebook/rungs.md`, which has others too).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from search.pruning.curve import Curve
from search.pruning.decision import Action, Reason
from search.pruning.pausing_rung import PausingRung, Wider
from search.pruning.rungs import ROUNDING, RungResult, milestones, warming_up
from search.pruning.scheduler import Scheduler

NOTHING_UNTIL = 0.3
"""A rung after this share of the epochs decides even if most trials there have reached next to nothing."""

NOT_BEGUN = 0.05
"""A trial has not begun to learn while its best value is below this share of what it reaches later."""

BEGUN_BY = 0.5
"""A rung after this share of the epochs decides even if the best trial so far had not begun to learn there."""


class PromotingASHA(Scheduler):
    """Pauses at each rung, promotes when there is quota. See the module's docstring.

    Args:
        grace_epochs: epochs before the first rung.
        reduction_factor: between the epochs of two rungs.
        max_epochs: epochs of a whole training.
        min_peers: arrivals that the first rung waits for before it promotes any.
        nothing: values from 0 up to this one (exclusive) are next to nothing; 0 for a metric without such values.
        early: the epochs of the rungs before `grace_epochs`, rising (`search.pruning.rungs.early_rungs`).

    Attributes:
        thinning: the exponent by which fewer trials train for more epochs. 1 is worse on public curves and no better on
            our own. With .75 the first rung has to come sooner for the same epochs, which loses trials that rise late
            (`docs/notebook/rungs.md`).
        thinning_few: the same exponent for `FEW` trials. Of more trials at least as many are promoted.
        thinning_early: the same exponent at early rungs, while trials can start. With .85 good trainings are found
            sooner still, but the search learns less from each trial, so its last trials are worse
            (`docs/notebook/early-rungs.md`).
    """

    thinning: ClassVar[float] = 0.85
    thinning_few: ClassVar[float] = 0.7
    thinning_early: ClassVar[float] = 0.35

    def __init__(
        self,
        grace_epochs: int,
        reduction_factor: float,
        max_epochs: int,
        min_peers: int,
        nothing: float = 0.0,
        early: Sequence[int] = (),
    ) -> None:
        epochs = [*early, *milestones(grace_epochs, reduction_factor, max_epochs)]
        ends = [*epochs, max_epochs]
        after_grace = [min(1.0, grace_epochs / end) for end in ends]  # r / e, where r is the end of the grace period
        final = [ratio**self.thinning for ratio in after_grace]
        of_few = [ratio**self.thinning_few for ratio in after_grace]
        within_grace = [(ends[0] / min(end, grace_epochs)) ** self.thinning_early for end in ends]
        shares = [early_share * share for early_share, share in zip(within_grace, final, strict=True)]
        rungs = zip(epochs, shares, shares[1:], final[1:], of_few[1:], strict=False)
        self._rungs = [PausingRung(*rung) for rung in rungs]
        self._grace_epochs = grace_epochs
        self._min_peers = min_peers
        self._nothing = nothing
        self._max_epochs = max_epochs
        self._best_trial = (-math.inf, -1)  # the best value so far, and whose it is
        self._next: dict[int, int] = {}  # by running trial: the index of the rung that it trains to
        self._due: dict[int, int] = {}  # by trial: the index of the rung at which it is to be compared
        self._warming_up: dict[int, Curve] = {}  # by trial that passed a rung in its warm-up
        # How many trials train to each rung; the last number is of those that train to completion.
        self._training_to = [0] * (len(epochs) + 1)

    @property
    def rungs(self) -> list[int]:
        """See `Scheduler`."""
        return [rung.epoch for rung in self._rungs]

    def start(self, trial: int, values: Mapping[str, Any], on_top: bool = False) -> None:
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

        If a rung lies within a trial's warm-up, the trial arrives there late: it counts there once it is compared. An
        early rung leaves no trial, so it waits for no warm-up, and a trial without a value yet passes it by.
        """
        if curve.best_value is not None:
            self._best_trial = max(self._best_trial, (curve.oriented(curve.best_value), trial))
        passed = [rung.epoch for rung in self._rungs[self._next[trial] :] if rung.epoch <= curve.epoch]
        if not passed:
            return
        if self._is_early(passed[-1]):
            if curve.projected_value is not None:
                self._count(trial, curve)
        elif warming_up(passed[-1], curve.warmup_epochs, self._max_epochs):
            self._warming_up[trial] = curve
        else:
            self._count(trial, curve)

    def _is_early(self, rung: int) -> bool:
        """Whether `rung` only puts trials in order, and leaves none of them there."""
        return rung < self._grace_epochs

    def _count(self, trial: int, curve: Curve) -> None:
        """`trial` arrives at every rung that it has passed, with its `curve` as it is now."""
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
        return at.rung_result(trial, at.running_quota(len(self._rungs[0].values), self._wider()))

    def awaits(self, rung: int, remaining: int) -> int:
        """See `Scheduler`: arrivals at the rung itself, or at the first one where the quota is below one trial."""
        at = self._rung(rung)
        wider = self._wider()
        if self._final(self._rungs.index(at), remaining, self._training_to, wider):
            return 0
        peers = math.ceil(self._min_peers * at.share - ROUNDING) - len(at.values)
        share = min(1.0, at.promoted_share * wider.share)
        first = math.ceil((1 - ROUNDING) / share) - len(self._rungs[0].values)
        return max(0, peers, first)

    def undecided(self, rung: int) -> str:
        """See `Scheduler`: early in a training, where most trials, or the best one, have reached next to nothing.

        .0003 is then no better than .0001: the metric's noise is larger than both. An early rung puts them in order all
        the same: it leaves none of them.
        """
        if self._is_early(rung) or not self._nothing:
            return ""
        share, at = rung / self._max_epochs, self._rung(rung)
        if share <= NOTHING_UNTIL and 0 <= at.median_best < self._nothing:
            return "most are next to nothing there"
        best, trial = self._best_trial
        best_there = at.best_value(trial)
        if share <= BEGUN_BY and best_there is not None and 0 <= best_there < NOT_BEGUN * best:
            return "the best trial so far was next to nothing there"
        return ""

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

    def demotion(self, trial: int) -> int | None:
        """See `Scheduler`: the rung that it has passed last, once, and not an early one, which leaves no trial."""
        index = self._next.get(trial, 0) - 1
        rung = self._rungs[index] if index >= 0 else None
        if rung is None or self._is_early(rung.epoch) or rung.values[trial] is None or trial in rung.demoted:
            return None
        return rung.epoch

    def demote(self, trial: int, rung: int) -> None:
        """See `Scheduler`."""
        self._due.pop(trial, None)
        self._train_to(trial, None)
        self._rung(rung).demote(trial)

    def promotable(self, remaining: int) -> tuple[int, int] | None:
        """See `Scheduler`: the highest rung first."""
        return self._next_promotion(remaining)

    def _next_promotion(self, remaining: int, arriving: int | None = None) -> tuple[int, int] | None:
        """The next trial to promote and its rung, where `arriving` is treated as if it were paused where it is due."""
        training_to = self._training_to
        if arriving is not None:
            training_to = training_to.copy()
            training_to[self._next[arriving]] -= 1
        wider = self._wider()
        for index in reversed(range(len(self._rungs))):
            rung = self._rungs[index]
            arrival = arriving if arriving is not None and self._due.get(arriving) == index else None
            if not rung.paused and arrival is None:
                continue
            final = self._final(index, remaining, training_to, wider)
            if not final and len(rung.values) < self._min_peers * rung.share:
                continue  # the rung waits for peers
            if self.undecided(rung.epoch):
                quota = len(rung.values) + 1
            elif final:
                quota = rung.final_quota(self._all_trials(remaining), wider)
            else:
                quota = rung.running_quota(len(self._rungs[0].values), wider)
            trial = rung.next(quota, arrival)
            if trial is not None:
                return trial, rung.epoch
        return None

    def _wider(self) -> Wider:
        """Quotas count from the first rung that decides: up to there all trials train."""
        deciding = (
            rung.epoch for rung in self._rungs if rung.epoch >= self._grace_epochs and not self.undecided(rung.epoch)
        )
        later = next(deciding, self._grace_epochs) / self._grace_epochs
        return Wider(later**self.thinning, later**self.thinning_few)

    def _final(self, index: int, remaining: int, training_to: list[int], wider: Wider) -> bool:
        """Whether no more trials can come to the rung, so that its quota is final."""
        if remaining:
            return False
        trials = self._all_trials(remaining)
        all_arrivals = self._rungs[index - 1].final_quota(trials, wider) if index else trials
        return len(self._rungs[index].values) >= all_arrivals or not any(training_to[: index + 1])

    def _all_trials(self, remaining: int) -> int:
        """How many trials will have reached the first rung in the end, as far as is known now."""
        return len(self._rungs[0].values) + remaining + self._training_to[0]

    def _rung(self, epoch: int) -> PausingRung:
        return next(rung for rung in self._rungs if rung.epoch == epoch)
