"""A sweep's folder on disk.

SWEEPS/mlflow.db, artifacts/     the default MLflow store, shared by all sweeps of the folder
SWEEPS/NAME/sweep.yaml           the description of the sweep
SWEEPS/NAME/data.json            which data it began with (`search.sweep.data_identity`)
SWEEPS/NAME/look/                what the data set holds, and a training batch as a picture
SWEEPS/NAME/journal/             what happened, as Parquet
SWEEPS/NAME/trials/NNNN/         each trial's log.txt and checkpoints/epoch-NNNN/
SWEEPS/NAME/output.log           what a sweep in the background prints
SWEEPS/NAME/requests/            what users ask for by hand, until the driver has answered
SWEEPS/NAME/best/                the winner: its settings, native configuration and checkpoint
SWEEPS/NAME/models/              what winner and baseline do on held-out data (`search.views.model_process`)
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from search.next_step import command
from search.sweep.data_identity import DataIdentity
from search.sweep.data_look import DataLook
from search.sweep.plan import Plan, make_plan
from search.sweep.removed import REMOVED, removed_choices
from search.sweep.spec import SweepSpec, read_stored_spec
from search.sweep.uri import sqlite_store
from trainables import checkpoint
from trainables.atomic import new_folder_once, write_file
from trainables.errors import SteadytuneError, hint
from trainables.settings import parse, read_yaml

STAGES_FILE = "stages.yaml"
"""The file in SWEEPS/NAME/ if NAME stands for several sweeps in a row; see `search.stages`."""


class SweepFolder:
    """One sweep's folder, `root/name`."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root.absolute()
        self.name = name
        self.path = self.root / name
        self.journal = self.path / "journal"
        self.trials = self.path / "trials"
        self.best = self.path / "best"
        self.look = self.path / "look"
        self.spec_file = self.path / "sweep.yaml"
        self.ray = self.path / "ray"
        self.requests = self.path / "requests"
        self.log = self.path / "output.log"

    @classmethod
    def create(
        cls, root: Path, spec: SweepSpec, data_look: DataLook | None = None, data: DataIdentity | None = None
    ) -> SweepFolder:
        """Make the folder of a new sweep, with its description, the identity of its data and what is shown of them.

        The folder appears with all of these files at once. If the process is killed before that, the name is still
        free; if it is killed afterwards, the sweep can be resumed.

        Raises:
            SteadytuneError: the name is taken, or the folder cannot be written (no permission, disk full).
        """
        folder = cls(root, spec.name)
        folder.check_free()
        try:
            with new_folder_once(folder.path) as partial:
                (partial / folder.spec_file.name).write_text(spec.dump(), encoding="utf-8")
                if data_look:
                    data_look.write(partial / folder.look.name)
                if data:
                    data.write(partial)
        except OSError as error:
            folder.check_free()  # another process may have made it meanwhile
            raise _unwritable(folder.path, error) from None
        return folder

    def check_free(self) -> None:
        """Check that the name is free: there is no folder of that name, or an empty one.

        Raises:
            SteadytuneError: the name is taken.
        """
        if self.spec_file.is_file():
            resume = self.command("resume")
            fix = f"with a sweep; give another name, or go on with it: `{resume}`, with more --trials if it has ended"
        elif self.path.is_dir() and not any(self.path.iterdir()):
            return
        elif (self.path / STAGES_FILE).is_file():
            fix = f"with stages; give another name, or go on with them: `{self.command('resume')}`"
        elif self.path.exists():
            fix = "which holds no sweep; give another name, or delete it"
        else:
            return
        raise SteadytuneError(f"name is {self.name}, but {self.path} exists, {fix}")

    @classmethod
    def existing(cls, root: Path, name: str, owner: str = "") -> SweepFolder:
        """The folder of a sweep that was launched before.

        Raises:
            SteadytuneError: there is no such sweep. The message begins with `owner` and suggests the nearest name.
        """
        folder = cls(root, name)
        if not folder.spec_file.is_file():
            launched = names(root)
            if (folder.path / STAGES_FILE).is_file():
                stages = ", ".join(stage for stage in launched if stage.startswith(f"{name}-")) or "none has begun"
                raise SteadytuneError(f"{owner}{name!r} is several sweeps in a row; give one of its stages: {stages}")
            fix = "there is none in it; give another folder with --sweeps"
            if launched:  # of several that are as close, as demos are, the newest is meant
                fix = f"{hint(name, reversed(launched), 'did you mean {!r}? ')}valid: {', '.join(launched)}"
            raise SteadytuneError(f"{owner}no sweep {name!r} in {folder.root}; {fix}")
        return folder

    def plan(self) -> Plan:
        """The sweep's plan, made and checked again, since its code may have changed. Its data need not be there."""
        return make_plan(self.spec(), training=False)

    def spec(self) -> SweepSpec:
        """The sweep's description."""
        spec = read_stored_spec(read_yaml(self.spec_file), str(self.spec_file))
        # The folder's name counts: `steadytune rename` may have been killed before it wrote the new one.
        return spec if spec.name == self.name else spec.model_copy(update={"name": self.name})

    def change(self, **fields: Any) -> SweepSpec:
        """Change fields of the sweep's description on disk, for example because its storage has moved."""
        spec = self.spec().model_copy(update=fields)
        removed = {name: value for name, value in read_yaml(self.spec_file).items() if name in REMOVED}
        write_file(self.spec_file, spec.dump(removed))
        return spec

    def check_resumable(self) -> None:
        """Refuse to resume a sweep of an earlier version that this version would continue differently.

        Raises:
            SteadytuneError: it was launched with a field that was removed since, at another value than its default.
        """
        for name, value in removed_choices(read_yaml(self.spec_file)).items():
            raise SteadytuneError(
                f"sweep {self.name} was launched with {name}: {value}, which was removed: {REMOVED[name].reason}; "
                "resume it with the version that began it, or launch a new sweep; its results still show and export"
            )

    def store(self, spec: SweepSpec) -> str:
        """The MLflow tracking URI of the sweep."""
        return spec.store or sqlite_store(self.root / "mlflow.db")

    def command(self, verb: str, *more: str) -> str:
        """The command line of `verb` for this sweep, with `more` arguments, for messages."""
        return command(verb, self.name, self.root, *more)

    def checkpoint(self, trial: int, epoch: int) -> Path:
        """Where the checkpoint of `trial` after `epoch` lies."""
        return self.trials / f"{trial:04d}" / "checkpoints" / f"epoch-{epoch:04d}"

    def sweep_up(self) -> None:
        """Delete what a killed process left half-written or half-deleted among the checkpoints."""
        for folder in self.trials.glob("*/checkpoints"):
            checkpoint.sweep_up(folder)

    def remove(self) -> None:
        """Delete the whole sweep. If the process is killed meanwhile, the sweep is still whole, or it is gone."""
        gone = self.root / f".{self.name}.deleted"
        shutil.rmtree(gone, ignore_errors=True)
        self.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return folder_size(self.path)

    @property
    def changed(self) -> float:
        """When something last happened, in seconds since 1970."""
        return (self.journal if self.journal.is_dir() else self.spec_file).stat().st_mtime

    @contextmanager
    def locked(self, file: str = "lock", wait_seconds: float = 1.0) -> Iterator[None]:
        """Lock the sweep for this process. The lock is released when the process ends, however it ends.

        Args:
            file: the file to lock, in the sweep's folder.
            wait_seconds: how long to wait for another process to release it. `held` takes it for a moment only.

        Raises:
            SteadytuneError: another process holds it.
        """
        deadline = time.monotonic() + wait_seconds
        with (self.path / file).open("a", encoding="utf-8") as handle:
            while not _lock(handle):
                if time.monotonic() >= deadline:
                    raise SteadytuneError(f"sweep {self.name} is running in another process; wait for it or stop it")
                time.sleep(0.2)
            yield

    @property
    def held(self) -> bool:
        """Whether a process of this machine runs the sweep."""
        try:
            with (self.path / "lock").open(encoding="utf-8") as handle:
                return not _lock(handle, fcntl.LOCK_SH)
        except FileNotFoundError:
            return False


