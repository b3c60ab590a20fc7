"""The table of a sweep's trials, and its line in a list of sweeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.journal.events import Decided
from search.pruning.decision import Action, Reason
from search.state.sweep_state import SweepState
from search.views.status_table import (
    ROWS,
    WIDE,
    description,
    happened,
    plural,
    short,
    sparkline,
    status_line,
    status_table,
)
from tests.support.fakes import plan_of
from tests.support.terminal import lines_of
from tests.support.workers import Workers, coordinator_of, grown


def test_there_is_one_line_per_trial_between_the_headings_and_the_totals(ended: SweepState) -> None:
    title, headings, *rows, totals = lines_of([status_table(ended, "a sweep")])
    assert title == "a sweep"
    assert headings.split() == ["trial", "epochs", "score", "curve", "state"]
    assert len(rows) == len(ended.trials)
    assert totals.startswith(f"search 12/12 trials, {ended.epochs} epochs")
    assert totals.endswith("* best so far")
    assert " stopped at a rung · " in totals


def test_each_trial_tells_how_it_ended(ended: SweepState) -> None:
    rows = lines_of([status_table(ended, "a sweep")])[2:-1]
    assert rows[0].startswith("0 steady ")
    assert rows[0].endswith("done")
    assert rows[2].startswith("2 good * ")
    assert "stopped at rung 4: rank 10 of 10" in rows[1]
    stopped = next(trial for trial in ended.trials.search if trial.decision and trial.decision.reason == "rung")
    assert stopped.decision is not None
    numbers = stopped.decision.numbers
    expected = f"stopped at rung {numbers['rung']:.0f}: rank {numbers['rank']:.0f} of {numbers['peers']:.0f}"
    assert rows[stopped.number].endswith(expected)


def test_a_paused_and_a_running_trial_say_so(data: Path, tmp_path: Path) -> None:
    workers = Workers()
    coordinator = coordinator_of(plan_of(data, trials=12, preset="long", enqueue=[]), tmp_path / "journal", workers)
    coordinator.open(2)
    while not coordinator.state.trials.paused:
        workers.fill(coordinator)
        workers.step(coordinator, min(workers.running))
    workers.fill(coordinator)
    text = "\n".join(lines_of([status_table(coordinator.state, "a sweep")]))
    assert "paused at rung 1: rank 1 of 1" in text
    assert "starting  quality=" in text
    assert " · 1 paused" in text


def test_it_is_readable_at_80_columns(ended: SweepState) -> None:
    lines = lines_of([status_table(ended, "a sweep")], width=80)
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines[2 : len(ended.trials) + 2]] == [str(number) for number in ended.trials]


def test_beside_the_settings_there_is_room_for_the_rung(ended: SweepState) -> None:
    lines = lines_of([status_table(ended, "a sweep", width=WIDE)], width=WIDE)
    assert max(map(len, lines)) <= WIDE
    assert "stopped at rung 4: rank 10 of 10" in lines[3]
    assert "quality=" in lines[3]


def test_of_many_trials_the_best_and_the_latest_are_in_it(data: Path) -> None:
    state = grown(data, trials=100)
    *rows, totals = lines_of([status_table(state, "a sweep")])[2:]
    assert len(rows) == ROWS
    numbers = [int(row.split()[0]) for row in rows]
    assert numbers == sorted(numbers)
    assert f"{100 - ROWS} not shown" in totals
    assert {trial.number for trial in state.trials.ranking[: ROWS // 2]} | {99} <= set(numbers)


def test_the_line_of_a_sweep_names_its_result(ended: SweepState) -> None:
    line = status_line(ended, "mine", "ended")
    epochs = sum(trial.curve.epoch for trial in ended.trials.values())
    assert line.startswith(f"mine: curves, {len(ended.trials)} trials, {epochs} epochs, ended: score 0.9")
    assert line.endswith(" over 2 fresh seeds, trial 2 good")


def test_the_line_of_a_sweep_without_a_result_names_its_best_so_far(data: Path) -> None:
    state = grown(data, trials=5)
    assert "; best so far score " in status_line(state, "mine", "running")
    assert status_line(SweepState(state.plan), "mine", "running") == "mine: curves, 0 trials, 0 epochs, running"


@pytest.mark.parametrize(
    ("before", "action", "reason", "verb"),
    [
        (None, "continue", "rung", "continued"),
        ("continue", "continue", "rung", "continued"),
        ("pause", "continue", "rung", "was promoted"),
        (None, "pause", "rung", "was paused"),
        ("pause", "stop", "rung", "was stopped"),
        (None, "stop", "done", "ended"),
    ],
)
def test_a_decision_is_told_by_its_verb(before: Action | None, action: Action, reason: Reason, verb: str) -> None:
    earlier = Decided(1, 3, before, "rung", "") if before else None
    assert happened(Decided(1, 3, action, reason, ""), earlier) == verb


def test_a_sparkline_ends_in_the_highest_bar_and_fits() -> None:
    assert sparkline([0.0, 0.5, 1.0], high=1.0) == "▁▄█"
    assert len(sparkline([index / 100 for index in range(100)], high=1.0)) == 15
    assert sparkline([-1.0, 1.0], high=1.0) == "▁█"


def test_settings_are_short_and_counts_agree_with_their_noun(ended: SweepState) -> None:
    assert short({"lr": 0.00123456, "depth": 2, "shape": "fast"}) == "lr=0.00123 depth=2 shape=fast"
    assert (plural(1, "epoch"), plural(2, "epoch"), plural(0, "epoch")) == ("1 epoch", "2 epochs", "0 epochs")
    assert description(ended.trials[0]).startswith("quality=0.6")
