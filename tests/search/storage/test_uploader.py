"""What a sweep's storage holds at every moment is what the sweep was a little earlier."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.control.coordinator import Coordinator
from search.journal import segments as journal_module
from search.journal.events import EpochDone, SweepOpened
from search.journal.segments import Journal, read
from search.state.outcome import result
from search.storage import remote_sweep
from search.storage.object_store import Storage
from search.storage.uploader import StorageSync, Uploader
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan, make_plan
from tests.support.fakes import spec_of
from tests.support.workers import Disk, Workers
from trainables.checkpoint import CHECKSUMS
from trainables.errors import SteadytuneError


class MachineLost(BaseException):
    """The machine is lost here."""


class CountingStorage(Storage):
    """Counts what is written and deleted; the machine is lost before operation number `lost_at`."""

    def __init__(self, uri: str, folder: str, lost_at: int = -1) -> None:
        super().__init__(uri, folder)
        self.count = 0
        self.lost_at = lost_at
        self.operations: list[str] = []

    def write(self, name: str, source: bytes | Path) -> None:
        self._count(f"write {name}")
        super().write(name, source)

    def delete(self, name: str) -> None:
        self._count(f"delete {name}")
        super().delete(name)

    def _count(self, operation: str) -> None:
        self.count += 1
        if self.count == self.lost_at:
            raise MachineLost
        self.operations.append(operation)


def storage_uri(tmp_path: Path) -> str:
    return (tmp_path / "storage").as_uri()


def new_folder(tmp_path: Path, data: Path, name: str = "sweep") -> SweepFolder:
    return SweepFolder.create(tmp_path / "here", spec_of(data, storage=storage_uri(tmp_path), name=name))


def opened_slots(folder: SweepFolder) -> list[int]:
    return [row.event.worker_slots for row in read(folder.journal) if isinstance(row.event, SweepOpened)]


def test_wherever_an_upload_is_cut_short_the_storage_holds_the_beginning_of_the_journal(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MERGE_SEGMENTS", 3)
    lengths = set()
    for lost_at in range(1, 60):
        folder = new_folder(tmp_path, data, f"sweep-{lost_at}")
        storage = CountingStorage(storage_uri(tmp_path), folder.name)
        sync = StorageSync(folder, storage)
        sync.acquire()
        journal = Journal(folder.journal)
        storage.count, storage.lost_at = 0, lost_at
        try:
            for number in range(1, 11):
                journal.append(SweepOpened(number))
                journal.flush()
                if number % 2:
                    sync.push()
        except MachineLost:
            pass
        was_cut_short, storage.lost_at = storage.count == lost_at, -1
        copy = remote_sweep.fetch(tmp_path / f"other {lost_at}", folder.name, storage_uri(tmp_path))
        rows = opened_slots(copy) if copy.journal.is_dir() else []
        assert rows == list(range(1, len(rows) + 1))
        lengths.add(len(rows))
        sync.push()  # the same machine is back: the upload is completed
        assert set(storage.list_files("journal")) == {f"journal/{path.name}" for path in folder.journal.iterdir()}
        if not was_cut_short:
            assert lengths >= {0, 1, 3, 9}
            return
    pytest.fail("never ran to its end")


def test_a_checkpoint_is_deleted_only_after_the_rows_that_made_it_superfluous(tmp_path: Path, data: Path) -> None:
    folder = new_folder(tmp_path, data)
    storage = CountingStorage(storage_uri(tmp_path), folder.name)
    sync = StorageSync(folder, storage)
    sync.acquire()
    for epoch in (1, 2):
        storage.write(f"{remote_sweep.checkpoint_name(0, epoch)}/{CHECKSUMS}", b"")
    journal = Journal(folder.journal)
    journal.append(SweepOpened(1))
    journal.flush()
    sync.delete(0, 1)
    sync.delete(5, 5)
    storage.operations.clear()
    sync.push()
    assert storage.operations == [
        "write journal/0000000001-0000000001.0.parquet",
        f"delete {remote_sweep.checkpoint_name(0, 1)}/{CHECKSUMS}",
    ]
    assert list(remote_sweep.list_checkpoints(storage)) == [remote_sweep.checkpoint_name(0, 2)]


def test_an_incomplete_checkpoint_of_a_killed_worker_is_deleted_when_the_sweep_is_resumed(
    tmp_path: Path, data: Path
) -> None:
    folder = new_folder(tmp_path, data)
    storage = Storage(storage_uri(tmp_path), folder.name)
    storage.write(f"{remote_sweep.checkpoint_name(0, 1)}/{CHECKSUMS}", b"")
    storage.write(f"{remote_sweep.checkpoint_name(0, 2)}/state.pt", b"")
    with Uploader(folder, storage_uri(tmp_path), lambda message: None):
        pass
    assert list(remote_sweep.list_checkpoints(storage)) == [remote_sweep.checkpoint_name(0, 1)]


def test_a_driver_whose_sweep_was_resumed_elsewhere_stops_and_deletes_nothing(tmp_path: Path, data: Path) -> None:
    folder = new_folder(tmp_path, data)
    storage = Storage(storage_uri(tmp_path), folder.name)
    name = f"{remote_sweep.checkpoint_name(0, 1)}/{CHECKSUMS}"
    storage.write(name, b"")
    stopped = threading.Event()

    def run() -> None:
        with Uploader(folder, storage_uri(tmp_path), lambda message: None) as uploader:
            uploader.watch(lambda error: stopped.set())
            storage.write(remote_sweep.OWNER, b"0 another machine")
            uploader.delete(0, 1)

    with pytest.raises(SteadytuneError, match="was resumed on"):
        run()
    assert stopped.is_set()
    assert name in storage.list_files()


def test_an_interrupted_sweep_does_not_wait_for_a_storage_that_does_not_answer(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.storage.uploader.LAST_SECONDS", 0.1)
    messages: list[str] = []
    unreachable = threading.Event()

    def notify(message: str) -> None:
        messages.append(message)
        unreachable.set()

    def interrupted() -> None:
        with Uploader(new_folder(tmp_path, data), storage_uri(tmp_path), notify):
            (tmp_path / "storage").rename(tmp_path / "unplugged")
            assert unreachable.wait(30)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "does not answer; nothing is lost" in messages[0]
    assert messages[1] == f"The storage lacks the last changes: resume in {tmp_path / 'here'}, which has them."


# --- a machine that is lost ------------------------------------------------------------------------------------------


def sweep(tmp_path: Path, data: Path, machine: str, disk: Disk, lost_after: int | None = None) -> Coordinator | None:
    """Run the sweep, or resume it from its storage, uploading after every third event; None if the machine is lost."""
    plan: Plan = make_plan(spec_of(data, storage=storage_uri(tmp_path), trials=4, confirm_top=1, confirm_seeds=1))
    if machine == "first":
        folder = SweepFolder.create(tmp_path / machine, plan.spec)
    else:
        folder = remote_sweep.fetch(tmp_path / machine, "sweep", storage_uri(tmp_path))
    sync = StorageSync(folder, Storage(storage_uri(tmp_path), folder.name))
    sync.acquire()
    events: Iterator[int] = iter(range(1, 10**6))

    def listen(*_: object) -> None:
        number = next(events)
        if number == lost_after:
            raise MachineLost
        if number % 3 == 0:
            journal.flush()
            sync.push()

    past = list(read(folder.journal)) if folder.journal.is_dir() else []
    journal = Journal(folder.journal)
    workers = Workers(disk=disk)
    # Checkpoints are uploaded before their epoch is reported; deletions are the sync's.
    coordinator = Coordinator(plan, journal, delete=sync.delete, listen=listen, clock=workers.clock)
    try:
        if past:
            coordinator.restore(past)
        coordinator.open(2)
        workers.run(coordinator)
        coordinator.end(result(coordinator.state))
        sync.push()
    except MachineLost:
        return None
    return coordinator


def test_a_sweep_whose_machine_is_lost_at_any_event_comes_to_its_end_on_another(tmp_path: Path, data: Path) -> None:
    whole = sweep(tmp_path / "whole", data, "first", Disk())
    assert whole is not None
    rows = len(list(read(tmp_path / "whole" / "first" / "sweep" / "journal")))
    assert rows > 30
    for lost_after in range(2, rows, 8):
        root = tmp_path / f"lost after {lost_after}"
        disk = Disk()
        assert sweep(root, data, "first", disk, lost_after) is None
        if lost_after <= 3:  # nothing had come to the storage but the description
            assert not Storage(storage_uri(root), "sweep").list_files("journal")
        state = sweep(root, data, "second", disk).state  # type: ignore[union-attr]
        epochs = [
            (row.event.trial, row.event.epoch)
            for row in read(root / "second" / "sweep" / "journal")
            if isinstance(row.event, EpochDone)
        ]
        assert len(epochs) == len(set(epochs))
        assert state.ended is not None
        assert state.ended.trial >= 0
        assert not state.trials.running
        assert len(state.trials.search) == 4
        for number, trial in state.trials.items():
            assert [epoch for of, epoch in epochs if of == number] == list(range(1, trial.curve.epoch + 1))
        copy = remote_sweep.fetch(root / "third", "sweep", storage_uri(root))
        assert list(read(copy.journal)) == list(read(root / "second" / "sweep" / "journal"))
