"""The options of `resume` that give a sweep with a used-up budget more: twice what it had, or what it took if more."""

from __future__ import annotations

from search.state.sweep_state import SweepState


def more_hours(state: SweepState) -> list[str]:
    """The option of `resume` that gives more hours; nothing if they are not limited."""
    hours = state.plan.spec.hours
    return [] if hours is None else ["--hours", f"{2 * max(hours, state.active_seconds / 3600):g}"]


def more_epochs(state: SweepState) -> list[str]:
    """The option of `resume` that gives more epochs; nothing if they are not limited."""
    epochs = state.plan.spec.epoch_budget
    return [] if epochs is None else ["--total-epochs", str(2 * max(epochs, state.epochs))]


def more_options(state: SweepState) -> list[str]:
    """The options of `resume` that raise all limits of the search.

    If its hours or its epochs are used up, `resume` would refuse more trials alone.
    """
    return ["--trials", str(2 * state.plan.spec.trials), *more_hours(state), *more_epochs(state)]