def _lock(handle: TextIO, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def check_name(name: str) -> None:
    """Check that a sweep may be called that.

    Raises:
        SettingsError: it may not.
    """
    parse(SweepSpec, {"name": name, "recipe": "any"}, "rename")


def folder_size(path: Path) -> int:
    """Bytes of all files below `path`; 0 if it is no folder. Files that are deleted meanwhile do not count."""
    size = 0
    for folder, _, files in os.walk(path):
        for file in files:
            with suppress(FileNotFoundError):
                about = os.lstat(os.path.join(folder, file))
                size += about.st_size if stat.S_ISREG(about.st_mode) else 0
    return size


def file_size(size: int) -> str:
    """`size` in bytes, for people: "1.2 GB"."""
    number = float(size)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def age(seconds: float) -> str:
    """A time that has passed, for people: "3 days"."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "a moment"


def names(root: Path) -> list[str]:
    """The sweeps in `root`, oldest first, by the time of their description: that of a folder changes with its files."""
    times: dict[str, float] = {}
    for file in root.glob("[!.]*/sweep.yaml"):  # hidden ones are half-written, or half-deleted
        with suppress(FileNotFoundError):  # deleted meanwhile
            times[file.parent.name] = file.stat().st_mtime
    return sorted(times, key=times.__getitem__)


def _unwritable(path: Path, error: OSError) -> SteadytuneError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SteadytuneError(f"{path}: the disk is full; free some space or give another folder with --sweeps")
    return SteadytuneError(f"{path}: cannot be written ({error.strerror}); give another folder with --sweeps")
