"""The rungs of ASHA: epochs at which trials are compared, and how each stands there.

Li et al., "A System for Massively Parallel Hyperparameter Tuning" (MLSys 2020). The paper's symbols and our names:

    r    grace_epochs       epochs before the first rung
    eta  reduction_factor   rung k lies at r * eta**k epochs
    R    max_epochs         epochs of a whole training

What is compared is the outlook of the curve (`Curve.outlook`), not one epoch's value. Higher is better here; None is
no number at all, behind every number.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RungResult:
    """How a trial stands at a rung.

    Attributes:
        rung: epochs at which the rung lies.
        value: the trial's outlook there, higher is better; None if it has none.
        cutoff: the outlook of the last that goes on; -inf if nobody has one.
        rank: its place among all that reached the rung, from 1; equals share the better place.
        peers: how many it is compared with, itself included: who reached the rung, or whom `FreezeThaw` chooses from.
        promoted: whether it goes on.
        new: how many of the peers are configurations that were not begun.
    """

    rung: int
    value: float | None
    cutoff: float
    rank: int
    peers: int
    promoted: bool
    new: int = 0


def first_rung(share: float, max_epochs: int) -> int:
    """The first rung, in epochs, after that `share` of a training: rounded up, since short trainings begin slowly."""
    return math.ceil(share * max_epochs - 1e-9)  # 7 % of 100 are 7.000000000000001


def milestones(grace_epochs: int, reduction_factor: float, max_epochs: int) -> list[int]:
    """The epochs of the rungs, rising, all below `max_epochs`.

    Raises:
        ValueError: `grace_epochs` below 1 or `reduction_factor` not above 1.
    """
    if grace_epochs < 1:
        raise ValueError(f"grace_epochs is {grace_epochs}; it must be at least 1")
    if reduction_factor <= 1:
        raise ValueError(f"reduction_factor is {reduction_factor:g}; it must be above 1")
    found: list[int] = []
    epoch = float(grace_epochs)
    while round(epoch) < max_epochs:
        if not found or round(epoch) > found[-1]:
            found.append(round(epoch))
        epoch *= reduction_factor
    return found


@dataclass
class Rung:
    """The outlooks with which trials reached one rung. Comparing one costs the logarithm of their number.

    Attributes:
        epoch: where the rung lies.
        values: outlook by trial.
    """

    epoch: int
    values: dict[int, float | None] = field(default_factory=dict)
    _rising: list[float] = field(default_factory=list, repr=False)

    def add(self, trial: int, value: float | None) -> None:
        """Note that `trial` reached the rung with the outlook `value`."""
        self.values[trial] = value
        if value is not None:
            insort(self._rising, value)

    def drop(self, trial: int) -> None:
        """`trial` came here, but is worth nothing any more: it stays as a peer behind all others."""
        value = self.values.get(trial)
        if value is not None:
            self.values[trial] = None
            del self._rising[bisect_left(self._rising, value)]

    def rank(self, trial: int) -> int:
        """Its place among all here, from 1; equals share the better place."""
        value = self.values[trial]
        return len(self.values) if value is None else len(self._rising) - bisect_right(self._rising, value) + 1

    def rung_result(self, trial: int, places: int) -> RungResult:
        """How `trial` stands if the first `places` go on."""
        value, rank, count = self.values[trial], self.rank(trial), len(self._rising)
        cutoff = self._rising[max(0, count - max(1, places))] if count else float("-inf")
        return RungResult(self.epoch, value, cutoff, rank, len(self.values), value is not None and rank <= places)
