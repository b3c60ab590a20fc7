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
from search.storage import remote_sweep as stored
from search.storage.object_store import Storage
from search.storage.uploader import Uploader
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan, make_plan
from tests.support.fakes import spec_of
from tests.support.workers import Disk, Workers
from trainables.checkpoint import CHECKSUMS
from trainables.errors import SteadytuneError


class Cut(BaseException):
    """The machine is lost here."""


class Cutting:
    """Counts what is done to a storage; at its `at`-th operation the machine is lost before it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.at = -1
        self.done: list[str] = []
        for kind in ("write", "delete"):
            monkeypatch.setattr(Storage, kind, self._counted(kind, getattr(Storage, kind)))

    def _counted(self, kind: str, really: object) -> object:
        def counted(storage: Storage, name: str, *more: object) -> None:
            self.count += 1
            if self.count == self.at:
                raise Cut
            really(storage, name, *more)  # type: ignore[operator]
            self.done.append(f"{kind} {name}")

        return counted


@pytest.fixture
def cutting(monkeypatch: pytest.MonkeyPatch) -> Cutting:
    monkeypatch.setattr(journal_module, "MERGE_SEGMENTS", 3)
    return Cutting(monkeypatch)


def storage_of(tmp_path: Path) -> str:
    return (tmp_path / "there").as_uri()


def uploading(tmp_path: Path, data: Path, name: str = "sweep") -> Uploader:
    """An uploader that has claimed its sweep; its thread does not run: the tests say when it uploads."""
    spec = spec_of(data, storage=storage_of(tmp_path), name=name)
    folder = SweepFolder.create(tmp_path / "here", spec)
    uploader = Uploader(folder, storage_of(tmp_path), lambda words: None)
    uploader._word = stored.claim(folder, uploader._storage)
    return uploader


def places(folder: SweepFolder) -> list[int]:
    return [row.event.places for row in read(folder.journal) if isinstance(row.event, SweepOpened)]


def test_wherever_an_upload_is_cut_short_the_storage_holds_the_beginning_of_the_journal(
    tmp_path: Path, data: Path, cutting: Cutting
) -> None:
    seen = set()
    for at in range(1, 60):
        uploader = uploading(tmp_path, data, f"sweep-{at}")
        journal = Journal(uploader._folder.journal)
        cutting.count, cutting.at = 0, at
        try:
            for number in range(1, 11):
                journal.append(SweepOpened(number))
                journal.flush()
                if number % 2:
                    uploader._push()
        except Cut:
            pass
        cut, cutting.at = cutting.count == at, -1
        copy = stored.fetch(tmp_path / f"other {at}", uploader._folder.name, storage_of(tmp_path))
        found = places(copy) if copy.journal.is_dir() else []
        assert found == list(range(1, len(found) + 1))
        seen.add(len(found))
        uploader._push()  # the same machine comes back: what was cut short is made good
        assert set(uploader._storage.names("journal")) == {
            f"journal/{path.name}" for path in uploader._folder.journal.iterdir()
        }
        if not cut:
            assert seen >= {0, 1, 3, 9}
            return
    pytest.fail("never ran to its end")


def test_a_checkpoint_goes_only_after_the_rows_that_made_it_superfluous(
    tmp_path: Path, data: Path, cutting: Cutting
) -> None:
    uploader = uploading(tmp_path, data)
    for epoch in (1, 2):
        uploader._storage.write(f"{stored.checkpoint_name(0, epoch)}/{CHECKSUMS}", b"")
    journal = Journal(uploader._folder.journal)
    journal.append(SweepOpened(1))
    journal.flush()
    uploader.delete(0, 1)
    uploader.delete(5, 5)
    cutting.done.clear()
    uploader._push()
    assert cutting.done == [
        "write journal/0000000001-0000000001.0.parquet",
        f"delete {stored.checkpoint_name(0, 1)}/{CHECKSUMS}",
    ]
    assert list(stored.checkpoints(uploader._storage)) == [stored.checkpoint_name(0, 2)]


def test_what_a_killed_worker_left_half_written_goes_when_the_sweep_is_resumed(tmp_path: Path, data: Path) -> None:
    uploader = uploading(tmp_path, data)
    uploader._storage.write(f"{stored.checkpoint_name(0, 1)}/{CHECKSUMS}", b"")
    uploader._storage.write(f"{stored.checkpoint_name(0, 2)}/state.pt", b"")
    with uploader:
        pass
    assert list(stored.checkpoints(uploader._storage)) == [stored.checkpoint_name(0, 1)]


def test_a_driver_whose_sweep_goes_on_elsewhere_stops_and_deletes_nothing(tmp_path: Path, data: Path) -> None:
    uploader = uploading(tmp_path, data)
    name = f"{stored.checkpoint_name(0, 1)}/{CHECKSUMS}"
    uploader._storage.write(name, b"")
    halted = threading.Event()

    def run() -> None:
        with uploader:
            uploader.watch(lambda error: halted.set())
            uploader._storage.write(stored.OWNER, b"0 another machine")
            uploader.delete(0, 1)

    with pytest.raises(SteadytuneError, match="was resumed on"):
        run()
    assert halted.is_set()
    assert name in uploader._storage.names()


def test_an_interrupted_sweep_does_not_wait_for_a_storage_that_is_away(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.storage.uploader.LAST_SECONDS", 0.1)
    said: list[str] = []
    uploader = uploading(tmp_path, data)
    uploader._say = said.append

    def interrupted() -> None:
        with uploader:
            (tmp_path / "there").rename(tmp_path / "unplugged")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "does not answer; nothing is lost" in said[0]
    assert said[1] == f"The storage lacks the last of it: resume in {tmp_path / 'here'}, which has it."


# --- a machine that is lost ------------------------------------------------------------------------------------------


class Lost(BaseException):
    """The machine with the driver, its folder and its workers is lost."""


def sweep(tmp_path: Path, data: Path, machine: str, disk: Disk, lost_after: int | None = None) -> Coordinator | None:
    """Run the sweep, or go on with it from its storage; uploads come after every third event."""
    made: Plan = make_plan(spec_of(data, storage=storage_of(tmp_path), trials=4, confirm_top=1, confirm_seeds=1))
    if machine == "first":
        folder = SweepFolder.create(tmp_path / machine, made.spec)
    else:
        folder = stored.fetch(tmp_path / machine, "sweep", storage_of(tmp_path))
    uploader = Uploader(folder, storage_of(tmp_path), lambda words: None)
    uploader._word = stored.claim(folder, uploader._storage)
    uploader._sweep_up()
    events: Iterator[int] = iter(range(1, 10**6))

    def listen(*_: object) -> None:
        number = next(events)
        if number == lost_after:
            raise Lost
        if number % 3 == 0:
            journal.flush()
            uploader._push()

    past = list(read(folder.journal)) if folder.journal.is_dir() else []
    journal = Journal(folder.journal)
    workers = Workers(disk=disk)
    # Checkpoints go to the storage before their epoch is told of; deletions are the uploader's.
    coordinator = Coordinator(made, journal, delete=uploader.delete, listen=listen, clock=workers.clock)
    try:
        if past:
            coordinator.restore(past)
        coordinator.open(2)
        workers.run(coordinator)
        coordinator.end(result(coordinator.state))
        uploader._push()
    except Lost:
        return None
    return coordinator


def test_a_sweep_whose_machine_is_lost_at_any_event_comes_to_its_end_on_another(tmp_path: Path, data: Path) -> None:
    whole = sweep(tmp_path / "whole", data, "first", Disk())
    assert whole is not None
    rows = len(list(read(tmp_path / "whole" / "first" / "sweep" / "journal")))
    assert rows > 30
    for lost_after in range(2, rows, 8):
        own = tmp_path / f"lost after {lost_after}"
        disk = Disk()
        assert sweep(own, data, "first", disk, lost_after) is None
        if lost_after <= 3:  # nothing had come to the storage but the description
            assert not Storage(storage_of(own), "sweep").names("journal")
        state = sweep(own, data, "second", disk).state  # type: ignore[union-attr]
        epochs = [
            (row.event.trial, row.event.epoch)
            for row in read(own / "second" / "sweep" / "journal")
            if isinstance(row.event, EpochDone)
        ]
        assert len(epochs) == len(set(epochs))
        assert state.ended is not None
        assert state.ended.trial >= 0
        assert not state.running
        assert len(state.search) == 4
        for number, trial in state.trials.items():
            assert [epoch for of, epoch in epochs if of == number] == list(range(1, trial.curve.epoch + 1))
        copy = stored.fetch(own / "third", "sweep", storage_of(own))
        assert list(read(copy.journal)) == list(read(own / "second" / "sweep" / "journal"))
