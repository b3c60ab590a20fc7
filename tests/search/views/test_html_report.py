"""A sweep's report as a page."""

from __future__ import annotations

from search.state.sweep_state import SweepState
from search.views.html_report import sweep_page
from search.views.status_table import label


def test_the_page_needs_nothing_from_anywhere(state: SweepState) -> None:
    page = sweep_page(state, "my <sweep>")
    assert "my &lt;sweep&gt;" in page
    assert "<my <sweep>" not in page
    assert "<script src=" not in page
    assert "<link" not in page
    for word in (
        "Learning curves",
        "Parameter importance",
        "Rungs",
        "Where trials are compared",
        "Why trials were stopped",
        "Winner: trial",
    ):
        assert word in page


def test_the_report_begins_with_what_to_deploy(state: SweepState) -> None:
    page = sweep_page(state, "mine")
    result, rest = page.split("<h1 id='search'>")
    assert f"<p class='lead'>Deploy trial {label(state.trials.ranking[0])}</p>" in result
    assert "95 % interval" in result or "of one training" in result or "from one training each" in result
    assert rest.count("Parameter importance") == 1
    assert f"data-trial='{state.trials.ranking[0].number}' tabindex='0' class='best'" in rest
