"""What the figures and tables of a sweep show."""

from __future__ import annotations

import math
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from search.pruning.curve import Point
from search.state.sweep_state import SweepState
from search.views import figures
from search.views.charts.chart import MARKED, Chart, Panel, Parallel, Series
from search.views.charts.html import html, plotly_figure
from search.views.charts.png import png
from search.views.html_report import sweep_page
from search.views.importance import Importance, importance
from search.views.status_table import label
from search.views.trial_figure import trial_figure
from search.views.trial_order import ranking_key
from tests.support.charts import panels
from tests.support.fakes import plan_of
from tests.support.workers import grown


def test_the_best_so_far_never_falls_and_ends_at_the_last_epoch_of_the_search(state: SweepState) -> None:
    (panel,) = panels(figures.best_so_far(state))
    (series,) = panel.series
    values = [value or 0.0 for value in series.y]
    assert values == sorted(values)
    assert series.x[-1] == state.epochs
    searched = [trial.curve for trial in state.trials.search]
    assert values[-1] >= max(curve.smoothed_value or 0.0 for curve in searched)


def test_every_trial_of_the_search_has_its_curve_in_the_colour_of_its_outcome(state: SweepState) -> None:
    (panel,) = panels(figures.learning_curves(state))
    *lines, winner = [series for series in panel.series if series.kind == "line"]
    assert (winner.name, winner.colour) == (f"winner: trial {label(state.trials.ranking[0])}", MARKED)
    assert len(lines) == len([trial for trial in state.trials.search if trial.curve.evaluated])
    assert {line.name: line.colour for line in lines}.items() <= figures.COLOURS.items()


def test_a_stopped_trial_has_a_cross_at_its_end_with_the_reason(state: SweepState) -> None:
    (panel,) = panels(figures.learning_curves(state))
    crosses = [series for series in panel.series if series.marker == "x"]
    stopped = [
        trial
        for trial in state.trials.search
        if trial.decision and trial.decision.reason != "done" and trial.curve.evaluated
    ]
    assert len(crosses) == len(stopped) > 0
    assert sorted(float(cross.x[0]) for cross in crosses) == sorted(
        ending.curve.evaluated[-1].epoch for ending in stopped
    )
    assert any("below the cutoff at a rung" in cross.hover[0] for cross in crosses)


def test_a_trial_stands_out_among_its_peers_with_what_it_needed_at_its_rung(state: SweepState) -> None:
    behind = next(trial for trial in state.trials.search if trial.decision and trial.decision.reason == "rung")
    above, *_ = panels(trial_figure(state, behind))
    highlighted = next(series for series in above.series if series.name == f"trial {behind.started.trial}")
    assert highlighted.y == tuple(point.value for point in behind.curve.evaluated)
    peers = [series for series in above.series if series.name == "other trials"]
    assert len(peers) == len([trial for trial in state.trials.search if trial.curve.evaluated]) - 1
    headed, needed = (
        next(series for series in above.series if series.name == name) for name in ("projected score", "cutoff")
    )
    assert behind.decision is not None
    assert headed.x == needed.x
    assert (headed.x[-1], needed.y[-1]) == (behind.decision.numbers["rung"], behind.decision.numbers["cutoff"])
    assert behind.decision.detail[:30] in trial_figure(state, behind).note


def test_every_trial_has_a_figure_even_one_without_an_epoch(state: SweepState) -> None:
    for trial in state.trials.values():
        assert trial_figure(state, trial).title.startswith("Trial ")


def test_what_no_eye_can_tell_apart_is_thinned_out_and_said(data: Path) -> None:
    state = grown(data, trials=1000)
    chart = figures.learning_curves(state)
    (panel,) = panels(chart)
    lines = [series for series in panel.series if series.kind == "line" and series.colour != MARKED]
    assert len(lines) == figures.MOST_CURVES
    assert chart.note.startswith(f"{figures.MOST_CURVES} of 1000 trials: the best")
    best = max((trial for trial in state.trials.search), key=ranking_key)
    assert any(f"trial {best.started.trial}," in series.hover[0] for series in panel.series)


def test_a_long_curve_keeps_its_ends_its_peaks_and_its_shape_with_few_points() -> None:
    points = [Point(epoch, 0.5 + 0.001 * (epoch % 7), 1.0) for epoch in range(1, 10_001)]
    points[4321], points[8765] = Point(4322, 0.9, 1.0), Point(8766, 0.1, 1.0)
    few = figures.downsampled(points)
    assert len(few) <= figures.MOST_EPOCHS
    assert few == sorted(set(few), key=lambda point: point.epoch)
    assert {points[0], points[-1], points[4321], points[8765]} <= set(few)
    assert max(after.epoch - before.epoch for before, after in pairwise(few)) < 110
    assert figures.downsampled(few) == few


