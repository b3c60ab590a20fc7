"""How fast a sweep runs, how long it has run, and how long it will still take."""

from __future__ import annotations

from dataclasses import dataclass

from search.state.outcome import finalist_numbers
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.plan import Plan

USUAL_SHARE, USUAL_TRIALS = 0.45, 8
"""Share of all epochs that a search with rungs usually takes (docs/pruning.md), and how many trials of the present
search have the same weight as it: early in a search, trials are paused that will be promoted later."""
LEAST_UTILISATION = 0.05
"""A lower utilisation is that of a sweep whose first epochs have not come in, and says nothing about later ones."""


@dataclass(frozen=True)
class Pace:
    """A sweep's pace.

    Attributes:
        elapsed: seconds that it has run until its last event, without interruptions.
        remaining: seconds that it may still take; None before the first epoch.
        epochs_an_hour: of all trainings together.
        trials_an_hour: of the search, that have ended or are paused.
    """

    elapsed: float
    remaining: float | None
    epochs_an_hour: float
    trials_an_hour: float

    @property
    def share(self) -> float:
        """How much of the sweep's time is over; 0 if that is not known."""
        return 0.0 if self.remaining is None else self.elapsed / ((self.elapsed + self.remaining) or 1.0)


def pace(state: SweepState) -> Pace:
    """The pace of a sweep as of its last event."""
    elapsed = state.active_seconds
    epochs = sum(trial.curve.epoch for trial in state.trials.values())
    hours = elapsed / 3600 or 1.0
    trials = sum(not trial.running for trial in state.trials.search)
    return Pace(elapsed, _remaining(state), epochs / hours, trials / hours)


def _remaining(state: SweepState) -> float | None:
    if state.ended is not None:
        return 0.0
    if not state.epoch_seconds:
        return None
    epochs = _search_epochs(state) + _confirmation_epochs(state)
    seconds = epochs * state.epoch_seconds / (state.worker_slots * max(state.utilisation, LEAST_UTILISATION))
    hours = state.plan.spec.hours
    return seconds if hours is None else min(seconds, max(0.0, hours * 3600 - state.active_seconds))


def _search_epochs(state: SweepState) -> float:
    """Epochs that the search still takes if its trials go on to end where those so far have."""
    plan, search = state.plan, state.trials.search
    budget, longest = plan.spec.epoch_budget, plan.max_epochs
    usual = longest * (1.0 if plan.spec.scheduler == "none" else USUAL_SHARE)
    running = [trial for trial in search if trial.running]
    # A trial at an early rung trains to the end of the grace period at least, and is not among the best so far.
    expected = (plan.grace_epochs + usual) / 2
    left_of_early = sum(expected - trial.curve.epoch for trial in search if _at_early_rung(plan, trial))
    not_running = [trial.curve.epoch for trial in search if not trial.running]
    typical = (USUAL_TRIALS * usual + sum(not_running) + left_of_early) / (USUAL_TRIALS + len(not_running))
    to_start = 0 if state.search_ended or state.stopped_by_hand else state.trial_budget - len(search)
    epochs = to_start * typical + left_of_early
    epochs += sum(max(0.0, (longest if trial.trains_to_end else typical) - trial.curve.epoch) for trial in running)
    return epochs if budget is None else min(epochs, max(0.0, budget - state.epochs))


def _at_early_rung(plan: Plan, trial: TrialState) -> bool:
    return trial.paused and trial.curve.epoch in plan.early_rungs


def confirmations(plan: Plan) -> int:
    """At most how many trainings on fresh seeds follow the search."""
    spec = plan.spec
    most = min(spec.trials, spec.confirm_top + len(plan.references))
    return spec.confirm_seeds * most if spec.confirm_top else 0


def _confirmation_epochs(state: SweepState) -> int:
    started = [trial for trial in state.trials.values() if trial.started.kind == "confirm"]
    count = state.plan.spec.confirm_seeds * len(finalist_numbers(state)) if started else confirmations(state.plan)
    longest = state.plan.max_epochs
    unfinished = [longest - trial.curve.epoch for trial in started if trial.running]
    return longest * max(0, count - len(started)) + sum(unfinished)


def clock(seconds: float) -> str:
    """A duration in its two largest units.

    >>> clock(15), clock(133), clock(7500), clock(200000)
    ('15 s', '2 min 13 s', '2 h 05 min', '55 h 33 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
