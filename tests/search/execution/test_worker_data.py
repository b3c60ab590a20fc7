"""A worker trains on the data that its sweep began with, and says so when it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.execution.worker_data import SHARE, DataChangedError, WorkerData
from search.sweep.data_identity import DataIdentity, manifest_of
from tests.support.fakes import Curves
from trainables import manifest
from trainables.errors import DataError


class Lines(Curves):
    """Its data are a file's lines."""

    def open(self, path: Path) -> Any:
        if not path.read_text():
            raise DataError(f"{path}: is empty; write a line")
        return path.read_text().splitlines()


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    folder = tmp_path / "sweeps" / "night"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "lines.txt"
    file.write_text("first\n")
    return file


def worker(data: Path, sweep: Path, fingerprint: str = "", clock: Clock | None = None) -> WorkerData:
    return WorkerData(Lines(), str(data), sweep, fingerprint, clock or Clock())


def test_the_data_are_opened_once(data: Path, sweep: Path) -> None:
    worker_data = worker(data, sweep)
    opened = worker_data.open(data)
    assert opened == ["first"]
    assert worker_data.open(data) is opened
    assert worker_data.fingerprint == manifest_of(str(data), data, opened).fingerprint


def test_other_data_than_the_sweep_began_with_are_refused(data: Path, sweep: Path) -> None:
    """A node's own copy may be another one, or a worker may start after the data changed."""
    began = manifest_of(str(data), data, [])
    data.write_text("second\n")
    with pytest.raises(
        DataChangedError, match=r"their fingerprint is v2-.*, not v2-.*; restore them, then `steadytune"
    ):
        worker(data, sweep, began.fingerprint).open(data)


def test_what_differs_is_told_where_the_sweeps_folder_is_shared(data: Path, sweep: Path) -> None:
    began = DataIdentity("lines", manifest_of(str(data), data, []))
    began.write(sweep)
    data.write_text("second\n")
    with pytest.raises(DataChangedError, match=r"while sweep night ran, .*: 1 changed \(lines.txt\); restore"):
        worker(data, sweep, began.manifest.fingerprint).open(data)


def test_data_that_cannot_be_opened_any_more_have_changed(data: Path, sweep: Path) -> None:
    """They could be when the sweep was checked, so it is no trial's fault."""
    data.write_text("")
    with pytest.raises(DataChangedError, match="is empty; write a line"):
        worker(data, sweep).open(data)


def test_a_change_between_two_trials_is_noticed(data: Path, sweep: Path) -> None:
    worker_data = worker(data, sweep)
    worker_data.open(data)
    data.write_text("other\n")
    with pytest.raises(DataChangedError, match=r"1 changed \(lines.txt\)"):
        worker_data.open(data)


def test_a_file_that_was_touched_between_two_trials_is_none(data: Path, sweep: Path) -> None:
    worker_data = worker(data, sweep)
    opened = worker_data.open(data)
    data.write_text("first\n")
    assert worker_data.open(data) is opened


def test_looking_takes_a_small_share_of_the_time(data: Path, sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    worker_data = worker(data, sweep, clock=clock)
    worker_data.open(data)

    def slow_disk(file: str, facts: object) -> str:
        clock.seconds += 1.0
        return "as it was"

    monkeypatch.setattr(manifest, "_digest", slow_disk)
    with pytest.raises(DataChangedError):  # "as it was" is no digest
        worker_data.look()
    clock.seconds += 1 / SHARE - 0.5
    worker_data.open(data)  # does not look
    clock.seconds += 1.0
    with pytest.raises(DataChangedError):
        worker_data.open(data)
