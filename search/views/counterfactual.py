"""The counterfactual of a decision: what would have let a trial continue."""

from __future__ import annotations

from collections.abc import Iterator

from search.journal.events import Decided
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.build_scheduler import build_scheduler
from search.views.status_table import label
from trainables.metric_text import metric_text

MOST_RIVALS = 3
"""At most this many higher-ranked trials are named."""


def counterfactual(state: SweepState, trial: TrialState) -> Iterator[str]:
    """Sentences about the decision that stopped or paused `trial`; none if it trained to its end or is running.

    There are none either if a crash, the budget or a user ended it, or if the recipe's own alarm has no numbers.
    """
    decision = trial.decisions[-1] if trial.decisions else None
    if decision is None or decision.action == "continue" or decision.reason in ("done", "budget", "failed", "by_hand"):
        return
    if decision.reason == "rung":
        yield from _at_rung(state, trial, decision)
    else:
        yield from _by_rule(decision)
    if decision.action == "pause" and decision.reason != "rung":
        yield "It was demoted, not stopped: if others at its rung fail, it is promoted."


def _at_rung(state: SweepState, trial: TrialState, decision: Decided) -> Iterator[str]:
    numbers, metric = decision.numbers, state.plan.recipe.metric
    rung = numbers["rung"]
    if "value" not in numbers:
        yield f"With a single {metric} by epoch {rung:.0f} it would have been compared."
        return
    orient = trial.curve.oriented
    value = orient(numbers["value"])  # oriented: from here on higher is better
    ahead = [
        (orient(other_value), label(other))
        for other in state.trials.search
        if (other_value := _value_at(other, rung)) is not None and orient(other_value) > value
    ]
    if ahead:
        best = ", ".join(
            f"{name} ({metric_text(orient(other_value))})"
            for other_value, name in sorted(ahead, reverse=True)[:MOST_RIVALS]
        )
        more = f" and {len(ahead) - MOST_RIVALS} more" if len(ahead) > MOST_RIVALS else ""
        yield f"Ahead of it at the epoch-{rung:.0f} rung: {best}{more}."
    if "awaits" in numbers:
        yield f"The rung promotes no trial before {numbers['awaits']:.0f} more have arrived."
    elif (cutoff := orient(numbers["cutoff"])) > value:
        yield (
            f"To be promoted it needed {build_scheduler(state.plan).compares} {metric} "
            f"{metric_text(numbers['cutoff'])} there, "
            f"{metric_text(cutoff - value, cutoff, value)} better than its {metric_text(numbers['value'])}."
        )
    else:
        yield "It was not below the cutoff, but was never promoted: too few trials arrived, or the search ended first."


def _value_at(trial: TrialState, rung: float) -> float | None:
    """The value that a trial was first compared by at `rung`; None if it was not."""
    values = (decision.numbers.get("value") for decision in trial.decisions if decision.numbers.get("rung") == rung)
    return next(values, None)


def _by_rule(decision: Decided) -> Iterator[str]:
    # A decision of an older version, or an alarm of the recipe's own, may lack the numbers: then there is no sentence.
    numbers = decision.numbers
    if decision.reason == "nonfinite":
        yield "It would have continued with a finite training loss in one of those epochs, or with finite weights."
    elif decision.reason == "diverging" and "lowest_since" in numbers:
        ratio = numbers["lowest_since"] / numbers["best"]
        yield (
            f"The loss stayed at or above {ratio:.2f} x its best; it would have continued with a single epoch below "
            f"{numbers['factor']:g} x, or with a higher factor under `stability`."
        )
    elif decision.reason == "collapsed" and "median" in numbers:
        needed = metric_text(numbers["share"] * numbers["median"])
        yield (
            f"It would have continued with a best value of {needed} by then, "
            "or with a lower `stability.collapse_share`."
        )
    elif decision.reason == "collapsed" and "highest" in numbers:
        yield "It would have continued with a metric of `stability.collapse_value` or more in any epoch."
    elif decision.reason == "collapsed" and "loss" in numbers:
        yield (
            "It would have continued with a metric of `stability.collapse_value` or more in its last epoch, "
            "or with a lower `stability.dead_loss`."
        )
    elif decision.reason == "oscillating" and "median" in numbers:
        yield (
            f"It would have continued with a best value above its peers' median {metric_text(numbers['median'])}, "
            f"or with a coefficient of variation of the metric below its {numbers['cv']:.0%}."
        )
    elif decision.reason == "oscillating" and "cv" in numbers:
        yield (
            f"It would have continued with a detrended coefficient of variation of the training loss below its "
            f"{numbers['cv']:.1%}, with a higher `stability.strict_cv`, or without `stability.strict`."
        )
    elif decision.reason == "over_limit" and "cost" in numbers:
        yield f"It would have continued with a limit of {numbers['cost']:.4g} or more."
    elif decision.reason == "stale":
        yield f"It would have continued with a new best within {numbers['epochs']:.0f} epochs."
