"""The figure of `steadytune explain`: one trial among its peers, with its values and cutoffs at the rungs."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill

from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.build_scheduler import build_scheduler
from search.views.charts.chart import Chart, Panel, Series
from search.views.figures import COLOURS, MOST_CURVES, downsampled, outcome
from search.views.status_table import label
from search.views.trial_order import thinned

PEER_COLOUR, CUTOFF_COLOUR = "#c8c8c8", "#000000"
NOTE_WIDTH = 140
"""Characters per line of the note under the picture."""


def trial_figure(state: SweepState, trial: TrialState) -> Chart:
    """Its metric by epoch in front of the others', its projected value and the cutoff at each rung; its losses."""
    metric = state.plan.recipe.metric
    rungs = tuple((float(rung), "rung") for rung in state.plan.all_rungs)
    colour = COLOURS[outcome(trial)]
    values = [(float(point.epoch), point.value) for point in trial.curve.evaluated]
    above = (*_peers(state, trial), _line(f"trial {label(trial)}", values, colour, 2.5), *_at_rungs(state, trial))
    # Apart, because a training may minimise more than can be held out: their distance need not mean anything.
    points = trial.curve.points
    training = _line("training loss", [(float(point.epoch), point.finite_loss) for point in points], colour, 2.0)
    held_out = _line("held-out loss", [(float(point.epoch), point.held_out) for point in points], CUTOFF_COLOUR, 1.0)
    panels = (
        Panel("", "epoch", metric, above, marks=rungs),
        Panel("", "epoch", "training loss", (training,)),
        *([Panel("", "epoch", "held-out loss", (held_out,))] if held_out.x else []),
    )
    return Chart(f"trial-{trial.number:04d}", f"Trial {label(trial)}: {outcome(trial)}", _last_decision(trial), panels)


def _peers(state: SweepState, trial: TrialState) -> Iterator[Series]:
    peers = [other for other in state.trials.search if other is not trial and other.curve.objective_value is not None]
    for other in thinned(peers, MOST_CURVES):
        points = [(float(point.epoch), point.value) for point in downsampled(other.curve.evaluated)]
        yield _line("other trials", points, PEER_COLOUR, 0.8)


def _at_rungs(state: SweepState, trial: TrialState) -> Iterator[Series]:
    """At each rung, by the last comparison there: the value that the trial was compared by, and the cutoff."""
    compared = [
        decision.numbers for decision in trial.decisions if {"rung", "value", "cutoff"} <= decision.numbers.keys()
    ]
    last = list({numbers["rung"]: numbers for numbers in compared}.values())
    rungs = tuple(numbers["rung"] for numbers in last)
    values, cutoffs = (tuple(numbers[name] for numbers in last) for name in ("value", "cutoff"))
    if last:
        value_name = f"{build_scheduler(state.plan).compares} {state.plan.recipe.metric}"
        yield Series(value_name, rungs, values, COLOURS[outcome(trial)], "points", marker="o")
        yield Series("cutoff", rungs, cutoffs, CUTOFF_COLOUR, "points", marker="x")


def _line(name: str, points: list[tuple[float, float | None]], colour: str, width: float) -> Series:
    present = [(epoch, value) for epoch, value in points if value is not None]
    return Series(name if present else "", *_columns(present), colour, width=width)


def _columns(points: list[tuple[float, float]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(epoch for epoch, _ in points), tuple(value for _, value in points)


def _last_decision(trial: TrialState) -> str:
    if not trial.decisions:
        return ""
    last = trial.decisions[-1]
    return fill(f"After epoch {last.epoch}, {last.reason}: {last.detail}.", NOTE_WIDTH)
