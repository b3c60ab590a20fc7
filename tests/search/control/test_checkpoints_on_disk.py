from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from search.journal.events import Decided, EpochDone
from search.journal.segments import read
from search.state.outcome import finalist_numbers
from tests.support.fakes import Curves, CurveSettings, plan_of
from tests.support.workers import Disk, Workers, coordinator_of, done_of, swept


def test_only_the_best_checkpoints_are_left_in_the_end(data: Path, journal: Path) -> None:
    workers = Workers(places=3)
    coordinator = swept(plan_of(data, trials=9, keep_checkpoints=2, confirm_top=0, scheduler="none"), journal, workers)
    best = [(trial.curve.best, trial.started.trial) for trial in coordinator.state.trials.search]
    ranked = sorted(((point.value or 0.0, trial, point.epoch) for point, trial in best if point), reverse=True)
    assert workers.disk.checkpoints == {(trial, epoch) for _, trial, epoch in ranked[:2]}


def test_each_finalist_keeps_a_checkpoint(data: Path, journal: Path) -> None:
    workers = Workers()
    coordinator = swept(plan_of(data, trials=9, keep_checkpoints=1, confirm_top=3), journal, workers)
    of = {trial: coordinator.state.trials[trial].started.of for trial in coordinator.state.trials}
    assert {of[trial] for trial, _ in workers.disk.checkpoints} == set(finalist_numbers(coordinator.state))


def test_nothing_is_deleted_before_the_journal_on_disk_can_do_without(data: Path, journal: Path) -> None:
    """At each deletion the journal on disk already knows a newer checkpoint of the trial, or that it has ended."""
    plan = plan_of(data, trials=6, keep_checkpoints=1)
    workers = Workers(places=2)

    class Careful(Disk):
        def delete(self, trial: int, epoch: int) -> None:
            rows = [row.event for row in read(journal)]
            ended = any(isinstance(row, Decided) and row.trial == trial and row.action == "stop" for row in rows)
            newer = [row.epoch for row in rows if isinstance(row, EpochDone) and row.trial == trial and row.checkpoint]
            assert ended or max(newer) > epoch
            super().delete(trial, epoch)

    workers.disk = Careful()
    swept(plan, journal, workers)
    assert workers.disk.deleted


def test_a_checkpoint_that_a_trial_writes_again_is_deleted_again(
    data: Path, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its newest one was damaged, so a worker went back to an earlier one, or to the start."""
    monkeypatch.setattr("search.journal.segments.FLUSH_SECONDS", 0.0)
    workers = Workers()
    coordinator = coordinator_of(plan_of(data, trials=1, confirm_top=0), journal, workers)
    coordinator.open(1)
    workers.fill(coordinator)
    for _ in range(3):
        workers.step(coordinator, 0)
    on_disk = set(workers.disk.checkpoints)
    assert (0, 1) not in on_disk
    workers.running.clear()
    done = done_of(0, Curves().epoch(CurveSettings(**coordinator.state.trials[0].started.settings), 1))
    workers.disk.checkpoints.add((0, 1))
    assert coordinator.report(dataclasses.replace(done, checkpoint="epoch-0001", bytes=100))
    assert workers.disk.checkpoints == on_disk


def test_a_checkpoint_is_deleted_once(data: Path, journal: Path) -> None:
    workers = Workers(places=3)
    swept(plan_of(data, trials=8), journal, workers)
    assert len(workers.disk.deleted) == len(set(workers.disk.deleted))
