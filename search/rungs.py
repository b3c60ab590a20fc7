"""Stopping ASHA: at each rung a trial goes on only if it is among the best of those that reached the rung.

Li et al., "A System for Massively Parallel Hyperparameter Tuning" (MLSys 2020), in the variant that stops a trial at
once instead of pausing it for a later promotion, as Ray Tune and Optuna ship it. The paper's symbols and our names:

    r    grace_epochs       epochs before the first rung
    eta  reduction_factor   one in so many goes on
    R    max_epochs         epochs of a whole training
    k    rung index         rung k lies at r * eta**k epochs

What is compared is the level of the curve (the mean of its last epochs), not one epoch.

The first to reach a rung have nobody to be compared with, and must not go on for ever because they were early. So a
place among fewer than `reduction_factor` trials is provisional: it is looked at again whenever another one arrives.
"""

from __future__ import annotations

from dataclasses import dataclass


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


class Rungs:
    """The levels recorded at each rung of one sweep."""

    def __init__(self, grace_epochs: int, reduction_factor: float, max_epochs: int) -> None:
        self._factor = reduction_factor
        self._compared: dict[tuple[int, int], int] = {}
        self._values: dict[int, dict[int, float | None]] = {
            rung: {} for rung in milestones(grace_epochs, reduction_factor, max_epochs)
        }

    def due(self, trial: int, epoch: int) -> int | None:
        """The highest rung at or below `epoch` if `trial` is to be compared there now, else None."""
        reached = [rung for rung in self._values if rung <= epoch]
        if not reached:
            return None
        rung = reached[-1]
        before = self._compared.get((trial, rung), 0)
        return rung if not before or before < min(self._factor, len(self._values[rung])) else None

    def record(self, trial: int, rung: int, value: float | None) -> None:
        """Note that `trial` was compared at `rung`, which it reached with the level `value`.

        Higher is better; None is no number at all. Only the first of a trial's values at a rung counts.
        """
        self._values[rung].setdefault(trial, value)
        self._compared[trial, rung] = len(self._values[rung])

    def standing(self, trial: int, rung: int, value: float | None) -> Standing:
        """How `trial` stands at `rung` among all that reached it, with the level `value` if it is new there."""
        values = {trial: value} | self._values[rung]
        value = values[trial]
        ranked = sorted((other for other in values.values() if other is not None), reverse=True)
        peers = len(values)
        places = max(1, int(peers / self._factor))
        cutoff = ranked[min(places, len(ranked)) - 1] if ranked else float("-inf")
        rank = sum(other > value for other in ranked) + 1 if value is not None else peers
        return Standing(rung, value, cutoff, rank, peers, promoted=value is not None and value >= cutoff)
