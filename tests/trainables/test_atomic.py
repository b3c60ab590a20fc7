"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainables import atomic


def fail(*_: object) -> None:
    raise OSError("no space left on device")


def test_a_file_replaces_the_one_of_its_name(tmp_path: Path) -> None:
    for content in ("first", b"second"):
        assert atomic.write_file(tmp_path / "notes.txt", content) == tmp_path / "notes.txt"
    assert (tmp_path / "notes.txt").read_bytes() == b"second"
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_text_is_utf_8_with_its_line_ends_as_they_are(tmp_path: Path) -> None:
    assert atomic.write_file(tmp_path / "notes.txt", "µ\n").read_bytes() == b"\xc2\xb5\n"


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = atomic.write_file(tmp_path / "notes.txt", "old")
    with atomic.new_file(target) as partial:
        partial.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


def test_a_file_that_fails_half_way_leaves_the_old_one_alone(tmp_path: Path) -> None:
    target = atomic.write_file(tmp_path / "notes.txt", "old")

    def write_half() -> None:
        with atomic.new_file(target) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        atomic.write_file(tmp_path / "missing" / "notes.txt", "text")


def test_a_durable_file_is_forced_to_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, steps = tmp_path / "notes.txt", []
    monkeypatch.setattr(atomic, "force", lambda path: steps.append((path.name, target.exists())))
    atomic.write_file(target, "text", durable=True)
    assert steps == [(".notes.txt.partial", False), (tmp_path.name, True)]


def test_forcing_takes_files_and_folders(tmp_path: Path) -> None:
    atomic.write_file(tmp_path / "notes.txt", "text", durable=True)
    assert (tmp_path / "notes.txt").read_text() == "text"


def test_a_folder_replaces_the_one_of_its_name(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with atomic.new_folder(tmp_path / "above" / "export") as partial:
            (partial / name).touch()
    assert [path.name for path in (tmp_path / "above").iterdir()] == ["export"]
    assert [path.name for path in (tmp_path / "above" / "export").iterdir()] == ["second"]


def test_a_folder_that_fails_half_way_leaves_the_old_one_alone(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "old").touch()

    def write_half() -> None:
        with atomic.new_folder(tmp_path / "export") as partial:
            (partial / "half").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert [path.name for path in tmp_path.iterdir()] == ["export"]
    assert [path.name for path in (tmp_path / "export").iterdir()] == ["old"]


def test_what_a_killed_process_left_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / ".export.partial").mkdir()
    (tmp_path / ".export.partial" / "half").touch()
    with atomic.new_folder(tmp_path / "export"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["export"]
    assert list((tmp_path / "export").iterdir()) == []


def test_of_two_processes_the_first_ones_folder_stays(tmp_path: Path) -> None:
    target = tmp_path / "sample"

    def write_late() -> None:
        with atomic.new_folder_once(target) as partial:
            (partial / "late").touch()
            target.mkdir()
            (target / "other").touch()

    with pytest.raises(OSError, match="not empty"):
        write_late()
    assert [path.name for path in target.iterdir()] == ["other"]
    assert list(tmp_path.iterdir()) == [target]


def test_two_processes_do_not_write_to_one_partial_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with atomic.new_folder_once(tmp_path / "sample") as partial:
        monkeypatch.setattr(os, "getpid", lambda: 1)
        with atomic.new_folder_once(tmp_path / "sample") as other:
            assert partial != other


@pytest.mark.parametrize("folder", [atomic.new_folder, atomic.new_folder_once])
def test_a_folder_that_cannot_be_renamed_is_removed(
    folder: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "replace", fail)
    assert callable(folder)
    with pytest.raises(OSError, match="no space"), folder(tmp_path / "export"):
        pass
    assert list(tmp_path.iterdir()) == []
