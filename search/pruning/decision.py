"""What was decided about a trial, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Action = Literal["continue", "pause", "stop"]
Reason = Literal[
    "rung",
    "nonfinite",
    "diverging",
    "collapsed",
    "oscillating",
    "stale",
    "over_limit",
    "failed",
    "budget",
    "by_hand",
    "done",
]

REASONS: dict[Reason, str] = {
    "rung": "below the cutoff at a rung",
    "nonfinite": "weights or training loss not finite",
    "diverging": "loss rose and stayed high",
    "collapsed": "model predicts nothing useful",
    "oscillating": "metric or training loss varies too much",
    "stale": "no new best value for too long",
    "over_limit": "costs more than `limits` allow",
    "failed": "its process or code failed",
    "budget": "the sweep's budget is used up",
    "by_hand": "stopped by hand",
    "done": "trained to its last epoch",
}
assert set(REASONS) == set(get_args(Reason))

FAILURES: frozenset[Reason] = frozenset({"nonfinite", "diverging", "collapsed", "failed"})
"""Reasons that mean a failed training. The sampler is told that its configuration is infeasible, not only worse."""

Outcome = Literal["complete", "pruned", "infeasible"]
"""How a trial ended, as the sampler is told: trained to its last epoch, stopped before it, or failed."""

STOPPED_EARLY: frozenset[Reason] = frozenset({"rung", "oscillating", "stale", "over_limit", "budget", "by_hand"})
"""Reasons that end a sound training before its last epoch: how it would have continued is not known."""

assert not FAILURES & STOPPED_EARLY
assert {"done"} | FAILURES | STOPPED_EARLY == set(get_args(Reason)), "each reason is in one set, or done"


@dataclass(frozen=True)
class Decision:
    """A decision about a trial after one of its epochs.

    Attributes:
        action: "stop" ends the trial, "pause" keeps its checkpoint for later; "continue" is recorded where a trial was
            compared at a rung and continues, either at once or promoted after a pause. A "pause" whose reason is not
            "rung" demotes the trial: it stands behind all others at the rung that it passed last.
        reason: the rule that decided.
        detail: one sentence with the numbers, for people.
        numbers: the same numbers by name, in the metric's own sign.
    """

    action: Action
    reason: Reason
    detail: str
    numbers: Mapping[str, float] = field(default_factory=dict)


def stop(reason: Reason, detail: str, **numbers: float) -> Decision:
    """The decision to end a trial; see `Decision`."""
    return Decision("stop", reason, detail, numbers)
