"""A sweep at its storage: the same names as in its folder, so that another machine can go on with it.

URI/NAME/sweep.yaml, journal/, best/    as in the sweep's folder
URI/NAME/trials/NNNN/                   a trial's environment.json, log.txt and checkpoints/epoch-NNNN/
URI/NAME/owner.txt                      a word of the driver that was the last to go on with the sweep

A checkpoint is there once its checksums are, which are written last and deleted first. Workers put it there before they
report the epoch; a driver's `Uploader` brings the journal. What a folder has besides, the storage has not got yet, if
its `owner.txt` has the word; else the sweep has gone on elsewhere, and it is dropped.
"""

from __future__ import annotations

import secrets
import shutil
import socket
from collections.abc import Container
from contextlib import ExitStack, suppress
from pathlib import Path

from search.storage.object_store import Storage, opened, patiently
from search.sweep.environment import FILE
from search.sweep.folder import SweepFolder
from trainables import checkpoint
from trainables.errors import CheckpointError, SteadytuneError, nearest

OWNER = "owner.txt"
SPEC = "sweep.yaml"
JOURNAL = "journal"
LOG = "log.txt"


# --- checkpoints -----------------------------------------------------------------------------------------------------


def checkpoint_name(trial: int, epoch: int) -> str:
    """What a checkpoint's folder is called at the storage."""
    return f"trials/{trial:04d}/checkpoints/epoch-{epoch:04d}"


def put_log(storage: Storage, folder: Path) -> None:
    """Copy what the trial of `folder` printed, and where it ran."""
    for own in (FILE, LOG):
        if (folder / own).is_file():  # read first: the log grows meanwhile
            storage.write(f"trials/{folder.name}/{own}", (folder / own).read_bytes())


def put_checkpoint(storage: Storage, folder: Path, epoch: int) -> None:
    """Copy the checkpoint that the trial of `folder` wrote after `epoch`, and its log."""
    trial = int(folder.name)
    made = folder / "checkpoints" / f"epoch-{epoch:04d}"
    if not made.is_dir():
        raise CheckpointError(f"{made}: was deleted before it came to the storage; leave the sweep's folder alone")
    _alive(storage)
    put_log(storage, folder)
    name = checkpoint_name(trial, epoch)
    storage.delete(f"{name}/{checkpoint.CHECKSUMS}")  # of the same epoch, trained before a restart
    files = [path for path in made.rglob("*") if path.is_file() and path != made / checkpoint.CHECKSUMS]
    for path in [*files, made / checkpoint.CHECKSUMS]:
        storage.write(f"{name}/{path.relative_to(made).as_posix()}", path)


def checkpoints(storage: Storage, folder: str = "trials") -> dict[str, list[str]]:
    """The checkpoints in `folder`, whole or not, by their folders' names, each with its files."""
    found: dict[str, list[str]] = {}
    for name in storage.names(folder):
        trial, inside, rest = name.partition("/checkpoints/")
        if inside:
            found.setdefault(f"{trial}{inside}{rest.partition('/')[0]}", []).append(name)
    return found


