"""ASHA that promotes, as the tests drive it: trials arrive at a rung, and are promoted."""

from __future__ import annotations

from search.pruning.curve import Curve, Point
from search.pruning.promoting import PromotingASHA


def asha_of(grace: int = 1, factor: float = 3, end: int = 9, peers: int = 1) -> PromotingASHA:
    return PromotingASHA(grace, factor, end, peers)


def arrive(asha: PromotingASHA, trial: int, value: float | None, remaining: int, epoch: int = 1) -> str:
    """A trial starts, reports one value at a rung's epoch, and is decided about; returns what becomes of it."""
    if epoch == 1:
        asha.start(trial, {})
    asha.arrive(trial, Curve("max", [Point(epoch, value, 1.0)]))
    rung = asha.due(trial)
    assert rung is not None
    action = asha.action(trial, rung, remaining)
    if action == "stop":
        asha.end(trial, "rung")
    else:
        asha.record(trial, rung, action)
    return action


def promoted(asha: PromotingASHA, remaining: int = 0) -> int | None:
    """The next trial that may go on; it does."""
    promotable = asha.promotable(remaining)
    if promotable is None:
        return None
    asha.record(*promotable, "continue")
    return promotable[0]


def all_promoted(asha: PromotingASHA, remaining: int = 0) -> list[int]:
    trials = []
    while (trial := promoted(asha, remaining)) is not None:
        trials.append(trial)
    return trials
