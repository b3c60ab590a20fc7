"""The numbers of a decision have the metric's own sign, in sweeps of every version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from search.journal.events import Decided, Event, SweepOpened
from search.journal.segments import Journal, read, segments
from search.state.sweep_state import SweepState
from search.sweep.plan import Plan
from search.views.counterfactual import counterfactual
from search.views.explain import explanation_json
from search.views.trial_figure import trial_figure
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of, events, swept

LIMIT = 1.0
"""Above every error of the recipe, which are positive."""


@pytest.fixture
def plan(data: Path) -> Plan:
    """A sweep whose metric, "error", is to be minimised; errors are positive, and so is where they head."""
    choices = {"noise": 0.0, "shape": "fast", "quality": {"high": 0.8}}
    errors = "tests.support.fakes:Errors"
    return plan_of(data, recipe=errors, preset="long", trials=12, confirm_top=0, audit=0.0, set=choices)


def state_of(plan: Plan, journal: Path) -> SweepState:
    state = SweepState(plan)
    for row in read(journal):
        state.apply(row)
    return state


def compared(state: SweepState) -> list[Decided]:
    with_cutoff = [
        decision for trial in state.trials.values() for decision in trial.decisions if "cutoff" in decision.numbers
    ]
    assert with_cutoff
    return with_cutoff


def as_version_1(event: Event) -> Event:
    """The event as version 1 of the journal had it."""
    if isinstance(event, Decided) and event.reason == "rung":
        numbers = {name: -value if name in ("value", "cutoff") else value for name, value in event.numbers.items()}
        return Decided(event.trial, event.epoch, event.action, event.reason, event.detail, numbers)
    return event


def write_as_version_1(journal: Path, old: Path, rows: int | None = None) -> None:
    """The first `rows` of `journal` as `old`, without the column that names the version."""
    writer = Journal(old)
    for row in list(read(journal))[:rows]:
        writer.append(as_version_1(row.event))
    writer.flush()
    for path in segments(old):
        table: pa.Table = pq.ParquetFile(path).read()
        pq.write_table(table.drop_columns(["version"]), path)


def test_a_decision_tells_value_and_cutoff_as_the_metric_has_them(plan: Plan, tmp_path: Path) -> None:
    state = swept(plan, tmp_path / "journal").state
    assert compared(state)
    for decided in compared(state):
        assert 0 < decided.numbers["value"] < LIMIT
        assert 0 < decided.numbers["cutoff"] < LIMIT
        assert f"{decided.numbers['value']:.4f}" in decided.detail
    stopped = [
        event for event in events(tmp_path / "journal", Decided) if (event.action, event.reason) == ("stop", "rung")
    ]
    assert stopped
    for decided in stopped:
        assert decided.numbers["value"] >= decided.numbers["cutoff"], "whoever ends at a rung has the higher error"


def test_explain_and_its_figure_tell_them_so_too(plan: Plan, tmp_path: Path) -> None:
    state = swept(plan, tmp_path / "journal").state
    trial = next(trial for trial in state.trials.search if trial.decision and trial.decision.reason == "rung")
    told: list[dict[str, Any]] = explanation_json(trial)["decisions"]
    assert all(line["numbers"]["value"] > 0 for line in told)
    last = trial.decisions[-1].numbers
    panels = trial_figure(state, trial).body
    assert isinstance(panels, tuple)
    needed = next(series for series in panels[0].series if series.name == "cutoff")
    assert needed.y[-1] == last["cutoff"] > 0
    ahead = list(counterfactual(state, trial))
    assert f"{last['value'] - last['cutoff']:.4f} better than its {last['value']:.4f}" in ahead[-1]


def test_a_journal_of_version_1_is_read_as_it_was_meant(plan: Plan, tmp_path: Path) -> None:
    swept(plan, tmp_path / "journal")
    write_as_version_1(tmp_path / "journal", tmp_path / "old")
    opened = events(tmp_path / "old", SweepOpened)
    assert [event.version for event in opened] == [None]
    new, old = (compared(state_of(plan, tmp_path / name)) for name in ("journal", "old"))
    assert [decision.numbers for decision in old] == [decision.numbers for decision in new]


def test_a_sweep_of_version_1_that_is_resumed_has_all_its_decisions_alike(plan: Plan, tmp_path: Path) -> None:
    swept(plan, tmp_path / "journal", Workers(places=1))
    write_as_version_1(tmp_path / "journal", tmp_path / "old", rows=60)
    workers = Workers(places=1)
    resumed = coordinator_of(plan, tmp_path / "old", workers)
    resumed.restore(read(tmp_path / "old"))
    resumed.open(1)
    workers.run(resumed)
    assert [event.version for event in events(tmp_path / "old", SweepOpened)] == [None, 2]
    for state in (resumed.state, state_of(plan, tmp_path / "old")):
        assert all(decision.numbers["value"] > 0 and decision.numbers["cutoff"] > 0 for decision in compared(state))