def sealed(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Those of `checkpoints` that came whole."""
    return {name: files for name, files in found.items() if f"{name}/{checkpoint.CHECKSUMS}" in files}


def bring_checkpoint(storage: Storage, folder: Path, epochs: int) -> None:
    """Have `folder`, a trial's, hold its newest sound checkpoint of the storage, of at most `epochs` epochs.

    Other checkpoints in it are removed, those at the storage of later epochs too: they will be trained again.
    """
    there = sealed(checkpoints(storage, f"trials/{folder.name}"))
    _alive(storage)
    late = [name for name in there if _epoch(name) > epochs]
    storage.remove(late, checkpoint.CHECKSUMS)
    kept: Path | None = None
    for name in sorted(there.keys() - set(late), key=_epoch, reverse=True):
        if kept := _bring(storage, name, there[name], folder / "checkpoints"):
            break
    for path in checkpoint.found(folder / "checkpoints").values():
        if path != kept:
            checkpoint.remove(path)


def bring_trial(storage: Storage, folder: Path, epochs: Container[int]) -> None:
    """Have `folder`, a trial's, hold its sound checkpoints of `epochs` that the storage has, and what else there is."""
    for own in (FILE, LOG):
        if not (folder / own).exists():
            with suppress(FileNotFoundError):
                storage.fetch(f"trials/{folder.name}/{own}", folder / own)
    for name, files in sealed(checkpoints(storage, f"trials/{folder.name}")).items():
        if _epoch(name) in epochs:
            _bring(storage, name, files, folder / "checkpoints")


def _bring(storage: Storage, name: str, files: list[str], target: Path) -> Path | None:
    """The checkpoint, copied to the folder `target`; None if it is damaged."""
    try:
        return _brought(storage, name, files, target)
    except FileNotFoundError:
        raise OSError(f"{name} went away while it was read") from None


def _brought(storage: Storage, name: str, files: list[str], target: Path) -> Path | None:
    path = target / name.rpartition("/")[2]
    partial = path.with_name(f"{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for file in files:
        storage.fetch(file, partial / file.removeprefix(f"{name}/"))
    try:
        checkpoint.check(partial)
    except CheckpointError as error:
        print(f"{error} (from the storage)", flush=True)
        shutil.rmtree(partial)
        return None
    checkpoint.remove(path)
    partial.rename(path)
    return path


def _epoch(name: str) -> int:
    return int(name.rpartition("epoch-")[2])


def _alive(storage: Storage) -> None:
    """Whether this is the sweep's storage: a network folder that is not mounted is empty, and not to be believed."""
    try:
        storage.read(OWNER)
    except FileNotFoundError:
        raise OSError("the sweep is not there now") from None


# --- the sweep -------------------------------------------------------------------------------------------------------


def refuse_existing(uri: str, name: str) -> None:
    """Complain if the storage has a sweep of that name.

    Raises:
        SteadytuneError: it has.
    """
    if SPEC in opened("storage", uri, name).names():
        fix = f"give another name, or go on with it: `steadytune resume {name} --storage '{uri}'`"
        raise SteadytuneError(f"name is {name}, but the storage {uri} has a sweep of that name; {fix}")


def fetch(root: Path, name: str, uri: str) -> SweepFolder:
    """The folder of sweep `name` in `root` as the storage at `uri` has it; as it is if the sweep runs from there now.

    Raises:
        SteadytuneError: the storage does not answer, or has no such sweep.
    """
    storage, folder = opened("storage", uri, name), SweepFolder(root, name)
    if SPEC not in storage.names():
        raise SteadytuneError(f"no sweep {name!r} at {uri}; {nearest(name, opened('storage', uri).folders())}")
    folder.path.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(folder.locked())
        except SteadytuneError:  # it runs from here, so there is nothing newer
            return folder
        patiently(lambda: settle(folder, storage))
        if folder.spec().storage != uri:
            folder.change(storage=uri)
    return folder


def settle(folder: SweepFolder, storage: Storage) -> None:
    """Have `folder` hold the sweep as the storage has it, unless it was the folder's driver that wrote there last."""
    try:
        theirs = storage.read(OWNER).decode()
    except FileNotFoundError:  # no driver came as far as its first trial
        theirs = ""
    own = folder.path / OWNER
    mine = own.read_text(encoding="utf-8").splitlines() if own.is_file() else []
    if theirs in mine or (mine and not theirs):
        return
    if mine:  # the sweep has gone on elsewhere: what this folder has besides has no part in it any more
        for stale in (folder.journal, folder.trials):
            shutil.rmtree(stale, ignore_errors=True)
        own.unlink()
    storage.fetch(SPEC, folder.spec_file)
    _pull_journal(folder, storage)


def _pull_journal(folder: SweepFolder, storage: Storage) -> None:
    there = sorted(name for name in storage.names(JOURNAL) if name.endswith(".parquet"))
    for name in there:
        if not (folder.path / name).exists():
            try:
                storage.fetch(name, folder.path / name)
            except FileNotFoundError:  # merged away between listing and reading: list again
                return _pull_journal(folder, storage)
    for path in list(folder.journal.glob("*.parquet")):
        if f"{JOURNAL}/{path.name}" not in there:
            path.unlink()
    return None


def claim(folder: SweepFolder, storage: Storage) -> str:
    """Write down that the driver of `folder` goes on with the sweep from now on; returns its word."""
    word = f"{secrets.token_hex(8)} {socket.gethostname()}"
    with (folder.path / OWNER).open("a", encoding="utf-8") as file:  # before it can be read at the storage
        file.write(f"{word}\n")
    storage.write(SPEC, folder.spec_file)
    storage.write(OWNER, word.encode())
    return word


def check_owner(name: str, storage: Storage, word: str) -> None:
    """Whether the driver of `word` is still the one to write here.

    Raises:
        SteadytuneError: another one has gone on with the sweep.
    """
    _alive(storage)
    if (found := storage.read(OWNER).decode()) != word:
        host = found.partition(" ")[2]
        raise SteadytuneError(f"sweep {name} was resumed on {host}, so it goes on there and ends here")