def test_lines_that_look_alike_become_one_with_gaps_on_a_page() -> None:
    """Plotly takes a hundredth of a second for each line that it is given."""
    lines = [
        Series("done", (1.0, 2.0), (number / 10, 0.2), "#2ca02c", hover=(f"trial {number}", "")) for number in (1, 2)
    ]
    chart = Chart("two", "", "", (Panel("", "", "", (*lines, Series("lost", (1.0,), (0.0,), "#d62728"))),))
    drawn = html(chart)
    assert drawn.count('"legendgroup"') == 2
    assert '"y":[0.1,0.2,null,0.2,0.2]' in drawn
    assert '"hovertext":["trial 1","","","trial 2",""]' in drawn


def test_the_epochs_by_outcome_add_up_to_all_that_were_trained(state: SweepState) -> None:
    counted = figures.epochs_by_outcome(state)
    assert sum(trials for trials, _, _ in counted.values()) == len(state.trials)
    assert sum(epochs for _, epochs, _ in counted.values()) == sum(
        len(trial.curve.points) for trial in state.trials.values()
    )
    confirmed = [trial for trial in state.trials.values() if trial.started.kind == "confirm"]
    assert counted[figures.RETRAINED][0] == len(confirmed) > 0


def test_parallel_coordinates_have_an_axis_a_setting_and_gaps_where_one_was_not_drawn(state: SweepState) -> None:
    body = figures.parallel(state).body
    assert isinstance(body, Parallel)
    assert [axis.name for axis in body.axes] == [*state.plan.ranges, "epochs", "score"]
    noise = next(axis for axis in body.axes if axis.name == "noise")  # only drawn where depth > 1
    assert any(math.isnan(value) for value in noise.values)
    assert len({len(axis.values) for axis in body.axes}) == 1


def test_a_trials_losses_are_drawn_apart(state: SweepState) -> None:
    trial = next(trial for trial in state.trials.search if any(point.held_out for point in trial.curve.points))
    assert [panel.y for panel in panels(trial_figure(state, trial))] == ["score", "training loss", "held-out loss"]


@pytest.mark.e2e  # draws all of them, seconds
def test_every_figure_is_a_picture_and_a_part_of_a_page(state: SweepState, important: Importance) -> None:
    charts = list(figures.figures(state, important))
    assert len(charts) > 5
    for chart in charts:
        assert not chart.empty
        width, height = Image.open(BytesIO(png(chart))).size
        assert width > 800
        assert height > 400
        assert f'id="chart-{chart.name}"' in html(chart)


def test_a_sweep_without_an_epoch_has_empty_figures_and_no_error(data: Path) -> None:
    state = SweepState(plan_of(data))
    drawn = list(figures.figures(state, importance(state)))
    assert all(chart.empty for chart in drawn)
    assert all(png(chart).startswith(b"\x89PNG") for chart in drawn)
    assert "So far: 0 of" in sweep_page(state, "sweep")


def test_losses_that_are_no_numbers_leave_gaps(data: Path) -> None:
    panel = Panel("", "x", "y", (Series("a", (1.0, 2.0, 3.0), (1.0, None, math.nan), "#000000"),))
    chart = Chart("gaps", "Gaps", "", (panel,))
    assert png(chart).startswith(b"\x89PNG")
    assert "chart-gaps" in html(chart)


def test_the_winner_stands_out_in_every_figure_of_trials(state: SweepState, important: Importance) -> None:
    winner = state.ended.trial if state.ended else -1
    for chart in figures.figures(state, important):
        if isinstance(chart.body, Parallel):
            assert chart.body.marked == winner
        elif chart.name in ("learning_curves", "slices"):
            for panel in chart.body:
                if any(winner in series.trials for series in panel.series):
                    assert any(series.name == f"winner: trial {winner}" for series in panel.series)


def test_a_report_has_parallel_coordinates_of_the_most_important_settings_only(state: SweepState) -> None:
    shares = {name: 1.0 / (number + 2) for number, name in enumerate(reversed(list(state.plan.ranges)))}
    chart = figures.parallel(state, Importance(shares, 24))
    assert isinstance(chart.body, Parallel)
    assert [axis.name for axis in chart.body.axes][:2] == list(shares)[:2]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((4e-4, 7e-4), [4e-4, 7e-4]),
        ((1e-5, 1e-2), [1e-5, 1e-4, 1e-3, 1e-2]),
        ((0.01, 0.19), [0.01, 0.02, 0.05, 0.1]),
        ((1e-9, 1.0), [1e-9, 1e-6, 1e-3, 1.0]),
        ((3e-4,), [3e-4]),
    ],
)
def test_a_small_logarithmic_axis_has_few_labels(values: tuple[float, ...], expected: list[float]) -> None:
    series = Series("", values, tuple(1.0 for _ in values), "#000000", kind="points")
    panels = tuple(Panel("", "lr", "score", (series,), log_x=True) for _ in range(3))
    figure = plotly_figure(Chart("slices", "", "", panels, columns=3))
    assert list(figure.layout.xaxis.tickvals) == pytest.approx(expected)
