"""Successive halving that stops: a trial below the cutoff at a rung ends there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search.pruning.curve import Curve
from search.pruning.decision import FAILURES, Action, Reason
from search.pruning.rungs import Rung, RungResult, milestones, warming_up
from search.pruning.scheduler import Scheduler


class StoppingASHA(Scheduler):
    """At each rung one trial in `reduction_factor` continues, the others are stopped.

    The first trials at a rung have no peers to be compared with, and that alone must not let them train to the end. So
    while fewer than `reduction_factor` trials have arrived, a running trial is compared again whenever another one has
    arrived.

    Args:
        grace_epochs: epochs before the first rung.
        reduction_factor: between the epochs of two rungs, and of the trials that reach them.
        max_epochs: epochs of a whole training.
    """

    def __init__(self, grace_epochs: int, reduction_factor: float, max_epochs: int) -> None:
        self._factor = reduction_factor
        self._max_epochs = max_epochs
        self._rungs = {at: Rung(at) for at in milestones(grace_epochs, reduction_factor, max_epochs)}
        self._reached: dict[int, int] = {}
        self._compared: dict[tuple[int, int], int] = {}  # by trial and rung: with how many arrivals

    @property
    def rungs(self) -> list[int]:
        """See `Scheduler`."""
        return list(self._rungs)

    def start(self, trial: int, values: Mapping[str, Any], on_top: bool = False) -> None:
        """See `Scheduler`."""

    def arrive(self, trial: int, curve: Curve) -> None:
        """See `Scheduler`: a late report counts at the highest rung that it has reached."""
        at = next((at for at in reversed(self._rungs) if at <= curve.epoch), None)
        if at is None or warming_up(at, curve.warmup_epochs, self._max_epochs):
            return
        if self._reached.get(trial, 0) < at:
            self._reached[trial] = at
            self._rungs[at].add(trial, curve.oriented(curve.projected_value))

    def due(self, trial: int) -> int | None:
        """See `Scheduler`."""
        at = self._reached.get(trial)
        if at is None:
            return None
        before = self._compared.get((trial, at), 0)
        return at if not before or before < min(self._factor, len(self._rungs[at].values)) else None

    def action(self, trial: int, rung: int, remaining: int) -> Action:
        """See `Scheduler`."""
        return "continue" if self.rung_result(trial, rung).promoted else "stop"

    def rung_result(self, trial: int, rung: int) -> RungResult:
        """See `Scheduler`: the best trial continues even if fewer than `reduction_factor` have arrived."""
        at = self._rungs[rung]
        return at.rung_result(trial, quota=max(1, int(len(at.values) / self._factor)))

    def record(self, trial: int, rung: int, action: Action) -> None:
        """See `Scheduler`."""
        self._compared[trial, rung] = len(self._rungs[rung].values)

    def end(self, trial: int, reason: Reason) -> None:
        """See `Scheduler`."""
        if reason in FAILURES:
            for rung in self._rungs.values():
                rung.drop(trial)

    def promotable(self, remaining: int) -> tuple[int, int] | None:
        """See `Scheduler`: no trial is ever paused."""
        return None
