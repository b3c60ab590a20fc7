"""ASHA's rungs: epochs at which trials are compared, and how each stands there.

Li et al., "A System for Massively Parallel Hyperparameter Tuning" (MLSys 2020). The paper's symbols and our names:

    r    grace_epochs       epochs before the first rung
    eta  reduction_factor   one in so many goes on
    R    max_epochs         epochs of a whole training
    k    rung index         rung k lies at r * eta**k epochs

What is compared is the level of the curve (the mean of its last epochs), not one epoch. Higher is better here;
None is no number at all, behind every number.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Standing:
    """How a trial stands at a rung.

    Attributes:
        rung: epochs at which the rung lies.
        value: the trial's level, higher is better; None if it has none.
        cutoff: the level it needs to go on.
        rank: its place among all that reached the rung, from 1; equals share the better place.
        peers: how many reached the rung, itself included.
        promoted: whether it goes on.
    """

    rung: int
    value: float | None
    cutoff: float
    rank: int
    peers: int
    promoted: bool


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
    """The levels with which trials reached one rung. Comparing one costs the logarithm of their number.

    Attributes:
        epoch: where the rung lies.
        values: level by trial.
    """

    epoch: int
    values: dict[int, float | None] = field(default_factory=dict)
    _rising: list[float] = field(default_factory=list, repr=False)

    def add(self, trial: int, value: float | None) -> None:
        """Note that `trial` reached the rung with the level `value`; only its first level counts."""
        if trial not in self.values:
            self.values[trial] = value
            if value is not None:
                insort(self._rising, value)

    def standing(self, trial: int, value: float | None, places: int) -> Standing:
        """How `trial` stands if the first `places` go on; with the level `value` if it is new here."""
        new = trial not in self.values
        value = value if new else self.values[trial]
        peers = len(self.values) + new
        rank = peers if value is None else len(self._rising) - bisect_right(self._rising, value) + 1
        promoted = value is not None and rank <= places
        return Standing(self.epoch, value, self._cutoff(value, new, places), rank, peers, promoted)

    def _cutoff(self, value: float | None, new: bool, places: int) -> float:
        """The lowest level among the first `places`, `value` taken as one more if it is `new`."""
        count = len(self._rising)
        if not new or value is None:
            return self._rising[max(0, count - places)] if count else float("-inf")
        places = min(places, count + 1)
        behind = self._rising[count - places] if places <= count else float("-inf")
        ahead = self._rising[count - places + 1] if places > 1 else float("inf")
        return min(max(value, behind), ahead)
