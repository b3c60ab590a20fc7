"""A sweep at its storage: incomplete and damaged uploads, and which machine owns it."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from search.journal.events import SweepOpened
from search.journal.segments import Journal, read
from search.storage import remote_sweep
from search.storage.object_store import Storage
from search.sweep.folder import SweepFolder
from tests.support.fakes import spec_of
from trainables import checkpoint
from trainables.errors import SteadytuneError


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    storage = Storage(uri(tmp_path), "sweep")
    storage.write(remote_sweep.OWNER, b"0123 another machine")
    return storage


def uri(tmp_path: Path) -> str:
    return (tmp_path / "storage").as_uri()


def put(storage: Storage, trial: Path, epoch: int) -> None:
    """As a worker does: the node keeps no copy."""

    def save(directory: Path) -> None:
        (directory / "state.json").write_text(json.dumps({"epoch": epoch}))
        (directory / "model").mkdir()
        (directory / "model" / "weights").write_bytes(bytes([epoch]) * 100)

    path = checkpoint.write(trial / "checkpoints", epoch, save)
    remote_sweep.upload_checkpoint(storage, trial, epoch)
    checkpoint.remove(path)


def resumed(storage: Storage, trial: Path, epochs: int) -> int:
    """The epoch from which a worker on an empty node continues."""
    remote_sweep.download_newest_checkpoint(storage, trial, epochs)
    checkpoints = checkpoint.by_epoch(trial / "checkpoints")
    assert len(checkpoints) <= 1
    for path in checkpoints.values():
        checkpoint.check(path)
        assert json.loads((path / "state.json").read_text())["epoch"] == int(path.name[-4:])
    return max(checkpoints, default=0)


def test_a_trial_continues_from_its_newest_checkpoint_that_the_driver_has_heard_of(
    storage: Storage, tmp_path: Path
) -> None:
    for epoch in (1, 2, 3):
        put(storage, tmp_path / "node" / "0007", epoch)
    other = tmp_path / "other node" / "0007"
    assert resumed(storage, other, 2) == 2
    assert sorted(remote_sweep.list_checkpoints(storage)) == [
        remote_sweep.checkpoint_name(7, epoch) for epoch in (1, 2)
    ]
    assert resumed(storage, other, 0) == 0


def test_the_trials_log_and_environment_go_with_its_checkpoint(storage: Storage, tmp_path: Path) -> None:
    trial_folder, copy = tmp_path / "node" / "0007", tmp_path / "copy" / "0007"
    trial_folder.mkdir(parents=True)
    (trial_folder / "log.txt").write_text("epoch 1\n")
    put(storage, trial_folder, 1)
    put(storage, trial_folder, 2)
    remote_sweep.download_log(storage, copy)
    stored = remote_sweep.complete_epochs(storage, copy)
    assert sorted(stored) == [1, 2]
    assert remote_sweep.download_checkpoint(storage, copy, 2, stored[2]) == copy / "checkpoints/epoch-0002"
    assert (copy / "log.txt").read_text() == "epoch 1\n"
    assert list(checkpoint.by_epoch(copy / "checkpoints")) == [2]


def test_the_files_of_a_checkpoint_and_the_log_wait_for_a_slow_server_together_and_the_checksums_come_last(
    tmp_path: Path,
) -> None:
    together = threading.Barrier(3)  # two files of the checkpoint, and the log
    written: list[str] = []

    class SlowStorage(Storage):
        def write(self, name: str, source: bytes | Path) -> None:
            if not name.endswith((remote_sweep.OWNER, checkpoint.CHECKSUMS)):
                together.wait(30)
            super().write(name, source)
            written.append(name.rpartition("/")[2])

    slow = SlowStorage(uri(tmp_path), "sweep")
    slow.write(remote_sweep.OWNER, b"0123 another machine")
    trial_folder = tmp_path / "node" / "0007"
    trial_folder.mkdir(parents=True)
    (trial_folder / "log.txt").write_text("epoch 1\n")
    put(slow, trial_folder, 1)
    assert sorted(written[1:4]) == ["log.txt", "state.json", "weights"]
    assert written[4:] == [checkpoint.CHECKSUMS]


def test_an_upload_that_was_cut_short_anywhere_is_no_checkpoint(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial_folder = tmp_path / "node" / "0007"
    put(storage, trial_folder, 1)
    put(storage, trial_folder, 2)  # trained again after a restart: what it overwrites is no checkpoint meanwhile
    really = Storage.write
    for cut in range(3):
        count = iter(range(9))

        def write(self: Storage, name: str, source: bytes | Path, cut: int = cut, count: object = count) -> None:
            if next(count) == cut:  # type: ignore[call-overload]
                raise KeyboardInterrupt
            really(self, name, source)

        with monkeypatch.context() as patched:
            patched.setattr(Storage, "write", write)
            with pytest.raises(KeyboardInterrupt):
                put(storage, trial_folder, 2)
        assert resumed(storage, tmp_path / f"node {cut}" / "0007", 2) == 1
    put(storage, trial_folder, 2)
    assert resumed(storage, trial_folder, 2) == 2


def test_a_checkpoint_damaged_at_the_storage_is_known_and_the_one_before_is_used(
    storage: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trial_folder = tmp_path / "node" / "0007"
    put(storage, trial_folder, 1)
    put(storage, trial_folder, 2)
    storage.write(f"{remote_sweep.checkpoint_name(7, 2)}/model/weights", b"\2" * 99 + b"\3")
    assert resumed(storage, trial_folder, 2) == 1
    assert "has changed since it was written" in capsys.readouterr().out


def test_a_storage_that_is_not_mounted_is_not_taken_for_an_empty_one(storage: Storage, tmp_path: Path) -> None:
    put(storage, tmp_path / "node" / "0007", 1)
    (tmp_path / "storage").rename(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="the sweep is not there now"):
        resumed(storage, tmp_path / "node" / "0007", 1)


# --- ownership -------------------------------------------------------------------------------------------------------


class Driver:
    """A driver on a machine of its own; each event that it writes has its number of places."""

    def __init__(self, machine: Path, at: str) -> None:
        self.root = machine
        self.at = at

    def launch(self, data: Path) -> Driver:
        self.folder = SweepFolder.create(self.root, spec_of(data, storage=self.at))
        return self.acquire()

    def resume(self) -> Driver:
        self.folder = remote_sweep.fetch(self.root, "sweep", self.at)
        return self.acquire()

    def acquire(self) -> Driver:
        self.storage = Storage(self.at, "sweep")
        self.token = remote_sweep.acquire(self.folder, self.storage)
        return self

    def write(self, *workers: int) -> Driver:
        journal = Journal(self.folder.journal)
        for count in workers:
            journal.append(SweepOpened(count))
        journal.flush()
        return self

    def upload(self) -> Driver:
        for path in self.folder.journal.iterdir():
            self.storage.write(f"journal/{path.name}", path)
        return self


def written(folder: SweepFolder) -> list[int]:
    return [row.event.worker_slots for row in read(folder.journal) if isinstance(row.event, SweepOpened)]


def test_another_machine_continues_where_the_storage_ends(tmp_path: Path, data: Path) -> None:
    Driver(tmp_path / "a", uri(tmp_path)).launch(data).write(1, 2).upload().write(3)
    second = Driver(tmp_path / "b", uri(tmp_path)).resume()
    assert written(second.folder) == [1, 2]
    assert second.folder.spec().storage == uri(tmp_path)


def test_the_owner_keeps_what_the_storage_does_not_have_yet(tmp_path: Path, data: Path) -> None:
    first = Driver(tmp_path / "a", uri(tmp_path)).launch(data).write(1).upload().write(2)
    assert written(first.resume().folder) == [1, 2]
    assert written(first.resume().folder) == [1, 2]


def test_a_machine_that_lost_the_ownership_discards_what_only_it_has(tmp_path: Path, data: Path) -> None:
    first = Driver(tmp_path / "a", uri(tmp_path)).launch(data).write(1).upload().write(2)
    Driver(tmp_path / "b", uri(tmp_path)).resume().write(12).upload()
    (first.folder.trials / "0000").mkdir(parents=True)
    assert written(first.resume().folder) == [1, 12]
    assert not first.folder.trials.exists()


def test_a_driver_whose_sweep_was_resumed_elsewhere_gets_an_error(tmp_path: Path, data: Path) -> None:
    first = Driver(tmp_path / "a", uri(tmp_path)).launch(data)
    remote_sweep.check_owner("sweep", first.storage, first.token)
    Driver(tmp_path / "b", uri(tmp_path)).resume()
    with pytest.raises(SteadytuneError, match=r"sweep sweep was resumed on .*, so it continues there and ends here"):
        remote_sweep.check_owner("sweep", first.storage, first.token)


def test_a_reader_sees_new_rows_and_does_not_take_the_ownership(tmp_path: Path, data: Path) -> None:
    first = Driver(tmp_path / "a", uri(tmp_path)).launch(data).write(1).upload()
    looks = tmp_path / "laptop"
    assert written(remote_sweep.fetch(looks, "sweep", uri(tmp_path))) == [1]
    first.write(2).upload()
    assert written(remote_sweep.fetch(looks, "sweep", uri(tmp_path))) == [1, 2]
    remote_sweep.check_owner("sweep", first.storage, first.token)


def test_a_sweep_that_runs_from_this_folder_is_left_alone(tmp_path: Path, data: Path) -> None:
    first = Driver(tmp_path / "a", uri(tmp_path)).launch(data).write(1)
    with first.folder.locked():
        assert written(remote_sweep.fetch(tmp_path / "a", "sweep", uri(tmp_path))) == [1]


def test_launching_an_existing_name_and_fetching_a_missing_one_are_refused(tmp_path: Path, data: Path) -> None:
    Driver(tmp_path / "a", uri(tmp_path)).launch(data)
    with pytest.raises(SteadytuneError, match=r"name is sweep, but the storage .* has a sweep of that name; .*resume"):
        remote_sweep.refuse_existing(uri(tmp_path), SweepFolder(tmp_path / "b", "sweep"))
    remote_sweep.refuse_existing(uri(tmp_path), SweepFolder(tmp_path / "b", "another"))
    with pytest.raises(SteadytuneError, match=r"no sweep 'sweeb' at file://.*; did you mean 'sweep'"):
        remote_sweep.fetch(tmp_path / "b", "sweeb", uri(tmp_path))
    assert not (tmp_path / "b").exists()
