"""The tables of a sweep."""

from __future__ import annotations

from search.state.sweep_state import SweepState
from search.views.importance import Importance
from search.views.markdown import markdown
from search.views.tables import importance_table, rung_table, setting, trials_table


def test_tables_agree_with_the_state(state: SweepState, important: Importance) -> None:
    ranked = trials_table(state, 5)
    assert ranked.rows[0][0].split()[0] == str(state.trials.ranking[0].started.trial)
    assert ranked.note == f"The best 5 of {len(state.trials.search)} trials. score: best mean of 3 epochs."
    compared = [decided for trial in state.trials.search for decided in trial.decisions if decided.reason == "rung"]
    rows = rung_table(state).rows
    assert [int(row[0]) for row in rows] == sorted({int(decided.numbers["rung"]) for decided in compared})
    assert all(int(row[1]) == sum(map(int, row[2:])) for row in rows)
    assert all(markdown(table).startswith("####") for table in (ranked, rung_table(state), importance_table(important)))


def test_numbers_are_plain() -> None:
    assert [setting(value) for value in (0.0001, 2.27e-05, 0.00201, 3, "none", None)] == [
        "0.0001",
        "0.0000227",
        "0.00201",
        "3",
        "none",
        "–",
    ]
