"""A cache of facts about files, such as a picture's size and digest, so that a data set is opened faster the next time.

It is an SQLite file, `files.sqlite` in the user's cache folder, for all data sets and all processes of this user:
`check`, `launch` and the workers together read each file once. A fact holds while the file's size, times of
modification and of change, and inode are the same. Programs cannot set the time of change, so a copy that keeps the
old time of modification is noticed. The cache may be deleted at any time, damaged, or impossible to write: then files
are read again.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from trainables.errors import DataError
from trainables.limits import limits

SETTLED_NS = 10**8
"""A file that was modified less than this before it was read may change again within one step of its file system's
clock (10 ms on Linux), so facts about it are not kept. Git treats such files likewise ("racy git")."""
COARSE_SETTLED_NS = 2 * 10**9
"""The same where times are whole seconds (FAT: every second one)."""
STORE = "files.sqlite"
IMAGE = "image 4"
"""The kind of what is known of a picture (`trainables.vision.image_facts`); its first 32 bytes are its SHA-256."""
_TABLE = "facts_1"
_STAMP = struct.Struct("<qqqQ")
_CHECKSUM = struct.Struct("<I")
_BUSY_SECONDS = 2.0

Stamp = bytes
"""Size, times of modification and of change in ns, and inode, packed."""


def cache_folder() -> Path | None:
    """STEADYTUNE_CACHE, or ~/.cache/steadytune; None for a user without a home."""
    variable = os.environ.get("STEADYTUNE_CACHE")
    home = os.path.expanduser("~")  # as it is where there is no home
    return Path(variable) if variable else Path(home) / ".cache" / "steadytune" if os.path.isabs(home) else None


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp of a file: as long as it stays the same, the file has not changed."""
    return _STAMP.pack(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


class FileFacts:
    """Facts by file and kind. A kind names what the fact is, how it is written, and its version, such as "image 1".

    Args:
        store: the SQLite file; None to remember nothing beyond this object.
        clock: ns since 1970, to compare with the files' times.
    """

    def __init__(self, store: Path | None, clock: Callable[[], int] = time.time_ns) -> None:
        self._store = store
        self._clock = clock
        self._by_folder: dict[tuple[str, str], dict[str, tuple[Stamp, bytes]]] = {}
        self._new: dict[tuple[str, str], dict[str, tuple[Stamp, bytes]]] = {}
        self.read_count = 0
        """How many files were read because there was no fact about them."""

    def recall(self, file: str, kind: str, stamp: Stamp) -> bytes | None:
        """The fact of `kind` about `file` (an absolute path), if the file is as it was then."""
        folder, _, name = file.rpartition("/")
        facts = self._by_folder.get((folder, kind))
        if facts is None:
            facts = self._by_folder[folder, kind] = self._load(folder, kind)
        fact = facts.get(name)
        return fact[1] if fact is not None and fact[0] == stamp else None

    def keep(self, file: str, kind: str, status: os.stat_result, value: bytes) -> None:
        """Note a fact about `file` (an absolute path). `status` is from before the file was read."""
        self.read_count += 1
        margin = SETTLED_NS if status.st_mtime_ns % 10**9 else COARSE_SETTLED_NS
        if self._clock() - status.st_mtime_ns < margin:
            return
        folder, _, name = file.rpartition("/")
        entry = stamp_of(status), value
        self._by_folder.setdefault((folder, kind), {})[name] = entry
        self._new.setdefault((folder, kind), {})[name] = entry

    def digest(self, file: Path) -> str:
        """SHA-256 of the contents of `file`, or of what a link leads to, as hexadecimal digits.

        Raises:
            DataError: it cannot be read, or is no regular file.
        """
        path = os.path.abspath(file)
        try:
            status = os.stat(path)
            known_digest = self.recall(path, "sha256", stamp_of(status))
            if known_digest is not None:
                return known_digest.hex()
            if not stat.S_ISREG(status.st_mode):
                raise DataError(f"{file}: is no regular file; replace or remove it")
            with open(path, "rb") as opened:
                status = os.fstat(opened.fileno())
                value = hashlib.file_digest(opened, "sha256").digest()
        except OSError as error:
            raise DataError(f"{file}: cannot be read ({error.strerror}); check the path and its rights") from None
        self.keep(path, "sha256", status, value)
        return value.hex()

    def save(self) -> None:
        """Write what is new into the store. Nothing is written if another process holds it, or it cannot be written."""
        if self._store is None or not self._new or (self._store.exists() and not self._store.is_file()):
            return
        day = self._clock() // (86400 * 10**9)
        rows = [
            (os.fsencode(folder), kind, os.fsencode(name), stamp, _sealed(stamp, value), day)
            for (folder, kind), facts in self._new.items()
            for name, (stamp, value) in facts.items()
        ]
        with self._mending(), suppress(OSError):
            self._store.parent.mkdir(parents=True, exist_ok=True)
            with closing(_connect(self._store)) as database, database:
                database.execute(
                    f"CREATE TABLE IF NOT EXISTS {_TABLE} (folder BLOB, kind TEXT, name BLOB, stamp BLOB, value BLOB, "
                    "used INTEGER, PRIMARY KEY (folder, kind, name)) WITHOUT ROWID"
                )
                database.executemany(f"INSERT OR REPLACE INTO {_TABLE} VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._new.clear()
            if self._store.stat().st_size > limits().cache_bytes:
                with closing(_connect(self._store)) as database:
                    _shrink(database, limits().cache_bytes // 2)

    def _load(self, folder: str, kind: str) -> dict[str, tuple[Stamp, bytes]]:
        if self._store is None or not self._store.is_file():
            return {}
        facts: dict[str, tuple[Stamp, bytes]] = {}
        with self._mending(), closing(_connect(self._store)) as database:
            query = f"SELECT name, stamp, value FROM {_TABLE} WHERE folder = ? AND kind = ?"
            for name, stamp, sealed in database.execute(query, (os.fsencode(folder), kind)):
                value = _opened(stamp, sealed)
                if value is not None:
                    facts[os.fsdecode(name)] = stamp, value
            with suppress(sqlite3.OperationalError), database:  # a store that cannot be written can be read
                day = self._clock() // (86400 * 10**9)
                used = f"UPDATE {_TABLE} SET used = ? WHERE folder = ? AND kind = ? AND used < ?"
                database.execute(used, (day, os.fsencode(folder), kind, day))
        return facts

    @contextmanager
    def _mending(self) -> Iterator[None]:
        """Delete a damaged store. One that is busy, or of another version, is left alone."""
        try:
            yield
        except sqlite3.OperationalError:
            return
        except sqlite3.DatabaseError:
            with suppress(OSError):
                assert self._store is not None
                self._store.unlink()


@contextmanager
def file_facts() -> Iterator[FileFacts]:
    """The facts in the user's store. New ones are written at the end of the block, even if the block raises."""
    folder = cache_folder()
    facts = FileFacts(folder / STORE if folder else None)
    try:
        yield facts
    finally:
        facts.save()


def _connect(store: Path) -> sqlite3.Connection:
    return sqlite3.connect(store, timeout=_BUSY_SECONDS)


def _sealed(stamp: Stamp, value: bytes) -> bytes:
    return _CHECKSUM.pack(zlib.crc32(value, zlib.crc32(stamp))) + value


def _opened(stamp: object, sealed: object) -> bytes | None:
    """The value; None if its checksum is wrong, since the disk has damaged it."""
    if not isinstance(stamp, bytes) or not isinstance(sealed, bytes) or len(sealed) < _CHECKSUM.size:
        return None
    value = sealed[_CHECKSUM.size :]
    return value if _sealed(stamp, value) == sealed else None


def _shrink(database: sqlite3.Connection, most_bytes: int) -> None:
    """Delete the facts of the folders that were not used for longest, until about `most_bytes` are left."""
    query = (
        f"SELECT folder, sum(length(folder) + length(name) + length(value) + 64) FROM {_TABLE} "
        "GROUP BY folder ORDER BY max(used) DESC"
    )
    total = 0
    with database:
        for folder, size in database.execute(query).fetchall():
            total += size
            if total > most_bytes:
                database.execute(f"DELETE FROM {_TABLE} WHERE folder = ?", (folder,))
    database.execute("VACUUM")
