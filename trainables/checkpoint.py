"""Checkpoints that are there whole or not at all.

A checkpoint is a directory named after its epoch (`epoch-0007`). It is written beside its place and renamed, so a
process killed half-way leaves a `.partial` directory that nobody takes for a checkpoint.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

_NAME = re.compile(r"epoch-(\d+)")


def write(folder: Path, epoch: int, save: Callable[[Path], None]) -> Path:
    """Have `save` fill a new directory and put it in place as `folder/epoch-NNNN`; returns that path."""
    target = folder / f"epoch-{epoch:04d}"
    partial = folder / f"{target.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        save(partial)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(target, ignore_errors=True)
    os.replace(partial, target)
    return target


def found(folder: Path) -> dict[int, Path]:
    """The complete checkpoints in `folder`, by epoch, oldest first."""
    if not folder.is_dir():
        return {}
    matches = [(_NAME.fullmatch(path.name), path) for path in sorted(folder.iterdir())]
    return {int(match[1]): path for match, path in matches if match}


def size_bytes(directory: Path) -> int:
    """Bytes of all files under `directory`."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def remove(directory: Path) -> None:
    """Delete a checkpoint, if it is there. It is renamed first, so that nobody sees it half-deleted."""
    doomed = directory.with_name(f"{directory.name}.partial")
    try:
        os.replace(directory, doomed)
    except FileNotFoundError:
        return
    shutil.rmtree(doomed, ignore_errors=True)
