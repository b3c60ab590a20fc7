"""The rungs of ASHA: epochs at which trials are compared, and how each compares there.

Li et al., "A System for Massively Parallel Hyperparameter Tuning" (MLSys 2020). The paper's symbols and our names:

    r    grace_epochs       epochs before the first rung
    eta  reduction_factor   rung k lies at r * eta**k epochs
    R    max_epochs         epochs of a whole training

A trial's first rung is the first after its own warm-up, or the first after `WARMUP_SHARE` of the training. What is
compared is a curve's projected value (`Curve.projected_value`), oriented so that higher is better. None means that the
trial has no value; it ranks below every number.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field

ROUNDING = 1e-9
"""Floating-point error that may not push a product over the next whole number: 0.07 * 100 is 7.000000000000001."""

WARMUP_SHARE = 0.16
"""Share of a training until which rungs wait for a trial's own warm-up.

The documents' own trainings warm up for at most 15 %. A short training may draw a warm-up of most of its epochs, and
were it waited for, the trial would be compared at no rung, or at the last one only (`docs/notebook/early-rungs.md`).
"""


@dataclass(frozen=True)
class RungResult:
    """How a trial compares at a rung. Values are oriented: higher is better.

    Attributes:
        rung: epochs at which the rung lies.
        value: what the trial is compared by, see `Scheduler.compares`; None if it has no value.
        cutoff: the value of the last trial within the quota; -inf if no trial has a value.
        rank: from 1 among all that reached the rung; equal values share the better rank.
        peers: with how many trials it is compared, itself included. `FreezeThaw` counts new configurations too.
        promoted: whether its rank is within the quota.
        new: how many of the peers are configurations that no trial has started with.
    """

    rung: int
    value: float | None
    cutoff: float
    rank: int
    peers: int
    promoted: bool
    new: int = 0


def warming_up(rung: int, warmup_epochs: int, max_epochs: int) -> bool:
    """Whether `rung` does not compare a trial because its own warm-up, the first `warmup_epochs`, is not over."""
    return rung <= min(warmup_epochs, WARMUP_SHARE * max_epochs)


def first_rung(share: float, max_epochs: int) -> int:
    """The first rung after that `share` of a training, in epochs.

    It is rounded up, since short trainings need most of their first epochs to warm up.
    """
    return math.ceil(share * max_epochs - ROUNDING)


def milestones(grace_epochs: int, reduction_factor: float, max_epochs: int) -> list[int]:
    """The epochs of the rungs, rising, all below `max_epochs`.

    Raises:
        ValueError: `grace_epochs` below 1 or `reduction_factor` not above 1.
    """
    if grace_epochs < 1:
        raise ValueError(f"grace_epochs is {grace_epochs}; it must be at least 1")
    if reduction_factor <= 1:
        raise ValueError(f"reduction_factor is {reduction_factor:g}; it must be above 1")
    if max_epochs * (reduction_factor - 1) <= 0.5:  # no step is longer than half an epoch, and there may be billions
        return list(range(grace_epochs, max_epochs))
    epochs: list[int] = []
    epoch = float(grace_epochs)
    while round(epoch) < max_epochs:
        if not epochs or round(epoch) > epochs[-1]:  # a factor near 1 gives some epochs twice
            epochs.append(round(epoch))
        epoch *= reduction_factor
    return epochs


def early_rungs(grace_epochs: int, reduction_factor: float) -> list[int]:
    """The epochs before `grace_epochs` at which trials are put in order, rising, `reduction_factor` apart."""
    epochs: list[int] = []
    epoch = grace_epochs / reduction_factor
    while round(epoch) >= 1:
        if round(epoch) < (epochs[0] if epochs else grace_epochs):
            epochs.insert(0, round(epoch))
        epoch /= reduction_factor
    return epochs


@dataclass
class Rung:
    """The values with which trials reached one rung. A comparison takes the logarithm of their number.

    Attributes:
        epoch: where the rung lies.
        values: by trial, higher is better; None for a trial without one.
        demoted: the trials that rank behind all others with a value, whatever theirs is.
    """

    epoch: int
    values: dict[int, float | None] = field(default_factory=dict)
    demoted: set[int] = field(default_factory=set)
    _rising: list[float] = field(default_factory=list, repr=False)

    def add(self, trial: int, value: float | None) -> None:
        """Note that `trial` reached the rung with `value`."""
        self.values[trial] = value
        if value is not None:
            insort(self._rising, value)

    def drop(self, trial: int) -> None:
        """Take a failed trial's value away. It still counts as an arrival, ranked below all others."""
        ranked_by = self.ranked_by(trial)
        if ranked_by is not None:
            self.values[trial] = None
            del self._rising[bisect_left(self._rising, ranked_by)]

    def demote(self, trial: int) -> None:
        """Rank `trial` behind all others with a value from now on."""
        ranked_by = self.ranked_by(trial)
        self.demoted.add(trial)
        if ranked_by is not None:
            del self._rising[bisect_left(self._rising, ranked_by)]
            insort(self._rising, -math.inf)

    def ranked_by(self, trial: int) -> float | None:
        """What `trial` is ranked by: its value, or -inf if it was demoted; None without a value."""
        value = self.values.get(trial)
        return -math.inf if value is not None and trial in self.demoted else value

    def rank(self, trial: int) -> int:
        """The trial's rank among all that reached the rung, from 1; equal values share the better rank."""
        value = self.ranked_by(trial)
        return len(self.values) if value is None else len(self._rising) - bisect_right(self._rising, value) + 1

    def rung_result(self, trial: int, quota: int) -> RungResult:
        """How `trial` compares if the first `quota` are promoted."""
        value, rank, count = self.values[trial], self.rank(trial), len(self._rising)
        cutoff = self._rising[max(0, count - max(1, quota))] if count else float("-inf")
        return RungResult(self.epoch, value, cutoff, rank, len(self.values), value is not None and rank <= quota)
