"""Listeners: they tell the driver's scheduler and sampler what the sweep's state has applied.

A process that only reads a sweep (`status`, `explain`, `report`, the recorder) has no listeners: it needs neither
Optuna nor the rungs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from search.journal.epoch_block import EpochBlock
from search.journal.events import Decided
from search.pruning.decision import Outcome
from search.pruning.scheduler import Scheduler
from search.state.cost import measure_cost, violation
from search.state.started import Started
from search.state.trial_state import TrialState
from search.sweep.measure import Limit, Measure


class TrialListener(Protocol):
    """Hears of each event of a trial after the state has applied it, in the journal's order."""

    def started(self, trial: TrialState) -> None:
        """`trial` has started."""

    def trained(self, trial: TrialState, block: EpochBlock) -> None:
        """`trial` has finished the epochs of `block`."""

    def decided(self, trial: TrialState, decision: Decided) -> None:
        """`decision` was made about `trial`."""


class Sampler(Protocol):
    """What a sweep asks of the sampler's study (`search.sampling.searcher` has it on Optuna)."""

    def is_open(self, trial: int) -> bool:
        """Whether `trial` was asked for and has not been told yet."""

    def ask(self, trial: int, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The values drawn for `trial`; those in `fixed` are taken instead of being drawn."""

    def report(self, trial: int, epoch: int, value: float) -> None:
        """The objective that `trial` had reached by `epoch`."""

    def report_seconds(self, trial: int, seconds: float) -> None:
        """A median epoch of `trial`, which is about to be paused or told, takes so long."""

    def pause(self, trial: int, violation: float = 0.0) -> None:
        """`trial` was paused at a rung; it exceeded the user's limits by that share of them."""

    def tell(self, trial: int, outcome: Outcome, value: float | None, violation: float = 0.0) -> None:
        """How `trial` ended."""


class SchedulerListener:
    """Passes the search's trials on to `scheduler`."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def started(self, trial: TrialState) -> None:
        """See `TrialListener`."""
        if trial.is_search:
            values = trial.started.drawn or trial.started.settings
            self._scheduler.start(trial.number, values, trial.started.by_hand)

    def trained(self, trial: TrialState, block: EpochBlock) -> None:
        """See `TrialListener`."""
        if trial.is_search:
            self._scheduler.arrive(trial.number, trial.curve)

    def decided(self, trial: TrialState, decision: Decided) -> None:
        """See `TrialListener`."""
        if decision.action == "stop":
            self._scheduler.end(trial.number, decision.reason)
        elif decision.action == "pause" and decision.reason != "rung":
            self._scheduler.demote(trial.number, int(decision.numbers["rung"]))
        elif "rung" in decision.numbers:  # compared there, or promoted from there by hand
            self._scheduler.record(trial.number, int(decision.numbers["rung"]), decision.action)


class SamplerListener:
    """Passes the trials whose values were drawn from the search space on to `sampler`.

    Args:
        sampler: the study.
        limits: the user's limits on what a configuration may cost.
        earlier: for settings that are drawn only since a later version: the values that older trials trained with.
        redraw: given if the sweep's space has changed. It expresses an earlier trial as a draw from the present space,
            or returns None if that space cannot draw it; then the sampler does not hear of the trial.
    """

    def __init__(
        self,
        sampler: Sampler,
        limits: Mapping[Measure, Limit],
        earlier: Mapping[str, Any],
        redraw: Callable[[Started], dict[str, Any] | None] | None = None,
    ) -> None:
        self._sampler = sampler
        self._limits = limits
        self._earlier = earlier
        self._redraw = redraw
        self._left_out: set[int] = set()

    def started(self, trial: TrialState) -> None:
        """See `TrialListener`. A trial that was drawn just now is open already; one from the journal is asked again."""
        if not trial.in_study or self._sampler.is_open(trial.number):
            return
        drawn: dict[str, Any] | None = {**self._earlier, **trial.started.drawn}
        if self._redraw:
            drawn = self._redraw(trial.started)
        if drawn is None:
            self._left_out.add(trial.number)
        else:
            self._sampler.ask(trial.number, drawn)

    def trained(self, trial: TrialState, block: EpochBlock) -> None:
        """See `TrialListener`. Epochs without a finite value are not reported."""
        if not trial.in_study or trial.number in self._left_out:
            return
        for epoch, value in zip(block.epochs, block.values, strict=True):
            reached = trial.curve.objective_by(epoch)
            if value is not None and math.isfinite(value) and reached is not None:
                self._sampler.report(trial.number, epoch, reached)

    def decided(self, trial: TrialState, decision: Decided) -> None:
        """See `TrialListener`."""
        if not trial.in_study or trial.number in self._left_out:
            return
        if (trial.paused or trial.decision) and (seconds := measure_cost(trial, "epoch_seconds")):
            self._sampler.report_seconds(trial.number, seconds)
        if trial.paused:
            self._sampler.pause(trial.number, violation(trial, self._limits))
        elif trial.decision:
            outcome: Outcome = "infeasible" if trial.failed else "complete" if trial.finished else "pruned"
            value = trial.curve.objective_value
            self._sampler.tell(trial.number, outcome, value, violation(trial, self._limits))
