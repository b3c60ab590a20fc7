"""Reading a journal by epoch blocks gives the same state as applying its rows one by one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from search.journal import segments
from search.journal.block_reader import read_blocks
from search.journal.epoch_block import EpochBlock
from search.journal.events import Decided, EpochDone, SweepOpened
from search.journal.segments import Journal, read
from search.state.follower import SweepFollower
from search.state.outcome import finalist_numbers, result
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of

SWEEP = {"trials": 8, "preset": "short", "confirm_top": 2, "confirm_seeds": 2, "audit": 0.5, "min_peers": 3, "seed": 3}


def picture(state: SweepState) -> dict[str, Any]:
    """The whole state, without sums of seconds."""
    trials, search = state.trials, state.trials.search
    return {
        "trials": [
            (trial.started, repr(trial.curve.points), trial.status, trial.decisions) for trial in trials.values()
        ],
        "costs": [(list(trial.seconds), trial.largest_bytes) for trial in search],
        "values": [(trial.curve.best, trial.curve.smoothed_value, trial.curve.projected_value) for trial in search],
        "groups": [list(trials.running), list(trials.paused), list(trials.audits)],
        "ranking": [trial.number for trial in trials.ranking],
        "incumbents": state.incumbents,
        "ends": (state.epochs, state.search_ended, state.ended, finalist_numbers(state), state.prior_trials),
    }


def sums_of_seconds(state: SweepState) -> list[float]:
    return [state.active_seconds, state.utilisation, state.epoch_seconds]


def row_by_row(plan: Plan, journal: Path) -> SweepState:
    state = SweepState(plan)
    for row in read(journal):
        state.apply(row)
    return state


def sweep(data: Path, root: Path, **fields: Any) -> SweepFolder:
    """A sweep whose trials end in every way, three at a time, killed and resumed in its middle."""
    plan = plan_of(data, **SWEEP | {"enqueue": ["steady", "wild"], "set": {"epochs": 12}} | fields)
    folder = SweepFolder.create(root, plan.spec)
    workers = Workers(places=3, checkpoint_every=2)
    killed = coordinator_of(plan, folder.journal, workers)
    killed.open(2)
    for _ in range(15):
        workers.fill(killed)
        for trial in list(workers.running):
            workers.step(killed, trial)
    killed.halt(RuntimeError())
    workers.running.clear()
    resumed = coordinator_of(plan, folder.journal, workers)
    resumed.restore(read(folder.journal))
    resumed.open(3)
    workers.run(resumed)
    resumed.end(result(resumed.state))
    return folder


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"scheduler": "stopping"},
        {"scheduler": "freeze_thaw", "sampler": "tpe"},
        {"scheduler": "none"},
        {"recipe": "tests.support.fakes:Errors"},
    ],
    ids=["promoting", "stopping", "freeze-thaw", "no rungs", "lower is better"],
)
def test_blocks_add_up_to_what_the_rows_add_up_to(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    folder = sweep(data, tmp_path, **fields)
    expected = row_by_row(folder.plan(), folder.journal)
    reasons = {decision.reason for trial in expected.trials.values() for decision in trial.decisions}
    # Freeze-thaw may leave the one that diverges at a rung.
    assert reasons >= ({"done", "rung"} if "freeze_thaw" in fields.values() else {"done", "diverging"})
    assert {trial.started.kind for trial in expected.trials.values()} >= {"search", "confirm"}
    for read_rows in (13, segments.READ_ROWS):
        monkeypatch.setattr(segments, "READ_ROWS", read_rows)
        state = SweepFollower(folder).read()
        assert picture(state) == picture(expected), f"{read_rows} rows at a time"
        assert sums_of_seconds(state) == pytest.approx(sums_of_seconds(expected))


def test_a_sweep_that_is_read_while_it_runs_is_as_its_journal_is(data: Path, tmp_path: Path) -> None:
    """A block ends wherever the journal ends just then."""
    finished = sweep(data, tmp_path / "finished")
    running = SweepFolder.create(tmp_path / "running", finished.spec())
    journal, follower = Journal(running.journal), SweepFollower(running)
    rows = list(read(finished.journal))
    for start in range(0, len(rows), 37):
        for row in rows[start : start + 37]:
            journal.append(row.event)
        journal.flush()
        state, expected = follower.read(), row_by_row(finished.plan(), running.journal)
        assert picture(state) == picture(expected), f"after event {start + 37}"
        assert sums_of_seconds(state) == pytest.approx(sums_of_seconds(expected))


def blocks(journal: Path) -> list[EpochBlock]:
    return [item for item in read_blocks(journal, 0, "score") if isinstance(item, EpochBlock)]


def test_the_epochs_of_a_trial_are_one_block_at_the_position_of_the_last(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    for epoch in range(1, 101):
        for trial in (0, 1):
            journal.append(EpochDone(trial, epoch, "main", {"score": 0.5}, {"train": 1.0}, {}, {}))
            journal.append(Decided(trial, epoch, "continue", "rung", "promoted"))
    journal.flush()
    assert [(block.trial, block.epochs, block.seq) for block in blocks(tmp_path / "journal")] == [
        (0, list(range(1, 101)), 397),
        (1, list(range(1, 101)), 399),
    ]


def test_a_block_ends_where_the_sweep_was_resumed(tmp_path: Path) -> None:
    """Between a kill and a resume no worker was there to be used."""
    journal = Journal(tmp_path / "journal")
    for epochs in ((1, 2), (3,)):
        journal.append(SweepOpened(1))
        for epoch in epochs:
            journal.append(EpochDone(0, epoch, "main", {}, {}, {}, {}))
    journal.flush()
    assert [block.epochs for block in blocks(tmp_path / "journal")] == [[1, 2], [3]]


def test_a_missing_number_differs_from_one_that_is_not_finite(tmp_path: Path) -> None:
    """A loss that is not finite fails the training; a missing one says nothing."""
    journal = Journal(tmp_path / "journal")
    journal.append(EpochDone(0, 1, "warmup", {}, {}, {}, {}))
    journal.append(EpochDone(0, 2, "main", {"score": math.nan, "b": 1.0}, {"val": 2.0}, {}, {"a": 1.0, "b": 0.5}, 7.0))
    journal.append(EpochDone(0, 3, "main", {"b": 1.0, "score": 0.25}, {"train": math.inf}, {}, {}, 8.0, "there", 9))
    journal.append(EpochDone(0, 4, "main", {}, {}, {}, {"train": 3.0, "data": 0.25}, spread=0.5, gpu_bytes=7))
    journal.flush()
    (block,) = blocks(tmp_path / "journal")
    assert repr(block.values) == "[None, nan, 0.25, None]"
    assert (block.losses, block.held_out) == ([None, None, math.inf, None], [None, 2.0, None, None])
    assert (block.phases, block.seconds, block.largest_bytes) == (
        ["warmup", "main", "main", "main"],
        [0.0, 1.5, 0.0, 3.25],
        9,
    )
    assert (block.data_seconds, block.gpu_bytes) == (0.25, 7)
    assert block.spreads == [None, None, None, 0.5]
