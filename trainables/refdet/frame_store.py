"""Decoded frames on disk, in a file that belongs to this process alone and is gone when it ends, however it ends.

Sought in its video, a frame of 1080p costs a quarter of a second of CPU time; read again from this file, under a
millisecond. Raw pixels, because JPEG would change them and PNG costs more time than it saves.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainables.file_facts import cache_folder

SHARE_OF_FREE = 0.5
"""Of the free space of the cache's disk, how much may be taken: others write there too."""
Picture = NDArray[np.uint8]


class _Entry(NamedTuple):
    offset: int
    shape: tuple[int, int]


class FrameStore:
    """Pictures (h, w, 3) by a key, up to `limit` bytes, written once and read any number of times by any thread.

    Without a cache folder, or when the disk is full, it keeps nothing more, and says so by `keep`.

    Args:
        limit: in bytes; 0 for no file at all.
        folder: where the file is; the user's cache folder if not given.
    """

    def __init__(self, limit: int, folder: Path | None = None) -> None:
        self.bytes = 0
        self._limit = limit
        self._folder = folder or cache_folder()
        self._file: IO[bytes] | None = None
        self._entries: dict[object, _Entry] = {}
        self._lock = threading.Lock()

    def room(self, count: int) -> bool:
        """Whether a picture of so many bytes may be kept."""
        with self._lock:
            return self._has_room(count)

    def keep(self, key: object, picture: Picture) -> bool:
        """Write `picture` down; whether it is there."""
        with self._lock:
            if key in self._entries:
                return True
            if not self._has_room(picture.nbytes):
                return False
            assert self._file is not None
            try:
                written = os.pwrite(self._file.fileno(), np.ascontiguousarray(picture).data, self.bytes)
            except OSError:
                written = 0
            if written < picture.nbytes:  # the disk is full; what was written before stays
                self._limit = self.bytes
                return False
            self._entries[key] = _Entry(self.bytes, (picture.shape[0], picture.shape[1]))
            self.bytes += picture.nbytes
            return True

    def get(self, key: object) -> Picture | None:
        """The picture that was kept under `key`; None if there is none, or its disk cannot be read."""
        entry = self._entries.get(key)
        if entry is None or self._file is None:
            return None
        picture = np.empty((*entry.shape, 3), dtype=np.uint8)
        try:
            read = os.preadv(self._file.fileno(), [picture.data], entry.offset)
        except OSError:
            return None
        return picture if read == picture.nbytes else None

    def _has_room(self, count: int) -> bool:
        return self.bytes + count <= self._limit and self._opened()

    def _opened(self) -> bool:
        """Whether there is a file, which is made when it is first needed; the caller holds the lock."""
        if self._file is None and self._limit:
            try:
                if self._folder is None:  # a user without a home
                    raise FileNotFoundError
                self._folder.mkdir(parents=True, exist_ok=True)
                self._limit = min(self._limit, int(SHARE_OF_FREE * shutil.disk_usage(self._folder).free))
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  # as long as this object
            except OSError:
                self._limit = 0
        return self._file is not None
