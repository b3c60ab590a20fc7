"""The figure and the table of the trainings on fresh seeds."""

from __future__ import annotations

from dataclasses import replace

from search.state.outcome import finalists
from search.state.sweep_state import SweepState
from search.views.seeds_figure import seeds_figure
from search.views.status_table import label
from search.views.tables import finalist_table
from tests.support.charts import panels


def test_each_finalist_has_a_dot_for_each_seed(state: SweepState) -> None:
    ranked = finalists(state)
    (panel,) = panels(seeds_figure(state, ranked, {}))
    dots = next(series for series in panel.series if series.name == "on a fresh seed")
    assert len(dots.y) == sum(len(finalist.values) for finalist in ranked if finalist.confirmed) > 1
    rows = finalist_table(state, ranked, {}).rows
    assert [row[0] for row in rows] == [label(finalist.trial) for finalist in ranked]


def test_without_confirmation_nothing_is_called_trained_again(state: SweepState) -> None:
    unconfirmed = [replace(finalist, confirmed=False) for finalist in finalists(state)]
    assert seeds_figure(state, finalists(state), {}).title == "Trained again on fresh seeds"
    assert seeds_figure(state, unconfirmed, {}).title == "The best of the search"


def test_what_guessing_reaches_is_a_line_across_the_seeds_and_a_row_below_them(state: SweepState) -> None:
    ranked, guessed = finalists(state), {"majority class": 0.54}
    (panel,) = panels(seeds_figure(state, ranked, guessed))
    line = next(series for series in panel.series if series.name == "majority class")
    assert (line.kind, line.y) == ("line", (0.54,) * len(ranked))
    assert finalist_table(state, ranked, guessed).rows[-1] == ("majority class", "0.5400", "–", "–")
