"""What was found out about a file is known again while the file is the same, and never otherwise."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import REPOSITORY
from trainables.errors import DataError
from trainables.file_facts import FileFacts, cache_folder, stamp_of
from trainables.limits import limits

DAY = 86400 * 10**9
LATER = 2**62
"""ns since 1970: a clock by which every file is old."""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "files.sqlite"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"before")
    return path


def opened(store: Path | None, now: int = LATER) -> FileFacts:
    return FileFacts(store, clock=lambda: now)


def read_again(file: Path, store: Path) -> bool:
    """Whether a new process would have to read `file`."""
    facts = opened(store)
    facts.digest(file)
    facts.save()
    return facts.read_count == 1


def test_a_file_is_read_once_by_all_processes(file: Path, store: Path) -> None:
    assert read_again(file, store)
    assert not read_again(file, store)


def test_a_change_that_keeps_size_and_time_is_noticed(file: Path, store: Path) -> None:
    assert read_again(file, store)
    before = file.stat()
    file.write_bytes(b"after!")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert read_again(file, store)


def test_a_copy_in_its_place_with_its_time_is_noticed(file: Path, store: Path) -> None:
    before = opened(store).digest(file)
    other = file.with_suffix(".new")
    other.write_bytes(b"after!")
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.replace(file)
    assert opened(store).digest(file) != before


def test_a_file_that_may_still_be_changing_is_not_kept(file: Path, store: Path) -> None:
    os.utime(file, ns=(10**18 + 1, 10**18 + 1))
    for now, is_kept in ((10**18 + 10**7, False), (10**18 + 10**9, True)):
        facts = opened(store, now)
        facts.digest(file)
        assert (facts.recall(str(file), "sha256", stamp_of(file.stat())) is not None) == is_kept


def garbage(store: Path) -> None:
    store.write_bytes(b"no database at all" * 1000)


def half(store: Path) -> None:
    os.truncate(store, store.stat().st_size // 2)


def flipped(store: Path) -> None:
    """One bit of each value is another."""
    with sqlite3.connect(store) as database:
        (value,) = database.execute("SELECT value FROM facts_1").fetchone()
        database.execute("UPDATE facts_1 SET value = ?", (value[:-1] + bytes([value[-1] ^ 1]),))


def other_version(store: Path) -> None:
    store.unlink()
    with sqlite3.connect(store) as database:
        database.execute("CREATE TABLE facts_1 (something TEXT)")


DAMAGES = (garbage, half, flipped, other_version)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_costs_time_and_nothing_else(damage: Callable[[Path], None], file: Path, store: Path) -> None:
    right = opened(None).digest(file)
    assert read_again(file, store)
    damage(store)
    facts = opened(store)
    assert facts.digest(file) == right
    assert facts.read_count == 1
    facts.save()


@pytest.mark.parametrize("damage", [garbage, half, flipped])
def test_a_damaged_cache_is_made_anew(damage: Callable[[Path], None], file: Path, store: Path) -> None:
    read_again(file, store)
    damage(store)
    read_again(file, store)
    read_again(file, store)
    assert not read_again(file, store)


def test_a_cache_that_cannot_be_written_is_done_without(file: Path, tmp_path: Path) -> None:
    (tmp_path / "no folder").write_text("")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for store in (tmp_path / "no folder" / "files.sqlite", tmp_path / "pipe", tmp_path / "folder", None):
        facts = opened(store)
        facts.digest(file)
        facts.save()
        assert facts.read_count == 1


def test_a_busy_cache_is_done_without(file: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainables.file_facts._BUSY_SECONDS", 0.01)
    read_again(file, store)
    with sqlite3.connect(store) as database:
        database.execute("BEGIN EXCLUSIVE")
        assert read_again(file, store)
    assert not read_again(file, store)


def test_names_that_are_no_text_are_known_again(tmp_path: Path, store: Path) -> None:
    file = tmp_path / os.fsdecode(b"caf\xe9 \xff.jpg")
    file.write_bytes(b"content")
    assert read_again(file, store)
    assert not read_again(file, store)


def test_the_cache_forgets_what_was_not_used_for_longest(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEADYTUNE_MAX_CACHE_BYTES", "40000")
    limits.cache_clear()
    try:
        for day in range(1, 8):
            folder = tmp_path / str(day)
            folder.mkdir()
            facts = opened(store, LATER + day * DAY)
            for number in range(60):
                (folder / str(number)).write_bytes(b"")
                facts.digest(folder / str(number))
            facts.save()
            assert store.stat().st_size <= 60_000
        assert not read_again(tmp_path / "7" / "0", store)
        assert read_again(tmp_path / "1" / "0", store)
    finally:
        limits.cache_clear()


def test_several_processes_write_at_once(tmp_path: Path, store: Path) -> None:
    files = [tmp_path / f"{number}.bin" for number in range(40)]
    for file in files:
        file.write_bytes(file.name.encode())
    program = (
        "import sys; from pathlib import Path; from trainables.file_facts import FileFacts\n"
        "for path in sys.argv[2:]:\n"
        "    facts = FileFacts(Path(sys.argv[1]), clock=lambda: 2**62); facts.digest(Path(path)); facts.save()\n"
    )
    shares = [files[start::4] for start in range(4)]
    commands = [[sys.executable, "-c", program, str(store), *map(str, share)] for share in shares]
    running = [subprocess.Popen(command, cwd=REPOSITORY) for command in commands]
    assert [process.wait() for process in running] == [0] * 4
    assert not any(read_again(file, store) for file in files)


def test_a_pipe_or_a_device_is_refused(tmp_path: Path, store: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(DataError, match="is no regular file"):
            opened(store).digest(file)


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADYTUNE_CACHE", "/somewhere")
    assert cache_folder() == Path("/somewhere")
    monkeypatch.delenv("STEADYTUNE_CACHE")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder() == Path("/home/someone/.cache/steadytune")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert cache_folder() is None
