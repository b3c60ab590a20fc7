"""Files under one URI of any file system that pyarrow supports: a folder, `s3://bucket/folder`, `gs://…`.

A file is complete or absent: an object store publishes it after its last byte; in a folder it is written under another
name and renamed. Credentials (AWS_ACCESS_KEY_ID and the like) come from the environment, never from the URI.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import tenacity
from pyarrow import fs

from search.sweep.uri import EXAMPLE, check_uri
from trainables import atomic
from trainables.errors import SettingsError, first_line

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 15.0
"""Pauses between attempts while a storage does not answer: each is twice the one before, up to the longest."""
PARALLEL_REQUESTS = 8
"""Files written or copied, or folders deleted, at a time: some servers take seconds for each answer."""
CONNECT_SECONDS, REQUEST_SECONDS = 10, 20
"""How long an S3 server may take to accept a connection, and may be silent during a request. By default Amazon's client
gives up after 3 s, so a slower server could never be used; and Arrow then tries 30 times, so that the user hears of a
stopped server only after a minute and a half."""
ATTEMPTS = 2
"""How often one request is tried. After that `retry_until_available` tells the user, and goes on trying."""

_ONLY_IN_URI = re.compile(r"[?&](tls_ca_dir_path|tls_verify_certificates|smart_defaults)=")
"""Options that a URI can give and Arrow's class for S3 cannot take; with them its own timeouts stay."""
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_FIXES = (
    ("NO_SUCH_BUCKET", "make the bucket, or correct its name"),
    (
        "ACCESS_DENIED|SIGNATURE_DOES_NOT_MATCH|INVALID_ACCESS_KEY_ID|403",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ),
    ("NETWORK_CONNECTION|REQUEST_TIMEOUT", "start the server, or correct endpoint_override (and region)"),
)
"""Patterns of error messages, and the advice that goes with each."""

Result = TypeVar("Result")
Notify = Callable[[str], None]
Listing = dict[str, tuple[int, int]]
"""File name to size in bytes and time of last change in nanoseconds."""


