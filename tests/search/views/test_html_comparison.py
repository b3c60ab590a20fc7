"""Sweeps side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.state.outcome import result
from search.state.sweep_state import SweepState
from search.views.html_comparison import comparison, comparison_page, curves, settings
from search.views.tables import setting
from tests.support.charts import panels
from tests.support.fakes import plan_of
from tests.support.workers import swept


def test_sweeps_side_by_side_say_when_their_numbers_cannot_be_compared(state: SweepState, data: Path) -> None:
    other = SweepState(plan_of(data, recipe="tests.support.fakes:Errors"))
    table = comparison({"one": state, "two": other})
    assert table.columns == ("sweep", "one", "two")
    assert table.note.startswith("They differ in recipe and data and metric: their best values are not comparable")
    assert comparison({"one": state, "again": state}).note == ""
    page = comparison_page({"one": state, "two": other})
    assert page.count("data-chart=") == 1
    assert "Settings of the winners" in page


def test_sweeps_that_optimise_other_numbers_are_not_comparable(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_score, of_error = (
        SweepState(plan_of(data)),
        SweepState(plan_of(data, metric={"name": "error", "mode": "min"}, objective="last")),
    )
    note = "They differ in metric and objective: their best values are not comparable."
    assert comparison({"one": of_score, "two": of_error}).note == note
    monkeypatch.chdir(data.parent)
    assert comparison({"one": of_score, "here": SweepState(plan_of(Path(data.name)))}).note == ""


def test_a_sweep_that_has_ended_without_a_winner_has_no_best_so_far(data: Path, journal: Path) -> None:
    plan = plan_of(data, trials=3, enqueue=[], limits={"checkpoint_mb": {"high": 1e-9}})
    coordinator = swept(plan, journal)

    def cells() -> dict[str, str]:
        """What the table has beside each of its headings."""
        return dict(row for row in comparison({"sweep": coordinator.state}).rows if len(row) == 2)

    assert cells()["best"].endswith(" so far")
    assert cells()["best trial"] != "–"
    coordinator.end(result(coordinator.state))
    assert (cells()["best"], cells()["best trial"]) == ("no winner", "–")


def test_a_trial_that_failed_was_not_stopped_early(data: Path, journal: Path) -> None:
    plan = plan_of(data, trials=2, enqueue=["steady", "lost"], scheduler="none")
    rows = {row[0]: row[1:] for row in comparison({"sweep": swept(plan, journal).state}).rows}
    assert (rows["stopped early"], rows["failed"]) == (("0",), ("1",))


def test_sweeps_of_one_metric_are_compared_in_one_chart_on_one_scale(state: SweepState, data: Path) -> None:
    again = SweepState(plan_of(data))
    (panel,) = panels(curves({"one": state, "again": state, "empty": again}))
    assert [series.name for series in panel.series] == ["one", "again"]
    assert len({series.colour for series in panel.series}) == 2
    table = settings({"one": state, "empty": again})
    assert table.columns == ("setting", "one", "empty")
    assert ("quality", setting(state.trials.ranking[0].started.settings["quality"]), "–") in table.rows
