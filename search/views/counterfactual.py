"""What would have had to be different for a trial to go on: the other side of each decision."""

from __future__ import annotations

from collections.abc import Iterator

from search.journal.events import Decided
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.build_scheduler import build_scheduler
from search.views.status_table import label

SHOWN = 3
"""Rivals that are named."""


def counterfactual(state: SweepState, trial: TrialState) -> Iterator[str]:
    """Sentences about the decision that ended `trial`, or lets it wait; none for one that was trained out."""
    decided = trial.decisions[-1] if trial.decisions else None
    if decided is None or decided.action == "continue" or decided.reason in ("done", "budget", "failed"):
        return
    if decided.reason == "rung":
        yield from _at_rung(state, trial, decided)
    else:
        yield from _by_rule(decided)


def _at_rung(state: SweepState, trial: TrialState, decided: Decided) -> Iterator[str]:
    numbers, metric = decided.numbers, state.plan.recipe.metric
    if "value" not in numbers:
        yield f"A single {metric} by epoch {numbers['rung']:.0f} would have let it be compared."
        return
    oriented = trial.curve.oriented
    value = oriented(numbers["value"])
    ahead = [
        (oriented(other_value), label(other))
        for other in state.trials.search
        if (other_value := _value_at(other, numbers["rung"])) is not None and oriented(other_value) > value
    ]
    if ahead:
        best = ", ".join(
            f"{name} ({oriented(ahead_value):.4f})" for ahead_value, name in sorted(ahead, reverse=True)[:SHOWN]
        )
        more = f" and {len(ahead) - SHOWN} more" if len(ahead) > SHOWN else ""
        yield f"Ahead of it at the epoch-{numbers['rung']:.0f} rung: {best}{more}."
    if "awaits" in numbers:
        yield f"The rung promotes none before {numbers['awaits']:.0f} more trials have arrived."
    elif (cutoff := oriented(numbers["cutoff"])) > value:
        yield (
            f"To be promoted it needed {build_scheduler(state.plan).compares} {metric} {numbers['cutoff']:.4f} there, "
            f"{cutoff - value:.4f} better than its {numbers['value']:.4f}."
        )
    else:
        yield "It was not below the cutoff, but others were promoted before it, or the search ended."


def _value_at(trial: TrialState, rung: float) -> float | None:
    found = (one.numbers.get("value") for one in trial.decisions if one.numbers.get("rung") == rung)
    return next(found, None)


def _by_rule(decided: Decided) -> Iterator[str]:
    numbers = decided.numbers
    if decided.reason == "nonfinite":
        yield "A finite training loss in one of those epochs, or weights that stayed finite, would have let it go on."
    elif decided.reason == "diverging" and "lowest_since" in numbers:
        ratio = numbers["lowest_since"] / numbers["best"]
        yield (
            f"The loss stayed at {ratio:.2f} x its best or above; a single epoch below {numbers['factor']:g} x, "
            "or a higher factor under `stability`, would have let it go on."
        )
    elif decided.reason == "collapsed" and "median" in numbers:
        yield (
            f"A best value of {numbers['share'] * numbers['median']:.4f} by then, "
            "or a lower `stability.collapse_share`, would have let it go on."
        )
    elif decided.reason == "collapsed" and "highest" in numbers:
        yield "A metric above `stability.collapse_value` in any epoch would have let it go on."
    elif decided.reason == "oscillating" and "median" in numbers:
        yield (
            f"A best value above its peers' median {numbers['median']:.4f}, "
            f"or a calmer metric than {numbers['cv']:.0%}, would have let it go on."
        )
    elif decided.reason == "stale":
        yield f"A new best within {numbers['epochs']:.0f} epochs would have let it go on."