class Storage:
    """The files under `uri`, or under its subfolder `folder`, by names such as `journal/1.parquet`.

    Raises (from the constructor and every method):
        OSError: the storage cannot be reached or refuses; FileNotFoundError if a single file is absent.
        ValueError: the URI's file system is unknown.
    """

    def __init__(self, uri: str, folder: str = "") -> None:
        # Servers older than 2025 refuse the checksums that Amazon's client adds; we check contents by sha256 ourselves.
        os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
        if uri.startswith("s3://") and "allow_delayed_open" not in uri:  # a small file takes one request, not three
            uri += f"{'&' if '?' in uri else '?'}allow_delayed_open=true"
        self._files, base = fs.FileSystem.from_uri(uri)
        if isinstance(self._files, fs.S3FileSystem) and not _ONLY_IN_URI.search(uri):
            self._files = _with_timeouts(self._files)
        self._base = "/".join(part for part in (base.rstrip("/"), folder) if part)
        self._is_local = self._files.type_name == "local"

    def write(self, name: str, source: bytes | Path) -> None:
        """Write a file, replacing one of the same name.

        Args:
            name: of the file at the storage.
            source: its contents, or the path of a local file.
        """
        target = f"{self._base}/{name}"
        written_to = f"{target}.{secrets.token_hex(4)}{atomic.PARTIAL}" if self._is_local else target
        if self._is_local:
            self._files.create_dir(target.rpartition("/")[0], recursive=True)
        if isinstance(source, bytes):
            with self._files.open_output_stream(written_to) as file:
                file.write(source)
        else:
            local = fs.LocalFileSystem()
            fs.copy_files(str(source), written_to, source_filesystem=local, destination_filesystem=self._files)
        expected = len(source) if isinstance(source, bytes) else source.stat().st_size
        if (stored := self._files.get_file_info(written_to).size) != expected:
            raise OSError(f"{name} came to the storage with {stored} of its {expected} bytes")
        if self._is_local:
            self._files.move(written_to, target)

    def write_all(self, sources: Mapping[str, bytes | Path]) -> None:
        """Write files, in no order, `PARALLEL_REQUESTS` at a time."""
        with ThreadPoolExecutor(PARALLEL_REQUESTS, "write") as pool:
            list(pool.map(self.write, sources.keys(), sources.values()))

    def read(self, name: str) -> bytes:
        """The contents of a file."""
        with self._files.open_input_stream(f"{self._base}/{name}") as file:
            return bytes(file.read())

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file to the local path `target`, completely or not at all."""
        target.parent.mkdir(parents=True, exist_ok=True)
        source, local = f"{self._base}/{name}", fs.LocalFileSystem()
        with atomic.new_file(target) as partial:
            fs.copy_files(source, str(partial), source_filesystem=self._files, destination_filesystem=local)

    def fetch_all(self, targets: Mapping[str, Path]) -> None:
        """Copy files to local paths, in no order, `PARALLEL_REQUESTS` at a time."""
        with ThreadPoolExecutor(PARALLEL_REQUESTS, "fetch") as pool:
            list(pool.map(self.fetch, targets.keys(), targets.values()))

    def list_files(self, folder: str = "") -> Listing:
        """All files in `folder` and its subfolders; empty if there is no such folder.

        Names that contain `..` are left out: copied to a disk, they would leave their folder.
        """
        selector = fs.FileSelector(f"{self._base}/{folder}".rstrip("/"), recursive=True, allow_not_found=True)
        infos = [info for info in self._files.get_file_info(selector) if info.is_file]
        listing = {info.path[len(self._base) + 1 :]: (info.size, info.mtime_ns) for info in infos}
        return {name: size_and_time for name, size_and_time in listing.items() if ".." not in name.split("/")}

    def is_file(self) -> bool:
        """Whether the URI is that of a file."""
        return bool(self._files.get_file_info(self._base).is_file)

    def list_folders(self) -> list[str]:
        """The folders directly under the URI; empty if it does not exist yet. Fails if the bucket does not exist."""
        try:
            infos = self._files.get_file_info(fs.FileSelector(self._base))
        except FileNotFoundError:
            return []
        return sorted(info.base_name for info in infos if not info.is_file)

    def delete(self, name: str) -> None:
        """Delete a file, if it exists."""
        with suppress(FileNotFoundError):
            self._files.delete_file(f"{self._base}/{name}")

    def delete_all(self) -> None:
        """Delete everything under the URI, if there is anything."""
        with suppress(FileNotFoundError):
            self._files.delete_dir(self._base)

    def delete_folders(self, folders: list[str], first: str) -> None:
        """Delete folders; in each of them the file `first` is deleted before the others."""

        def delete_folder(folder: str) -> None:
            self.delete(f"{folder}/{first}")
            with suppress(FileNotFoundError):
                self._files.delete_dir(f"{self._base}/{folder}")

        with ThreadPoolExecutor(PARALLEL_REQUESTS, "delete") as pool:
            list(pool.map(delete_folder, folders))


def _with_timeouts(files: fs.S3FileSystem) -> fs.S3FileSystem:
    """The same file system with the timeouts above, which a URI cannot give."""
    _, (options,) = files.__reduce__()  # as it is pickled: all that the URI says
    retry = fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS)
    times = {"connect_timeout": CONNECT_SECONDS, "request_timeout": REQUEST_SECONDS}
    return fs.S3FileSystem(**options | times, retry_strategy=retry)


def open_storage(field: str, uri: str, folder: str = "") -> Storage:
    """The storage at `uri`, the value of `field`, once it has answered.

    Raises:
        SettingsError: the URI is wrong, or the storage does not answer or refuses.
    """
    check_uri(field, uri)
    try:
        storage = Storage(uri, folder)
        if not storage.is_file():
            storage.list_folders()
    except pa.ArrowInvalid as error:
        raise SettingsError(f"{field} is {uri}; {brief(error)}; it must be one such as {EXAMPLE}") from None
    except OSError as error:
        raise _unusable(field, uri, error) from None
    return storage


def check_storage(field: str, uri: str) -> None:
    """Check that `uri`, the value of `field`, can be written to; takes seconds.

    Raises:
        SettingsError: it cannot.
    """
    storage, probe = open_storage(field, uri), f".probe-{secrets.token_hex(8)}"
    try:
        storage.write(probe, probe.encode())
        storage.delete(probe)
    except OSError as error:
        raise _unusable(field, uri, error) from None


def _unusable(field: str, uri: str, error: OSError) -> SettingsError:
    fix = next((fix for pattern, fix in _FIXES if re.search(pattern, str(error))), "check that it can be written to")
    return SettingsError(f"{field} is {uri}; it cannot be used ({brief(error)}); {fix}")


def brief(error: Exception) -> str:
    """An error's message in at most 300 characters, to go inside a sentence."""
    return re.sub(r" *\(Request ID: [^)]*\)", "", first_line(error))[:300].rstrip(".: ")


def print_to_stderr(message: str) -> None:
    """Notifies a process that has no terminal, such as a worker: the message goes to its log."""
    print(message, file=sys.stderr, flush=True)


def retry_until_available(
    action: Callable[[], Result], notify: Notify = print_to_stderr, cancelled: threading.Event | None = None
) -> Result:
    """Call `action` until the storage answers, and return its result.

    Args:
        action: uses a storage. May be called any number of times.
        notify: called once when the storage does not answer, and once when it answers again.
        cancelled: once it is set, a pause ends at once, and `action` is tried a last time.

    Raises:
        OSError: the disk is full, so waiting does not help; or the last error, once `cancelled` is set.
    """

    def announce(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if state.attempt_number == 1 and isinstance(error, OSError):
            notify(f"The storage does not answer; nothing is lost, and steadytune tries again ({brief(error)}).")

    began = time.monotonic()
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_may_pass),
        wait=tenacity.wait_exponential(multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS),
        stop=tenacity.stop_when_event_set(cancelled) if cancelled else tenacity.stop_never,
        sleep=tenacity.sleep_using_event(cancelled) if cancelled else time.sleep,
        before_sleep=announce,
        reraise=True,
    )
    result = retrying(action)
    if retrying.statistics["attempt_number"] > 1:
        notify(f"The storage answers again, after {time.monotonic() - began:.0f} s.")
    return result


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno not in _DISK_FULL
