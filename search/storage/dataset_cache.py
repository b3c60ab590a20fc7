"""Data sets at a URI: each node downloads them once, into a folder of limited size.

CACHE/KEY/data/         the files; KEY is a hash of the URI and its listing, so changed files are another data set
CACHE/KEY/fingerprint   sha256 over their names and contents, written last: without it the download is incomplete
CACHE/KEY.lock          exclusive during a download, shared by all processes that use the data; its time is the last use

CACHE is STEADYTUNE_CACHE, or ~/.cache/steadytune. For the URI of a file, the folder that contains it is downloaded.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit, urlunsplit

from search.storage.object_store import Listing, Notify, Storage, print_to_stderr, retry_until_available
from search.sweep.folder import folder_size
from search.sweep.uri import short_name
from trainables import atomic, file_facts
from trainables.errors import DataError

_LOCKS: list[TextIO] = []
"""Shared locks of the data sets that this process uses; held until it ends."""


@dataclass(frozen=True)
class CachedDataset:
    """A data set on this node: its path, and the fingerprint of all its files."""

    path: Path
    fingerprint: str


def cache_folder() -> Path:
    """The folder in which this node keeps downloaded data sets.

    Raises:
        DataError: this user has no home.
    """
    folder = file_facts.cache_folder()
    if folder is None:
        raise DataError("STEADYTUNE_CACHE is not set, and this user has no home; set it to a folder for data sets")
    return folder


def fetch(uri: str, max_gb: float, expected: str | None = None, notify: Notify = print_to_stderr) -> CachedDataset:
    """Return the data set at `uri`, downloading it first if this node does not have it.

    If another process is downloading it, this one waits.

    Args:
        uri: of a folder, or of a file whose folder is the data set.
        max_gb: limit on all downloaded data sets of the node, in 10^9 bytes; the least recently used are removed.
        expected: the fingerprint that the data set must have.
        notify: called when the storage does not answer.

    Raises:
        DataError: the URI is empty, the data set is larger than the limit, or it has another fingerprint.
    """
    file_name = short_name(uri) if retry_until_available(lambda: Storage(uri).is_file(), notify) else ""
    folder_uri = _parent(uri) if file_name else uri
    storage = Storage(folder_uri)
    files = retry_until_available(storage.list_files, notify)
    if not files:
        raise DataError(f"data is {uri}; nothing is there; correct the URI, or upload the data set")
    size = _total_bytes(files)
    if size > max_gb * 1e9:
        raise DataError(f"data is {uri}; it has {size / 1e9:.1f} GB, and data_cache_gb is {max_gb:g}; raise that")
    folder = cache_folder() / _key(folder_uri, files)
    _acquire(folder, storage, files, max_gb, notify)
    actual = (folder / "fingerprint").read_text(encoding="utf-8")
    if expected and actual != expected:
        raise DataError(
            f"data is {uri}; it has the fingerprint {actual[:12]}, but the sweep began with {expected[:12]}; "
            "restore the earlier files, or launch a new sweep"
        )
    return CachedDataset(folder / "data" / file_name, actual)


def _parent(uri: str) -> str:
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(path=parts.path.rpartition("/")[0]))


def _key(uri: str, files: Listing) -> str:
    return hashlib.sha256(repr((uri, sorted(files.items()))).encode()).hexdigest()[:32]


def _acquire(folder: Path, storage: Storage, files: Listing, max_gb: float, notify: Notify) -> None:
    """Complete the data set in `folder` and hold its shared lock, which keeps other processes from removing it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    # flock rather than filelock: one file needs shared and exclusive locks, which go when their process is killed.
    with ExitStack() as stack:
        lock = stack.enter_context(folder.with_suffix(".lock").open("a", encoding="utf-8"))
        while True:
            fcntl.flock(lock, fcntl.LOCK_SH)  # waits while another process downloads
            if (folder / "fingerprint").is_file():
                os.utime(lock.fileno())
                _LOCKS.append(lock)
                stack.pop_all()  # keeps it open
                return
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # another process tries the same
                time.sleep(0.05)
                continue
            if not (folder / "fingerprint").is_file():
                _make_room(folder, _total_bytes(files), max_gb)
                _download(folder, storage, files, notify)


def _download(folder: Path, storage: Storage, files: Listing, notify: Notify) -> None:
    """Download what an earlier, interrupted download lacks, then write the fingerprint."""
    for name, (size, _) in files.items():
        target = folder / "data" / name
        if not target.is_file() or target.stat().st_size != size:
            retry_until_available(partial(storage.fetch, name, target), notify)
    for path in [path for path in (folder / "data").rglob("*") if path.is_file()]:
        if path.relative_to(folder / "data").as_posix() not in files:  # half of a file, from a killed download
            path.unlink()
    atomic.write_file(folder / "fingerprint", fingerprint(folder / "data"))


def fingerprint(folder: Path) -> str:
    """sha256 over the lines `sha256sum` would print of all files in `folder`, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            file_digest = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{file_digest}  {path.relative_to(folder).as_posix()}\n".encode())
    return digest.hexdigest()


def _make_room(folder: Path, size: int, max_gb: float) -> None:
    """Remove data sets that no process uses, least recently used first, until `size` more bytes fit."""
    locks = sorted(folder.parent.glob("*.lock"), key=lambda path: path.stat().st_mtime)
    others = [path.with_suffix("") for path in locks if path.with_suffix("") != folder]
    free = max_gb * 1e9 - size - sum(folder_size(other) for other in others)
    for other in others:
        if free >= 0:
            return
        with other.with_suffix(".lock").open("a", encoding="utf-8") as lock, suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free += folder_size(other)
            (other / "fingerprint").unlink(missing_ok=True)  # first: a half-removed data set must not look complete
            shutil.rmtree(other, ignore_errors=True)


def _total_bytes(files: Listing) -> int:
    return sum(size for size, _ in files.values())
