"""A sweep's note in MLflow."""

from __future__ import annotations

from pathlib import Path

from search.journal.events import Row
from search.journal.segments import read
from search.state.sweep_state import SweepState
from search.sweep.plan import Plan
from search.views.importance import Importance
from search.views.markdown import headline, run_description
from search.views.status_table import label
from tests.support.workers import swept


def test_the_note_is_markdown_with_the_winner_and_the_reasons(state: SweepState, important: Importance) -> None:
    text = run_description(state, important)
    assert state.ended is not None
    assert f"Winner: trial {label(state.trials[state.ended.trial])}" in text
    assert "| trial | score | best epoch | epochs | outcome | drawn settings |" in text
    assert "#### Rungs" in text
    assert len(text) < 8000, "MLflow's note has room for 8000 characters in older databases"


def test_an_open_sweep_says_what_is_best_so_far(state: SweepState, tmp_path: Path) -> None:
    open_ = SweepState(state.plan)
    (tmp_path / "data.txt").write_text("1\n")
    for row in read_of(state.plan, tmp_path)[:30]:
        open_.apply(row)
    assert any(text.startswith("So far: ") for text in headline(open_)), "nobody knows here whether it runs"
    assert any(text.startswith("Best so far: trial ") for text in headline(open_))


def read_of(plan: Plan, folder: Path) -> list[Row]:
    swept(plan, folder / "journal")
    return list(read(folder / "journal"))
