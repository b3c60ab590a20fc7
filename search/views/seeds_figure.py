"""The confirmation as dots: each finalist's training on each fresh seed, their mean, and the search's own value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from search.state.outcome import Finalist
from search.state.sweep_state import SweepState
from search.views.charts.chart import MARKED, PALETTE, Chart, Panel, Series
from search.views.status_table import label, meaning

GUESSES = ("#555555", "#999999")
"""Colours of the lines of guesses."""


def seeds_figure(state: SweepState, ranked: Sequence[Finalist], guessed: Mapping[str, float]) -> Chart:
    """The finalists, best first: how far seeds scatter, beside how far configurations differ.

    `guessed` are values of the metric that guesses reach, by name; each is a line across.
    """
    names = [label(finalist.trial) for finalist in ranked]
    confirmed = any(finalist.confirmed for finalist in ranked)
    searched = tuple(finalist.trial.curve.objective_value for finalist in ranked)
    series = [Series("in the search", tuple(names), searched, "#aaaaaa", "points", marker="o")]
    if confirmed:
        retrained = [finalist for finalist in ranked if finalist.confirmed]
        x = tuple(label(finalist.trial) for finalist in retrained for _ in finalist.values)
        y = tuple(value for finalist in retrained for value in finalist.values)
        series.append(Series("on a fresh seed", x, y, PALETTE[4], "points", marker="o"))
        x = tuple(label(finalist.trial) for finalist in retrained)
        y = tuple(finalist.mean for finalist in retrained)
        series.append(Series("mean of fresh seeds", x, y, MARKED, "points", marker="x"))
    for index, (name, value) in enumerate(guessed.items()):
        series.append(Series(name, tuple(names), (value,) * len(names), GUESSES[index % len(GUESSES)], marker="x"))
    metric = state.plan.recipe.metric
    note = f"{metric}: {meaning(state)}. The search's value is the best of many, so it is too high on average."
    title = "Trained again on fresh seeds" if confirmed else "The best of the search"
    return Chart("seeds", title, note, (Panel("", "trial", metric, tuple(series)),))
