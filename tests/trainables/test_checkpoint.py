"""A checkpoint is in its place whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from trainables import checkpoint
from trainables.errors import CheckpointError


def holding(text: str) -> Callable[[Path], None]:
    def save(directory: Path) -> None:
        (directory / "state.pt").write_text(text)

    return save


def test_it_lies_under_its_epoch(tmp_path: Path) -> None:
    path = checkpoint.write(tmp_path, 7, holding("seven"))
    assert path == tmp_path / "epoch-0007"
    assert checkpoint.by_epoch(tmp_path) == {7: path}
    assert (path / "state.pt").read_text() == "seven"
    assert checkpoint.size_bytes(path) == 5 + (path / "checksums.txt").stat().st_size


def test_one_that_fails_half_way_is_not_there(tmp_path: Path) -> None:
    def fail(directory: Path) -> None:
        (directory / "state.pt").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checkpoint.write(tmp_path, 1, fail)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_leaves_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "epoch-0003.partial").mkdir()
    (tmp_path / "notes").mkdir()
    assert checkpoint.by_epoch(tmp_path) == {}
    assert checkpoint.by_epoch(tmp_path / "missing") == {}


def test_writing_it_again_replaces_it(tmp_path: Path) -> None:
    for text in ("first", "second time"):
        checkpoint.write(tmp_path, 2, holding(text))
    assert (tmp_path / "epoch-0002/state.pt").read_text() == "second time"


def test_a_worker_that_lost_its_driver_does_not_disturb_the_one_that_trains_the_same_epoch_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(directory: Path) -> None:
        with monkeypatch.context() as patched:
            patched.setattr("platform.node", lambda: "another machine")
            checkpoint.check(checkpoint.write(tmp_path, 3, holding("theirs")))
        holding("ours")(directory)

    checkpoint.check(checkpoint.write(tmp_path, 3, save))
    assert (tmp_path / "epoch-0003" / "state.pt").read_text() == "ours"
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-0003"]


def test_what_a_killed_process_leaves_is_swept_up(tmp_path: Path) -> None:
    complete = checkpoint.write(tmp_path, 1, holding("whole"))
    doomed = checkpoint.set_aside(checkpoint.write(tmp_path, 2, holding("doomed")))
    (tmp_path / "epoch-0003.partial").mkdir()
    assert doomed is not None
    assert checkpoint.by_epoch(tmp_path) == {1: complete}
    checkpoint.sweep_up(tmp_path)
    assert list(tmp_path.iterdir()) == [complete]


def test_what_is_not_there_is_not_removed(tmp_path: Path) -> None:
    assert checkpoint.set_aside(tmp_path / "epoch-0001") is None
    checkpoint.remove(tmp_path / "epoch-0001")


def test_what_cannot_be_removed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    complete = checkpoint.write(tmp_path, 1, holding("whole"))
    monkeypatch.setattr(os, "replace", refuse)
    checkpoint.remove(complete)
    assert checkpoint.by_epoch(tmp_path) == {1: complete}
    (tmp_path / "file").touch()
    monkeypatch.undo()
    assert checkpoint.set_aside(tmp_path / "file" / "epoch-0001") is None


# --- damage ------------------------------------------------------------------------------------------------------


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path: Path) -> None:
    first, *rest = path.read_bytes()
    path.write_bytes(bytes([first ^ 1, *rest]))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut, "state.pt: has changed since it was written, so it is damaged; use an earlier one"),
        (flip_a_bit, "state.pt: has changed since it was written, so it is damaged; use an earlier one"),
        (Path.unlink, "state.pt: is missing, so this checkpoint is damaged; use an earlier one"),
    ],
)
def test_damage_is_recognised(tmp_path: Path, damage: Callable[[Path], None], words: str) -> None:
    path = checkpoint.write(tmp_path, 2, holding("whole"))
    checkpoint.check(path)
    damage(path / "state.pt")
    with pytest.raises(CheckpointError, match=words):
        checkpoint.check(path)


@pytest.mark.parametrize("name", ["../secret", "deeper/../../secret", "/etc/passwd"])
def test_a_list_of_checksums_cannot_have_other_files_read(tmp_path: Path, name: str) -> None:
    path = checkpoint.write(tmp_path, 2, holding("whole"))
    (tmp_path / "secret").write_text("secret")
    with (path / "checksums.txt").open("a") as seal:
        seal.write(f"{'0' * 64}  {name}\n")
    with pytest.raises(CheckpointError, match=rf"checksums.txt: names '{name}', which is outside the checkpoint"):
        checkpoint.check(path)


def test_other_programs_read_the_checksums_too(tmp_path: Path) -> None:
    path = checkpoint.write(tmp_path, 2, holding("whole"))
    finished = subprocess.run(
        ["sha256sum", "--check", "checksums.txt"], cwd=path, capture_output=True, text=True, check=True
    )
    assert finished.stdout == "state.pt: OK\n"


def test_a_checkpoint_without_checksums_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_text("whatever")
    checkpoint.check(tmp_path)
