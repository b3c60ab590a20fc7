"""One trial among its peers, with what it was judged by: the figure beside `steadytune explain`'s sentences."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill

from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.views.charts.chart import Chart, Panel, Series
from search.views.figures import COLOURS, MOST_CURVES, downsampled, outcome, thinned
from search.views.status_table import label

PEER, BAR = "#c8c8c8", "#000000"
NOTE_WIDTH = 140
"""Characters of a line that fit under the picture."""


def trial_figure(state: SweepState, trial: TrialState) -> Chart:
    """Its objective by epoch in front of the others', where it headed at each rung and what it needed; its losses."""
    metric = state.plan.recipe.metric
    rungs = tuple((float(rung), "rung") for rung in state.plan.rungs) if state.plan.spec.scheduler != "none" else ()
    colour = COLOURS[outcome(trial)]
    own = [(float(point.epoch), point.value) for point in trial.curve.evaluated]
    above = (*_peers(state, trial), _line(f"trial {label(trial)}", own, colour, 2.5), *_compared(trial))
    below = (
        _line("training loss", [(float(one.epoch), one.finite_loss) for one in trial.curve.points], colour, 2.0),
        _line("held-out loss", [(float(one.epoch), one.held_out) for one in trial.curve.points], BAR, 1.0),
    )
    panels = (Panel("", "epoch", metric, above, marks=rungs), Panel("", "epoch", "loss", below))
    return Chart(f"trial-{trial.started.trial:04d}", f"Trial {label(trial)}: {outcome(trial)}", _why(trial), panels)


def _peers(state: SweepState, trial: TrialState) -> Iterator[Series]:
    known = [other for other in state.trials.search if other is not trial and other.curve.smoothed_value is not None]
    for other in thinned(known, MOST_CURVES):
        points = [(float(point.epoch), point.value) for point in downsampled(other.curve.evaluated)]
        yield _line("other trials", points, PEER, 0.8)


def _compared(trial: TrialState) -> Iterator[Series]:
    """At each rung, as it stood there in the end: where the trial was heading, and what the last that went on had."""
    compared = [one.numbers for one in trial.decisions if {"rung", "value", "cutoff"} <= one.numbers.keys()]
    at = list({numbers["rung"]: numbers for numbers in compared}.values())
    x = tuple(numbers["rung"] for numbers in at)
    headed, needed = (tuple(numbers[name] for numbers in at) for name in ("value", "cutoff"))
    if at:
        yield Series("where it was heading", x, headed, COLOURS[outcome(trial)], "points", marker="o")
        yield Series("needed to go on", x, needed, BAR, "points", marker="x")


def _line(name: str, points: list[tuple[float, float | None]], colour: str, width: float) -> Series:
    known = [(epoch, value) for epoch, value in points if value is not None]
    return Series(name if known else "", *_columns(known), colour, width=width)


def _columns(points: list[tuple[float, float]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(epoch for epoch, _ in points), tuple(value for _, value in points)


def _why(trial: TrialState) -> str:
    if not trial.decisions:
        return ""
    last = trial.decisions[-1]
    return fill(f"After epoch {last.epoch}, {last.reason}: {last.detail}.", NOTE_WIDTH)
