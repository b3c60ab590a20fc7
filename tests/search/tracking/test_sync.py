"""Following a journal, and waiting for an MLflow store that does not answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.journal.events import Row, SweepOpened
from search.journal.segments import Journal
from search.sweep.folder import SweepFolder
from search.tracking import sync as sync_module
from search.tracking.sync import GaveUp, JournalFollower, StoreRetry

AWAY = "The MLflow store store cannot be written now; the sweep continues, and it is written later."
BACK = "The MLflow store store is back; the missing rows have been written."


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    return SweepFolder(tmp_path, "sweep")


def append(folder: SweepFolder, *numbers: int) -> None:
    journal = Journal(folder.journal)
    for number in numbers:
        journal.append(SweepOpened(number))
    journal.flush()


def test_each_row_is_passed_on_once(folder: SweepFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_module, "BATCH_ROWS", 2)
    batches: list[list[int]] = []

    def write(rows: list[Row]) -> None:
        batches.append([row.seq for row in rows])

    follower = JournalFollower(folder)
    assert follower.pass_on(write) == 0, "there is no journal yet"
    append(folder, 1, 2, 3)
    assert [follower.pass_on(write) for _ in range(3)] == [2, 1, 0]
    append(folder, 4)
    assert [follower.pass_on(write) for _ in range(2)] == [1, 0]
    assert batches == [[1, 2], [3], [4]]


def test_rows_that_could_not_be_written_come_again(folder: SweepFolder) -> None:
    append(folder, 1, 2)
    attempts: list[list[int]] = []

    def write(rows: list[Row]) -> None:
        attempts.append([row.seq for row in rows])
        if len(attempts) == 1:
            append(folder, 3)
            raise OSError("away")

    follower = JournalFollower(folder)
    with pytest.raises(OSError, match="away"):
        follower.pass_on(write)
    assert [follower.pass_on(write) for _ in range(2)] == [2, 1]
    assert attempts == [[1, 2], [1, 2], [3]]


class Clock:
    """Time that passes only in pauses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        self.pauses: list[float] = []
        monkeypatch.setattr("time.monotonic", lambda: self.seconds)
        monkeypatch.setattr("time.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def failing(times: int, error: Exception | None = None) -> Callable[[], str]:
    remaining = iter(range(times))

    def action() -> str:
        if next(remaining, None) is not None:
            raise error or OSError("away\nmore")
        return "done"

    return action


def retry_of(messages: list[str], ended: Callable[[], bool] = lambda: False) -> StoreRetry:
    return StoreRetry("store", (OSError,), ended, messages.append)


def test_an_outage_is_announced_once_and_so_is_its_end(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    messages: list[str] = []
    retry = retry_of(messages)
    assert retry(failing(7)) == "done"
    assert retry(failing(1)) == "done"
    assert messages == [AWAY]
    retry.succeeded()
    retry.succeeded()
    assert messages == [AWAY, BACK]
    assert clock.pauses == [1, 2, 4, 8, 15, 15, 15, 1]
    assert capsys.readouterr().err.count("MLflow is not reachable, trying again: OSError: away\n") == 8


def test_a_running_sweep_waits_without_limit_and_an_ended_one_a_minute_from_its_end(clock: Clock) -> None:
    def ended() -> bool:
        return clock.seconds > 1000

    with pytest.raises(GaveUp):
        retry_of([], ended)(failing(10**6))
    assert 1060 < clock.seconds < 1000 + 60 + 3 * 15


def test_what_will_not_pass_is_raised_at_once(clock: Clock) -> None:
    errors: list[Any] = [failing(1, KeyError("ours")), failing(1)]
    with pytest.raises(KeyError):
        retry_of([])(errors[0])
    with pytest.raises(OSError, match="away"):
        retry_of([])(errors[1], lambda error: False)
    assert clock.pauses == []
