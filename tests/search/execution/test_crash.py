"""Why a process crashed, and when repeated failures stop the sweep."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from search.control.coordinator import Coordinator
from search.control.rules import repeated_failure
from search.execution.crash import crash_reason, disk_problem
from search.journal.events import EpochDone
from search.journal.segments import Journal, read
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of, finish
from trainables.errors import SteadytuneError


@pytest.mark.parametrize(
    ("error", "log", "words"),
    [
        (
            "ray.exceptions.OutOfMemoryError: ...",
            "epoch 3\n",
            "its process was killed because the machine ran out of memory",
        ),
        (
            "",
            "epoch 3\nFatal Python error: Aborted\n\nThread 0x1 (most recent call first):\n",
            "its process crashed: Aborted",
        ),
        (
            "",
            "Timeout (0:00:03)!\nThread 0x1\n  File a\n",
            "an epoch took longer than hang_minutes",
        ),
        ("", "Timeout (0:00:03)!\nepoch 2\nFatal Python error: Bus error\n", "its process crashed: Bus error"),
        ("", "epoch 3\n\n", "its process died, or was killed; the log's last line: epoch 3 (see"),
        ("", "", "its process died, or was killed; the log's last line: none (see"),
        (
            "The actor died unexpectedly before finishing this task.\n\tpid: 7\n"
            "The actor is dead because it was killed by `ray.kill`.",
            "epoch 3\n",
            "its process stood still for longer than hang_minutes",
        ),
        (
            "Failure # 1\nThe actor died because of an error raised in its creation task\n"
            '  File "registry.py", line 35\n'
            "trainables.errors.SettingsError: recipe 'mine:Own': mine cannot be imported\n",
            "epoch 3\n",
            "its process could not start: SettingsError: recipe 'mine:Own': mine cannot be imported",
        ),
        (
            'Traceback (most recent call last):\n  File "failure.py", line 45\n'
            "trainables.errors.KilledError: the script was killed after epoch 2, as when memory is short\n",
            "epoch 3\n",
            "the script was killed after epoch 2, as when memory is short (see",
        ),
    ],
)
def test_the_cause_is_read_from_the_log(tmp_path: Path, error: str, log: str, words: str) -> None:
    path = tmp_path / "log.txt"
    path.write_text(log)
    assert crash_reason(error, path).startswith(words)


def test_a_process_that_never_wrote_a_log_has_no_last_words(tmp_path: Path) -> None:
    assert "the log's last line: none" in crash_reason("", tmp_path / "log.txt")


class Failing:
    """A sweep whose trials fail."""

    def __init__(self, data: Path, journal: Path, **fields: Any) -> None:
        plan = plan_of(data, **{"trials": 9, **fields})
        self.coordinator = Coordinator(
            plan, Journal(journal), delete=lambda trial, epoch: None, listen=lambda row, state: None
        )
        self.coordinator.open(1)

    def fail(self, detail: str) -> None:
        assignment = self.coordinator.next()
        assert assignment is not None
        self.coordinator.fail(assignment.trial, detail.format(number=assignment.trial))


@pytest.fixture
def failing(data: Path, tmp_path: Path) -> Failing:
    return Failing(data, tmp_path / "journal")


def test_three_that_fail_alike_at_the_start_are_enough(failing: Failing) -> None:
    for _ in range(3):
        assert failing.coordinator.halted is None
        failing.fail("CUDA error 700 (see /sweeps/{number:04d}/log.txt)")
    assert isinstance(failing.coordinator.halted, SteadytuneError)
    assert "the first 3 trials all failed alike, before their first epoch: CUDA error 700" in str(
        failing.coordinator.halted
    )
    assert failing.coordinator.next() is None


def test_where_no_trial_is_left_more_are_advised_and_they_train(data: Path, tmp_path: Path) -> None:
    failing = Failing(data, tmp_path / "journal", trials=3, hours=1.0)
    for _ in range(3):
        failing.fail("alike")
    advice = "mend it, then `steadytune resume NAME --trials 6 --hours 2`"
    assert str(failing.coordinator.halted).endswith(advice)
    failing.coordinator.tick()
    workers = Workers()
    resumed = coordinator_of(plan_of(data, trials=6, hours=2.0), tmp_path / "journal", workers)
    finish(resumed, list(read(tmp_path / "journal")), workers)
    assert [trial.started.named for trial in resumed.state.trials.search[3:]] == ["steady", "", ""]
    assert resumed.state.trials.ranking


def test_trials_that_fail_each_in_its_own_way_are_no_reason_to_stop(failing: Failing) -> None:
    for detail in ("one", "two", "three", "four"):
        failing.fail(detail)
    assert failing.coordinator.halted is None


def test_nor_are_failures_once_a_trial_has_finished_an_epoch(failing: Failing) -> None:
    assignment = failing.coordinator.next()
    assert assignment is not None
    failing.coordinator.report(EpochDone(assignment.trial, 1, "main", {"score": 0.1}, {"train": 1.0}, {}, {}))
    for _ in range(4):
        failing.fail("alike")
    assert repeated_failure(failing.coordinator.state) == ""


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full; nothing is lost: free some space"),
        (errno.EDQUOT, "the disk is full; nothing is lost: free some space"),
        (errno.EROFS, "(Read-only file system); nothing is lost: make it writable again"),
        (errno.EACCES, "(Permission denied); nothing is lost: make it writable again"),
        (errno.EIO, "(Input/output error); nothing is lost: make it writable again"),
    ],
)
def test_a_disk_that_takes_no_more_files_is_one_sentence(number: int, words: str) -> None:
    assert disk_problem(OSError(number, os.strerror(number))).endswith(words)


def test_other_errors_are_no_problem_of_the_disk() -> None:
    assert disk_problem(OSError(errno.ECONNREFUSED, "refused")) == ""
    assert disk_problem(OSError("without a number")) == ""
