"""Data sets that lie at a URI: fetched once a node, into a folder of bounded size.

CACHE/KEY/data/         the files; KEY follows from the URI and its listing, so other files there are another data set
CACHE/KEY/fingerprint   sha256 over their names and contents, written last: without it the fetch was cut short
CACHE/KEY.lock          held by one process while it fetches, shared by all that use it; when it was last used

CACHE is STEADYTUNE_CACHE, or ~/.cache/steadytune. Of a URI of a file, the folder that the file lies in is fetched.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit, urlunsplit

from search.storage.object_store import Say, Storage, on_stderr, patiently
from search.sweep.uri import short_name
from trainables.errors import DataError

_IN_USE: list[TextIO] = []
"""The locks of what this process uses; it holds them until it ends."""

Listing = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Fetched:
    """A data set on this node: where it is, and the fingerprint of all its files."""

    path: Path
    fingerprint: str


def cache_folder() -> Path:
    """Where this node keeps fetched data sets."""
    return Path(os.environ.get("STEADYTUNE_CACHE") or Path.home() / ".cache" / "steadytune")


def fetch(uri: str, max_gb: float, expected: str | None = None, say: Say = on_stderr) -> Fetched:
    """The data set at `uri` on this node, fetched if it is not there yet; another process' fetch is waited for.

    Args:
        uri: of a folder, or of a file whose folder is the data set.
        max_gb: bound on all fetched data sets of the node; those not used for longest make room.
        expected: the fingerprint that it must have.
        say: told of a storage that does not answer.

    Raises:
        DataError: nothing is there, it is larger than the bound, or it has another fingerprint.
    """
    name = short_name(uri) if patiently(lambda: Storage(uri).is_file(), say) else ""
    folder = _parent(uri) if name else uri
    storage = Storage(folder)
    files = patiently(storage.names, say)
    if not files:
        raise DataError(f"data is {uri}; nothing is there; mend the URI, or upload the data set")
    size = sum(size for size, _ in files.values())
    if size > max_gb * 1e9:
        raise DataError(f"data is {uri}; it has {size / 1e9:.1f} GB, and data_cache_gb is {max_gb:g}; raise that")
    own = cache_folder() / _key(folder, files)
    _hold(own, storage, files, max_gb, say)
    found = (own / "fingerprint").read_text(encoding="utf-8")
    if expected and found != expected:
        raise DataError(
            f"data is {uri}; it has the fingerprint {found[:12]}, but the sweep began with {expected[:12]}; "
            "put back what was there, or launch a new sweep"
        )
    return Fetched(own / "data" / name, found)


def _parent(uri: str) -> str:
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(path=parts.path.rpartition("/")[0]))


def _key(uri: str, files: Listing) -> str:
    return hashlib.sha256(repr((uri, sorted(files.items()))).encode()).hexdigest()[:32]


def _hold(own: Path, storage: Storage, files: Listing, max_gb: float, say: Say) -> None:
    """Return when the data set is there whole and this process has its share of the lock, so that nobody removes it."""
    own.parent.mkdir(parents=True, exist_ok=True)
    lock = own.with_suffix(".lock").open("a", encoding="utf-8")
    while True:
        fcntl.flock(lock, fcntl.LOCK_SH)  # waits for another process' fetch
        if (own / "fingerprint").is_file():
            os.utime(lock.fileno())
            _IN_USE.append(lock)
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another process is at the same point
            time.sleep(0.05)
            continue
        if not (own / "fingerprint").is_file():
            _make_room(own, sum(size for size, _ in files.values()), max_gb)
            _fill(own, storage, files, say)


def _fill(own: Path, storage: Storage, files: Listing, say: Say) -> None:
    """Fetch what an earlier fetch, cut short, has not, and seal it."""
    for name, (size, _) in files.items():
        target = own / "data" / name
        if not target.is_file() or target.stat().st_size != size:
            patiently(partial(storage.fetch, name, target), say)
    unsealed = own / "fingerprint.partial"
    unsealed.write_text(fingerprint(own / "data"), encoding="utf-8")
    unsealed.rename(own / "fingerprint")


def fingerprint(folder: Path) -> str:
    """sha256 over the lines `sha256sum` would print of all files in `folder`, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            own = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{own}  {path.relative_to(folder).as_posix()}\n".encode())
    return digest.hexdigest()


def _make_room(own: Path, size: int, max_gb: float) -> None:
    """Remove data sets that no process uses, the one used longest ago first, until `size` more bytes fit."""
    locks = sorted(own.parent.glob("*.lock"), key=lambda path: path.stat().st_mtime)
    others = [path.with_suffix("") for path in locks if path.with_suffix("") != own]
    room = max_gb * 1e9 - size - sum(map(_bytes, others))
    for other in others:
        if room >= 0:
            return
        with other.with_suffix(".lock").open("a", encoding="utf-8") as lock, suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            room += _bytes(other)
            (other / "fingerprint").unlink(missing_ok=True)
            shutil.rmtree(other, ignore_errors=True)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file())
