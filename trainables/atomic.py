"""Files and folders that appear whole or not at all.

Each is written beside its target under a hidden name that ends with `.partial`, then renamed. A reader sees the old
contents or the new ones, never half of them. An error removes the partial one; a killed process leaves it behind, and
the next write of the same target starts over.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PARTIAL = ".partial"
"""Ending of what is still being written."""


def write_file(target: Path, content: str | bytes, *, durable: bool = False) -> Path:
    """Write `content` (text as UTF-8) to `target`, in place of a file of that name; returns `target`.

    Raises:
        OSError: it cannot be written there. The folder must exist.
    """
    with new_file(target, durable=durable) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
    return target


@contextmanager
def new_file(target: Path, *, durable: bool = False) -> Iterator[Path]:
    """The path of a file to write; it replaces `target` at the end of the block, or is removed if the block raises.

    Args:
        target: its folder must exist.
        durable: also force contents and name to the disk, for a file that must outlast a power cut. Costs milliseconds.
    """
    partial = _beside(target)
    try:
        yield partial
        if durable:
            force(partial)
        os.replace(partial, target)
        if durable:
            force(target.parent)
    except BaseException:
        with suppress(OSError):  # what went wrong first is what the caller must see
            partial.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(target: Path, writer: str = "") -> Iterator[Path]:
    """An empty folder to fill; it replaces `target` at the end of the block, or is removed if the block raises.

    Folders above `target` are made. A folder `target` that exists is deleted just before the new one takes its name,
    so a process killed between these two steps leaves neither.

    Args:
        target: its path.
        writer: a name for this process, if several processes may write the same target at once. What one of them leaves
            behind when it is killed is then not removed by the next.
    """
    with _filled(_beside(target, writer and f".{writer}")) as partial:
        yield partial
        shutil.rmtree(target, ignore_errors=True)  # os.replace takes the name of an empty folder only
        os.replace(partial, target)


@contextmanager
def new_folder_once(target: Path) -> Iterator[Path]:
    """As `new_folder`, for a target that several processes may write at once: the first one's folder stays.

    Raises:
        OSError: at the end of the block, if `target` exists by then and is not empty.
    """
    partial = _beside(target, f".{os.getpid()}")
    with _filled(partial):
        yield partial
        os.replace(partial, target)


@contextmanager
def _filled(partial: Path) -> Iterator[Path]:
    """The new, empty folder `partial`, removed if the block raises."""
    shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _beside(target: Path, distinction: str = "") -> Path:
    # Hidden, as pyarrow.dataset and others take every visible file of a folder for theirs.
    return target.with_name(f".{target.name}{distinction}{PARTIAL}")


def force(path: Path) -> None:
    """Force `path` to the disk: a file's contents, or a folder's names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
