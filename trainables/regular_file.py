"""Files are read only if they are ordinary ones, and within a limit: a pipe or a device would never end, and a sparse
file may claim terabytes.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from trainables.errors import DataError
from trainables.limits import limits, variable

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
"""The beginning of the file that Git writes in place of one that Git LFS has not fetched."""
STANDARD_INPUT = (Path("/dev/stdin"), Path("-"))
"""Paths that stand for the standard input of this process."""


def check_regular(file: Path, limit: str) -> os.stat_result:
    """What `stat` says of `file`, which is an ordinary file within the limit of that name.

    Raises:
        DataError: no such file, a link to nothing, a folder, a pipe, a device, or too large.
    """
    try:
        status = os.stat(file)
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from None
    _refuse(file, status, limit)
    return status


def read_regular(file: Path, limit: str) -> tuple[bytes, os.stat_result]:
    """The contents of `file`, and what `stat` said of it before they were read.

    Raises:
        DataError: as `check_regular`, or Git LFS has not fetched the file.
    """
    try:
        # Opening a pipe that nobody writes to would wait for ever without O_NONBLOCK.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from None
    try:
        status = os.fstat(descriptor)
        _refuse(file, status, limit)
        most = getattr(limits(), limit)
        content = os.read(descriptor, status.st_size + 1)
        while more := os.read(descriptor, max(1, min(most + 1 - len(content), 1 << 24))):
            content += more  # it is longer than `stat` says, as files in /proc are, or grows
            if len(content) > most:
                raise _too_large(file, len(content), limit)
        if content.startswith(LFS_POINTER):
            raise DataError(f"{file}: is a pointer of Git LFS in the place of the file; fetch it with `git lfs pull`")
        return content, status
    except OSError as error:
        raise _unreadable(file, error) from None
    finally:
        os.close(descriptor)


def read_standard_input(limit: str) -> bytes:
    """What is piped into this process, to its end. Raises DataError if it is longer than the limit."""
    most = getattr(limits(), limit)
    content = sys.stdin.buffer.read(most + 1)
    if len(content) > most:
        raise _too_large(STANDARD_INPUT[0], len(content), limit)
    return content


def _refuse(file: Path, status: os.stat_result, limit: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{file}: is no regular file but {_kind(status.st_mode)}; replace or remove it")
    if status.st_size > getattr(limits(), limit):
        raise _too_large(file, status.st_size, limit)


def _too_large(file: Path, size: int, limit: str) -> DataError:
    return DataError(
        f"{file}: has {size:,} bytes; at most {getattr(limits(), limit):,} are read, so replace or remove it, "
        f"or raise {variable(limit)}"
    )


def _unreadable(file: Path, error: Exception) -> DataError:
    if isinstance(error, FileNotFoundError):
        linked = file.is_symlink()
        problem = "is a link to nothing; mend or delete the link" if linked else "no such file; check the path"
        return DataError(f"{file}: {problem}")
    reason = (isinstance(error, OSError) and error.strerror) or str(error)
    return DataError(f"{file}: cannot be read ({reason}); check the path and its rights")


def _kind(mode: int) -> str:
    for is_kind, words in ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket")):
        if is_kind(mode):
            return words
    return "a device"
