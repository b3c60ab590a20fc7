"""What the figures and tables of a sweep show."""

from __future__ import annotations

import math
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from search.journal.events import EpochDone, Row
from search.journal.segments import read
from search.pruning.curve import Curve, Point
from search.pruning.curve_statistics import curve_statistics
from search.state.outcome import finalists, result
from search.state.sweep_state import SweepState
from search.views import figures
from search.views.charts.chart import MARKED, Chart, Panel, Parallel, Series
from search.views.charts.html import html, plotly_figure
from search.views.charts.png import png
from search.views.html_comparison import comparison, comparison_page, curves, settings
from search.views.html_report import sweep_page
from search.views.importance import Importance, importance
from search.views.markdown import headline, markdown, run_description
from search.views.seeds_figure import seeds_figure
from search.views.stability_figure import stability_figure
from search.views.status_table import label
from search.views.tables import finalist_table, phase_table, rung_table, setting, tables, trials_table
from search.views.trial_figure import trial_figure
from search.views.trial_order import ranking_key
from tests.support.fakes import plan_of
from tests.support.workers import grown, swept


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> SweepState:
    """A sweep of 24 trials, some lost, that has ended."""
    folder = tmp_path_factory.mktemp("figures")
    (folder / "data.txt").write_text("1\n")
    made = plan_of(folder, trials=24, enqueue=["steady", "lost"], confirm_top=2, confirm_seeds=1, seed=3)
    coordinator = swept(made, folder / "journal")
    coordinator.end(result(coordinator.state))
    return coordinator.state


@pytest.fixture(scope="module")
def found(state: SweepState) -> Importance:
    return importance(state)


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
        one for one in state.trials.search if one.decision and one.decision.reason != "done" and one.curve.evaluated
    ]
    assert len(crosses) == len(stopped) > 0
    assert sorted(float(cross.x[0]) for cross in crosses) == sorted(one.curve.evaluated[-1].epoch for one in stopped)
    assert any("below the cutoff at a rung" in cross.hover[0] for cross in crosses)


def test_a_trial_stands_out_among_its_peers_with_what_it_needed_at_its_rung(state: SweepState) -> None:
    behind = next(one for one in state.trials.search if one.decision and one.decision.reason == "rung")
    above, *_ = panels(trial_figure(state, behind))
    own = next(series for series in above.series if series.name == f"trial {behind.started.trial}")
    assert own.y == tuple(point.value for point in behind.curve.evaluated)
    peers = [series for series in above.series if series.name == "other trials"]
    assert len(peers) == len([one for one in state.trials.search if one.curve.evaluated]) - 1
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
    kept = figures.downsampled(points)
    assert len(kept) <= figures.MOST_EPOCHS
    assert kept == sorted(set(kept), key=lambda point: point.epoch)
    assert {points[0], points[-1], points[4321], points[8765]} <= set(kept)
    assert max(after.epoch - before.epoch for before, after in pairwise(kept)) < 110
    assert figures.downsampled(kept) == kept


def test_lines_that_look_alike_become_one_with_gaps_on_a_page() -> None:
    """Plotly takes a hundredth of a second for each line that it is given."""
    lines = [Series("done", (1.0, 2.0), (one / 10, 0.2), "#2ca02c", hover=(f"trial {one}", "")) for one in (1, 2)]
    chart = Chart("two", "", "", (Panel("", "", "", (*lines, Series("lost", (1.0,), (0.0,), "#d62728"))),))
    drawn = html(chart)
    assert drawn.count('"legendgroup"') == 2
    assert '"y":[0.1,0.2,null,0.2,0.2]' in drawn
    assert '"hovertext":["trial 1","","","trial 2",""]' in drawn


