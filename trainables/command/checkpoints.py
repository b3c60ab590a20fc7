"""The checkpoints that a script writes: found, waited for until they are whole, copied, and put back.

What a training goes on from is a folder (`Epoch.save`):

    state.json           the epochs that were read so far, and where the script's checkpoint belongs in the run's folder
    checkpoint/NAME      the script's checkpoint, as it wrote it
    logs/NAME            the files of rows as they were
"""

from __future__ import annotations

import json
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainables.errors import CheckpointError
from trainables.json_file import read_json

STATE, COPY, LOGS = "state.json", "checkpoint", "logs"
_STEADY_SECONDS = 0.3
"""A checkpoint that did not change for so long is whole; torch's own files say by themselves whether they are."""

Version = tuple[tuple[str, int, int], ...]
"""Path, size and time of each of its files."""


@dataclass(frozen=True)
class RunState:
    """What is known of a training when a checkpoint is kept.

    Attributes:
        epoch: after which the checkpoint was asked for.
        settings: of the training.
        seen: the values of each epoch that was read, which may be a few more.
        first: what the log calls the first epoch.
        checkpoint: the script's checkpoint, relative to the run's folder; "" if it had written none.
        written: when it did, in nanoseconds since 1970.
        logs: the files of rows, likewise.
    """

    epoch: int
    settings: dict[str, Any]
    seen: dict[int, dict[str, float]]
    first: int | None
    checkpoint: str
    written: int
    logs: list[str]


def newest(run_dir: Path, pattern: str) -> Path | None:
    """The newest file or folder that the script wrote by `pattern`, relative to its run's folder."""
    try:
        paths = [(path.stat().st_mtime_ns, path) for path in run_dir.glob(pattern)]
    except OSError:  # one was removed just then
        return None
    return max(paths)[1] if paths else None


def version(path: Path) -> Version:
    """By which a change of a checkpoint is seen; empty if it is gone."""
    try:
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        return tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    except OSError:
        return ()


def written(path: Path) -> int:
    """When the newest of its files was written, in nanoseconds since 1970; 0 if it is gone."""
    return max((changed for _, _, changed in version(path)), default=0)


def copy_whole(path: Path, target: Path, wait: Callable[[float], object]) -> int:
    """Copy the checkpoint at `path` to `target` once it is whole; returns when it was written.

    Args:
        path: the script may be writing it.
        target: must not exist.
        wait: waits so many seconds; raises if that makes no sense any more.
    """
    while True:
        before = version(path)
        if before and not _whole_archive(path):
            wait(_STEADY_SECONDS)
            if _is_archive(path) and _incomplete(path):
                continue
        if before and version(path) == before:
            _copy(path, target)
            if version(path) == before:
                return max(changed for _, _, changed in before)
            _remove(target)
        else:
            wait(0.05)


def _is_archive(path: Path) -> bool:
    """Whether it is a file that begins as torch's do."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def _incomplete(path: Path) -> bool:
    return not zipfile.is_zipfile(path)


def _whole_archive(path: Path) -> bool:
    return path.is_file() and _is_archive(path) and not _incomplete(path)


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if path.is_dir():
            shutil.copytree(path, target)
        else:
            shutil.copyfile(path, target)
    except (FileNotFoundError, shutil.Error):  # replaced meanwhile; the caller compares versions
        target.parent.mkdir(parents=True, exist_ok=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_state(directory: Path, state: RunState) -> None:
    """Write what is known beside the copies."""
    (directory / STATE).write_text(json.dumps(asdict(state)), encoding="utf-8")


def read_state(directory: Path, settings: Mapping[str, Any]) -> RunState:
    """What `write_state` wrote into `directory`.

    Raises:
        CheckpointError: it is incomplete, or of other settings.
    """
    path = directory / STATE
    try:
        content = read_json(path, "use an earlier checkpoint")
        content["seen"] = {int(epoch): values for epoch, values in content["seen"].items()}
        state = RunState(**content)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{path}: is damaged or missing ({type(error).__name__}); use an earlier one") from None
    for name, value in settings.items():
        if state.settings.get(name) != value:
            raise CheckpointError(
                f"{path}: was written with {name} {state.settings.get(name)}, not {value}; resume with its settings"
            )
    return state


def copy_logs(files: list[Path], run_dir: Path, directory: Path) -> list[str]:
    """Copy the files of rows into `directory`; returns their names relative to the run's folder."""
    names = []
    for path in files:
        name = str(path.relative_to(run_dir))
        target = directory / LOGS / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        names.append(name)
    return names


def put_back(directory: Path, state: RunState, run_dir: Path, pattern: str, logs: list[Path]) -> Path | None:
    """Make the run's folder as it was at the checkpoint, as far as its checkpoints and rows go.

    Args:
        directory: what `Epoch.save` wrote.
        state: read from it.
        run_dir: the run's folder, perhaps on another machine than before.
        pattern: of the script's checkpoints.
        logs: the files of rows that are there now.

    Returns:
        The script's checkpoint in its place; None if there was none.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    for path in [*run_dir.glob(pattern), *logs]:
        _remove(path)
    for name in state.logs:
        _copy(directory / LOGS / name, run_dir / name)
    if not state.checkpoint:
        return None
    target = run_dir / state.checkpoint
    _copy(directory / COPY / Path(state.checkpoint).name, target)
    for path in [target, *target.rglob("*")]:
        os.utime(path, ns=(time.time_ns(), state.written))
    return target
