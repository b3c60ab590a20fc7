"""What was decided about a trial, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Action = Literal["continue", "pause", "stop"]
Reason = Literal["rung", "nonfinite", "diverging", "collapsed", "oscillating", "stale", "failed", "budget", "done"]

REASONS: dict[Reason, str] = {
    "rung": "behind its peers at a rung",
    "nonfinite": "weights or training loss no longer finite",
    "diverging": "loss rose and stayed up",
    "collapsed": "model predicts nothing useful",
    "oscillating": "metric jumps about, and is behind its peers",
    "stale": "no new best for too long",
    "failed": "its process or code failed",
    "budget": "the sweep's budget ended",
    "done": "trained to its last epoch",
}
assert set(REASONS) == set(get_args(Reason))

FAILURES: frozenset[Reason] = frozenset({"nonfinite", "diverging", "collapsed", "failed"})
"""Reasons that make a configuration infeasible rather than merely worse."""


BEHIND: frozenset[Reason] = frozenset({"rung", "oscillating", "stale", "budget"})
"""Reasons that end a sound training before its last epoch."""


@dataclass(frozen=True)
class Decision:
    """One decision after one epoch.

    Attributes:
        action: "stop" ends the trial, "pause" lets it wait with its checkpoint; "continue" is only noted where a rule
            compared it and let it go on, at once or after it had waited.
        reason: the rule that decided.
        detail: one sentence with the numbers, for people.
        numbers: the same numbers by name.
    """

    action: Action
    reason: Reason
    detail: str
    numbers: Mapping[str, float] = field(default_factory=dict)
