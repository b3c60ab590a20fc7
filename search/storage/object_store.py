"""Files under one URI of any file system that pyarrow knows: a folder, `s3://bucket/folder`, `gs://…`.

A file is there whole or not at all: an object store puts it in place when its last byte has come, in a folder it is
renamed into its place. Credentials (AWS_ACCESS_KEY_ID and the like) come from the environment, never from the URI.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
from pyarrow import fs

from search.sweep.uri import EXAMPLE, check_place
from trainables.errors import SettingsError, first_line

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 15.0
"""Between two tries while a storage is away; each is twice as long as the one before."""
DELETIONS = 8
"""At a time: some servers take a second for one."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_PARTIAL = ".partial"
_MENDS = (
    ("NO_SUCH_BUCKET", "make the bucket, or mend its name"),
    (
        "ACCESS_DENIED|SIGNATURE_DOES_NOT_MATCH|INVALID_ACCESS_KEY_ID|403",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ),
    ("NETWORK_CONNECTION|REQUEST_TIMEOUT", "start the server, or mend endpoint_override (and region)"),
)

Result = TypeVar("Result")
Say = Callable[[str], None]


class Storage:
    """What lies under `uri`, or in the folder `within` of it, by names such as `journal/1.parquet`.

    Raises (here and from every method):
        OSError: it cannot be reached or refuses; FileNotFoundError if a single file is not there.
        ValueError: no URI of a file system that there is.
    """

    def __init__(self, uri: str, within: str = "") -> None:
        # Contents are checked by sha256 here; servers older than 2025 refuse the checksums that Amazon's client adds.
        os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
        if uri.startswith("s3://") and "allow_delayed_open" not in uri:  # a small file takes one request, not three
            uri += f"{'&' if '?' in uri else '?'}allow_delayed_open=true"
        self._files, base = fs.FileSystem.from_uri(uri)
        self._base = "/".join(part for part in (base.rstrip("/"), within) if part)
        self._in_folder = self._files.type_name == "local"

    def write(self, name: str, source: bytes | Path) -> None:
        """Put a file there in place of one of that name."""
        target = f"{self._base}/{name}"
        at = f"{target}.{secrets.token_hex(4)}{_PARTIAL}" if self._in_folder else target
        if self._in_folder:
            self._files.create_dir(target.rpartition("/")[0], recursive=True)
        if isinstance(source, bytes):
            with self._files.open_output_stream(at) as file:
                file.write(source)
        else:
            fs.copy_files(str(source), at, source_filesystem=fs.LocalFileSystem(), destination_filesystem=self._files)
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if (came := self._files.get_file_info(at).size) != size:
            raise OSError(f"{name} came to the storage with {came} of its {size} bytes")
        if self._in_folder:
            self._files.move(at, target)

    def read(self, name: str) -> bytes:
        """The contents of a file."""
        with self._files.open_input_stream(f"{self._base}/{name}") as file:
            return bytes(file.read())

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file to `target`, whole or not at all."""
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}{_PARTIAL}")
        source = f"{self._base}/{name}"
        fs.copy_files(source, str(partial), source_filesystem=self._files, destination_filesystem=fs.LocalFileSystem())
        os.replace(partial, target)

    def names(self, folder: str = "") -> dict[str, tuple[int, int]]:
        """All files in `folder` and its folders, with their bytes and when they were written (ns); none if none.

        Left out is what would leave its folder on a disk: an object's name may have `..` in it.
        """
        selected = fs.FileSelector(f"{self._base}/{folder}".rstrip("/"), recursive=True, allow_not_found=True)
        found = [one for one in self._files.get_file_info(selected) if one.is_file]
        named = {one.path[len(self._base) + 1 :]: (one.size, one.mtime_ns) for one in found}
        return {name: about for name, about in named.items() if ".." not in name.split("/")}

    def is_file(self) -> bool:
        """Whether the URI is that of a file."""
        return bool(self._files.get_file_info(self._base).is_file)

    def folders(self) -> list[str]:
        """The folders directly here; none if there is nothing yet. Whether there is a bucket shows here, too."""
        try:
            found = self._files.get_file_info(fs.FileSelector(self._base))
        except FileNotFoundError:
            return []
        return sorted(one.base_name for one in found if not one.is_file)

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""
        with suppress(FileNotFoundError):
            self._files.delete_file(f"{self._base}/{name}")

    def clear(self) -> None:
        """Delete everything, if there is anything."""
        with suppress(FileNotFoundError):
            self._files.delete_dir(self._base)

    def remove(self, folders: list[str], first: str) -> None:
        """Delete folders that are there; in each the file `first` goes first."""

        def one(folder: str) -> None:
            self.delete(f"{folder}/{first}")
            with suppress(FileNotFoundError):
                self._files.delete_dir(f"{self._base}/{folder}")

        with ThreadPoolExecutor(DELETIONS, "delete") as several:
            list(several.map(one, folders))


def opened(field: str, uri: str, within: str = "") -> Storage:
    """The storage at `uri`, the value of `field`, once it has answered.

    Raises:
        SettingsError: there is none, it does not answer or it refuses.
    """
    check_place(field, uri)
    try:
        storage = Storage(uri, within)
        if not storage.is_file():
            storage.folders()
    except pa.ArrowInvalid as error:
        raise SettingsError(f"{field} is {uri}; {line(error)}; it must be one such as {EXAMPLE}") from None
    except OSError as error:
        raise _refused(field, uri, error) from None
    return storage


def check_storage(field: str, uri: str) -> None:
    """Whether one can write to `uri`, the value of `field`; takes seconds.

    Raises:
        SettingsError: one cannot.
    """
    storage, probe = opened(field, uri), f".probe-{secrets.token_hex(8)}"
    try:
        storage.write(probe, probe.encode())
        storage.delete(probe)
    except OSError as error:
        raise _refused(field, uri, error) from None


def _refused(field: str, uri: str, error: OSError) -> SettingsError:
    fix = next((fix for known, fix in _MENDS if re.search(known, str(error))), "see whether it can be written there")
    return SettingsError(f"{field} is {uri}; it cannot be used ({line(error)}); {fix}")


def line(error: Exception) -> str:
    """What an error says, on one line of a sentence."""
    return re.sub(r" *\(Request ID: [^)]*\)", "", first_line(error))[:300].rstrip(".: ")


def on_stderr(words: str) -> None:
    """Says something where no terminal is at hand."""
    print(words, file=sys.stderr, flush=True)


def patiently(
    action: Callable[[], Result],
    say: Say = on_stderr,
    wait: Callable[[float], object] = time.sleep,
) -> Result:
    """What `action` gives, tried until the storage answers; `say` is told once that it is away, and that it is back.

    A full disk is raised at once, and any error if `wait`, which waits so many seconds, says that it is to be the last.
    """
    pause, began = FIRST_PAUSE_SECONDS, time.monotonic()
    while True:
        try:
            result = action()
        except OSError as error:
            if error.errno in _FULL:
                raise
            if pause == FIRST_PAUSE_SECONDS:
                say(f"The storage does not answer; nothing is lost, it is tried again until it does ({line(error)}).")
            if wait(pause):
                raise
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            continue
        if pause > FIRST_PAUSE_SECONDS:
            say(f"The storage answers again, after {time.monotonic() - began:.0f} s.")
        return result