def test_the_epochs_by_outcome_add_up_to_all_that_were_trained(state: SweepState) -> None:
    counted = figures.epochs_by_outcome(state)
    assert sum(trials for trials, _, _ in counted.values()) == len(state.trials)
    assert sum(epochs for _, epochs, _ in counted.values()) == sum(
        len(one.curve.points) for one in state.trials.values()
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


# --- one training ------------------------------------------------------------------------------------------------


def test_document_001s_figure_has_loss_rate_parts_and_spread_by_phase() -> None:
    epochs = [training(epoch) for epoch in range(1, 13)]
    curve = Curve("max", [Point.of(one.epoch, "score", one.metrics, one.losses, one.phase) for one in epochs])
    measured = curve_statistics(curve)
    drawn = panels(stability_figure("trial 7", epochs, curve, measured))
    assert [[series.name for series in panel.series] for panel in drawn[:3]] == [
        ["train", "val"],
        ["head"],
        ["train/box", "train/cls"],
    ]
    spread = drawn[3].series
    assert [series.name.split()[0] for series in spread] == ["epoch", "warmup", "main"]
    main = measured.phases[1]
    assert spread[2].y == (main.loss_mean, main.loss_mean)
    assert spread[2].spread == (main.loss_std, main.loss_std)


def test_document_001s_figure_has_the_loss_of_all_steps_and_its_spread_within_each_epoch() -> None:
    epochs = [replace(training(epoch), spread=0.1 * epoch, steps=[3.0, 2.0]) for epoch in range(1, 5)]
    points = [Point.of(one.epoch, "score", one.metrics, one.losses, one.phase) for one in epochs]
    curve = Curve("max", [replace(point, spread=0.1 * point.epoch) for point in points])
    chart = stability_figure("trial 7", epochs, curve, curve_statistics(curve))
    drawn = panels(chart)
    steps = drawn[0].series[0]
    assert (steps.name, steps.x[:3], steps.y[:2]) == ("train, by step", (0.25, 0.75, 1.25), (3.0, 2.0))
    (within,) = drawn[3].series
    assert within.x == (1.0, 2.0, 3.0, 4.0)
    assert within.y == tuple(one.losses["train"] for one in epochs)
    assert within.spread == pytest.approx((0.1, 0.2, 0.3, 0.4))
    assert "of all steps" in chart.note


def test_the_held_out_loss_stands_beside_the_training_loss_of_the_same_parts() -> None:
    losses = {
        "train": 6.0,
        "train/iou": 1.0,
        "train/cls": 2.0,
        "train/l1": 3.0,
        "val": 2.5,
        "val/iou": 1.0,
        "val/cls": 1.5,
    }
    epochs = [replace(training(epoch), losses=losses) for epoch in (1, 2)]
    curve = Curve("max", [Point.of(one.epoch, "score", one.metrics, one.losses, one.phase) for one in epochs])
    loss = panels(stability_figure("", epochs, curve, curve_statistics(curve)))[0]
    assert {series.name: series.y for series in loss.series} == {
        "train": (6.0, 6.0),
        "val": (2.5, 2.5),
        "train, cls + iou as in val": (3.0, 3.0),
    }


def test_a_trials_losses_are_drawn_apart(state: SweepState) -> None:
    trial = next(trial for trial in state.trials.search if any(point.held_out for point in trial.curve.points))
    assert [panel.y for panel in panels(trial_figure(state, trial))] == ["score", "training loss", "held-out loss"]


def test_the_phase_table_has_a_row_a_phase() -> None:
    curve = Curve(
        "max", [Point.of(e, "score", {"score": e / 10}, training(e).losses, training(e).phase) for e in range(1, 7)]
    )
    found = phase_table(curve_statistics(curve), "score")
    assert [row[:2] for row in found.rows] == [("warmup", "1–3"), ("main", "4–6")]
    assert found.rows[1][5] == "0.6000"
    (first, last), change = found.rows[0][4].split(" (")[0].split(" → "), found.rows[0][4].split(" (")[1]
    losses = [training(epoch).losses["train"] for epoch in (1, 3)]
    assert (float(first), float(last)) == pytest.approx(losses, rel=1e-3)
    assert change == f"{losses[1] / losses[0] - 1:+.1%})"
    assert "Epochs of the lowest training losses: " in found.note


# --- drawn -------------------------------------------------------------------------------------------------------


@pytest.mark.e2e  # draws all of them, seconds
def test_every_figure_is_a_picture_and_a_part_of_a_page(state: SweepState, found: Importance) -> None:
    charts = list(figures.figures(state, found))
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


def test_the_page_needs_nothing_from_anywhere(state: SweepState) -> None:
    page = sweep_page(state, "my <sweep>")
    assert "my &lt;sweep&gt;" in page
    assert "<my <sweep>" not in page
    assert "<script src=" not in page
    assert "<link" not in page
    for word in ("Learning curves", "Parameter importance", "Rungs", "Why trials were stopped", "Winner: trial"):
        assert word in page


def test_the_note_is_markdown_with_the_winner_and_the_reasons(state: SweepState, found: Importance) -> None:
    text = run_description(state, found)
    assert state.ended is not None
    assert f"Winner: trial {label(state.trials[state.ended.trial])}" in text
    assert "| trial | score | best epoch | epochs | outcome | drawn settings |" in text
    assert "#### Rungs" in text
    assert len(text) < 8000, "MLflow's note has room for 8000 characters in older databases"


def test_tables_agree_with_the_state(state: SweepState, found: Importance) -> None:
    ranked = trials_table(state, 5)
    assert ranked.rows[0][0].split()[0] == str(state.trials.ranking[0].started.trial)
    assert ranked.note == f"The best 5 of {len(state.trials.search)} trials. score: best mean of 3 epochs."
    compared = [decided for trial in state.trials.search for decided in trial.decisions if decided.reason == "rung"]
    rows = rung_table(state).rows
    assert [int(row[0]) for row in rows] == sorted({int(one.numbers["rung"]) for one in compared})
    assert all(int(row[1]) == sum(map(int, row[2:])) for row in rows)
    assert all(markdown(table).startswith("####") for table in tables(state, found))


def test_sweeps_side_by_side_say_when_their_numbers_cannot_be_compared(state: SweepState, data: Path) -> None:
    other = SweepState(plan_of(data, recipe="tests.support.fakes:Errors"))
    table = comparison({"one": state, "two": other})
    assert table.columns == ("sweep", "one", "two")
    assert table.note.startswith("They differ in recipe and data: their best values are not comparable")
    assert comparison({"one": state, "again": state}).note == ""
    page = comparison_page({"one": state, "two": other})
    assert page.count("data-chart=") == 1
    assert "Settings of the winners" in page


def test_sweeps_of_one_metric_are_compared_in_one_chart_on_one_scale(state: SweepState, data: Path) -> None:
    again = SweepState(plan_of(data))
    (panel,) = panels(curves({"one": state, "again": state, "empty": again}))
    assert [series.name for series in panel.series] == ["one", "again"]
    assert len({series.colour for series in panel.series}) == 2
    table = settings({"one": state, "empty": again})
    assert table.columns == ("setting", "one", "empty")
    assert ("quality", setting(state.trials.ranking[0].started.settings["quality"]), "–") in table.rows


def test_the_winner_stands_out_in_every_figure_of_trials(state: SweepState, found: Importance) -> None:
    winner = state.ended.trial if state.ended else -1
    for chart in figures.figures(state, found):
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


def test_the_report_begins_with_what_to_deploy(state: SweepState) -> None:
    page = sweep_page(state, "mine")
    result, rest = page.split("<h1 id='search'>")
    assert f"<p class='lead'>Deploy trial {label(state.trials.ranking[0])}</p>" in result
    assert "95 % interval" in result or "of one training" in result or "from one training each" in result
    assert rest.count("Parameter importance") == 1
    assert f"data-trial='{state.trials.ranking[0].number}' tabindex='0' class='best'" in rest


def test_numbers_are_plain() -> None:
    assert [setting(value) for value in (0.0001, 2.27e-05, 0.00201, 3, "none", None)] == [
        "0.0001",
        "0.0000227",
        "0.00201",
        "3",
        "none",
        "–",
    ]


def test_an_open_sweep_says_what_is_best_so_far(state: SweepState, tmp_path: Path) -> None:
    open_ = SweepState(state.plan)
    (tmp_path / "data.txt").write_text("1\n")
    for row in read_of(state.plan, tmp_path)[:30]:
        open_.apply(row)
    assert any(text.startswith("So far: ") for text in headline(open_)), "nobody knows here whether it runs"
    assert any(text.startswith("Best so far: trial ") for text in headline(open_))


def read_of(made: object, folder: Path) -> list[Row]:
    swept(made, folder / "journal")  # type: ignore[arg-type]
    return list(read(folder / "journal"))


def panels(chart: Chart) -> tuple[Panel, ...]:
    assert not isinstance(chart.body, Parallel)
    return chart.body


def training(epoch: int) -> EpochDone:
    losses = {"train": 10.0 / epoch, "train/box": 6.0 / epoch, "train/cls": 4.0 / epoch, "val": 11.0 / epoch}
    phase = "warmup" if epoch <= 3 else "main"
    return EpochDone(7, epoch, phase, {"score": epoch / 20}, losses, {"head": 1e-3}, {"train": 1.0})


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
