"""Brackets: several ASHAs side by side, each with a later first rung, as asynchronous Hyperband has them.

Li et al., "A System for Massively Parallel Hyperparameter Tuning" (MLSys 2020), section 3: nobody knows beforehand
after how many epochs trials can be told apart. Bracket b has its first rung at grace_epochs * reduction_factor**b, and
compares its own trials only. Each gets trials in inverse proportion to that, so that all train about as many epochs up
to their first rungs. The paper, and Ray Tune, draw a trial's bracket; here it follows from the trial's place, so that
the shares are exact in a small sweep too, and a resumed sweep needs to remember nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from search.pruning.curve import Curve
from search.pruning.decision import Action, Reason
from search.pruning.rungs import RungResult
from search.pruning.scheduler import Scheduler
from trainables.errors import SettingsError


def first_rungs(grace_epochs: int, reduction_factor: float, brackets: int, max_epochs: int) -> list[int]:
    """The first rung of each bracket, in epochs.

    Raises:
        SettingsError: the last bracket's would not lie below `max_epochs`.
    """
    found = [round(grace_epochs * reduction_factor**bracket) for bracket in range(brackets)]
    if brackets > 1 and found[-1] >= max_epochs:
        fits = sum(epoch < max_epochs for epoch in found)
        raise SettingsError(
            f"brackets is {brackets}, but the last one's first rung would lie at epoch {found[-1]} of {max_epochs}; "
            f"at most {fits} fit"
        )
    return found


def assigned(shares: Sequence[float], trials: int) -> list[int]:
    """The bracket of each of so many `trials`: always the one that is most behind its share."""
    total, counts, found = sum(shares), [0] * len(shares), []
    for trial in range(trials):
        owed = [share * (trial + 1) / total - count for share, count in zip(shares, counts, strict=True)]
        bracket = owed.index(max(owed))
        counts[bracket] += 1
        found.append(bracket)
    return found


class Brackets(Scheduler):
    """An `Scheduler` of several.

    Args:
        ashas: each bracket's.
        trials: that the search may start, at most.
    """

    def __init__(self, ashas: Sequence[Scheduler], trials: int) -> None:
        self._ashas = list(ashas)
        self._bracket = assigned([1 / asha.rungs[0] for asha in ashas], trials)
        self._before = [[*accumulate((of == place for of in self._bracket), initial=0)] for place in range(len(ashas))]
        self._of: dict[int, int] = {}  # the bracket of each trial that was started

    @property
    def rungs(self) -> list[int]:
        """See `Scheduler`: those of all brackets."""
        return sorted({rung for asha in self._ashas for rung in asha.rungs})

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """See `Scheduler`."""
        self._of[trial] = self._bracket[len(self._of)]
        self._asha(trial).start(trial, values)

    def _asha(self, trial: int) -> Scheduler:
        return self._ashas[self._of[trial]]

    def _left(self, bracket: int, left: int) -> int:
        """How many of the next `left` trials come to `bracket`."""
        before, started = self._before[bracket], len(self._of)
        return before[min(started + left, len(before) - 1)] - before[started]

    def arrive(self, trial: int, curve: Curve) -> None:
        """See `Scheduler`."""
        self._asha(trial).arrive(trial, curve)

    def due(self, trial: int) -> int | None:
        """See `Scheduler`."""
        return self._asha(trial).due(trial)

    def action(self, trial: int, rung: int, left: int) -> Action:
        """See `Scheduler`."""
        return self._asha(trial).action(trial, rung, self._left(self._of[trial], left))

    def rung_result(self, trial: int, rung: int) -> RungResult:
        """See `Scheduler`: among its own bracket."""
        return self._asha(trial).rung_result(trial, rung)

    def record(self, trial: int, rung: int, action: Action) -> None:
        """See `Scheduler`."""
        self._asha(trial).record(trial, rung, action)

    def end(self, trial: int, reason: Reason) -> None:
        """See `Scheduler`. A trial that is no part of the search is in no bracket."""
        if trial in self._of:
            self._asha(trial).end(trial, reason)

    def promotable(self, left: int) -> tuple[int, int] | None:
        """See `Scheduler`: the one furthest on, of all brackets."""
        found = [asha.promotable(self._left(place, left)) for place, asha in enumerate(self._ashas)]
        return max((one for one in found if one), key=lambda one: one[1], default=None)
