"""Checkpoints that are there whole or not at all.

A checkpoint is a directory named after its epoch (`epoch-0007`). It is written beside its place and renamed, so a
process killed half-way leaves a `.partial` directory, which is no checkpoint. `checksums.txt`, in the format of
`sha256sum --check`, shows what a power cut, a disk or a copy has damaged; then an earlier checkpoint is used. So
nothing is forced to the disk: for 2,000 short epochs that took twice as long as all the rest together.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from trainables.atomic import PARTIAL, new_folder
from trainables.errors import CheckpointError

CHECKSUMS = "checksums.txt"
_NAME = re.compile(r"epoch-(\d+)")


def write(folder: Path, epoch: int, save: Callable[[Path], None]) -> Path:
    """Have `save` fill a new directory and put it in place as `folder/epoch-NNNN`; returns that path.

    A worker that lost its driver may still write the same epoch that another worker trains again. Both directories are
    whole, and the one that is finished later stays.
    """
    target = folder / f"epoch-{epoch:04d}"
    with new_folder(target, f"{platform.node()}-{os.getpid()}") as partial:
        save(partial)
        _seal(partial)
    return target


def _seal(directory: Path) -> None:
    """Write its files' checksums beside them."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    lines = [f"{_checksum(path)}  {path.relative_to(directory).as_posix()}\n" for path in paths]
    (directory / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(directory: Path) -> None:
    """Whether the checkpoint is as it was written. One without checksums is taken as it is.

    Raises:
        CheckpointError: a file is missing or has changed, or the list names one outside the directory.
    """
    seal = directory / CHECKSUMS
    if not seal.is_file():
        return
    for line in seal.read_text(encoding="utf-8", errors="replace").splitlines():
        checksum, _, name = line.partition("  ")
        if escapes(name):
            raise CheckpointError(f"{seal}: names {name!r}, which is outside the checkpoint; use another one")
        path = directory / name
        if not path.is_file():
            raise CheckpointError(f"{path}: is missing, so this checkpoint is damaged; use an earlier one")
        if _checksum(path) != checksum:
            raise CheckpointError(f"{path}: has changed since it was written, so it is damaged; use an earlier one")


def by_epoch(folder: Path) -> dict[int, Path]:
    """The complete checkpoints in `folder`, by epoch, oldest first."""
    if not folder.is_dir():
        return {}
    matches = [(_NAME.fullmatch(path.name), path) for path in sorted(folder.iterdir())]
    return {int(match[1]): path for match, path in matches if match}


def size_bytes(directory: Path) -> int:
    """Bytes of all files under `directory`."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def set_aside(directory: Path) -> Path | None:
    """Rename a checkpoint, so that nobody sees it half-deleted; returns what to delete.

    None if it is not there, or if its folder cannot be changed: then it stays, which does no harm.
    """
    doomed = directory.with_name(f"{directory.name}.removed")
    shutil.rmtree(doomed, ignore_errors=True)
    try:
        os.replace(directory, doomed)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    return doomed


def remove(directory: Path) -> None:
    """Delete a checkpoint, if it is there."""
    if doomed := set_aside(directory):
        shutil.rmtree(doomed, ignore_errors=True)


def sweep_up(folder: Path) -> None:
    """Delete what a killed process left half-written or half-deleted in `folder`."""
    for path in [*folder.glob(f"*epoch-*{PARTIAL}"), *folder.glob("epoch-*.removed")]:
        shutil.rmtree(path, ignore_errors=True)


def escapes(name: str) -> bool:
    """Whether `name`, a path relative to a folder, is outside it: absolute, or with a step up."""
    return PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts
