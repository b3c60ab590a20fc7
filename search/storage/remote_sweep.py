"""A sweep at its storage, under the same names as in its folder, so that another machine can resume it.

URI/NAME/sweep.yaml, data.json, journal/, best/    as in the sweep's folder
URI/NAME/trials/NNNN/                   a trial's environment.json, log.txt and checkpoints/epoch-NNNN/
URI/NAME/requests/                      what users ask for by hand, until the driver has fetched it
URI/NAME/owner.txt                      the owner token: which driver was the last to launch or resume the sweep

A checkpoint is complete once its checksums exist, which are written last and deleted first. Workers upload it before
they report the epoch; the driver's `Uploader` uploads the journal. The folder's `owner.txt` lists every token that this
machine has written. If it contains the storage's token, the folder's extra files have not been uploaded yet. Otherwise
another machine has taken over, and they are discarded.
"""

from __future__ import annotations

import secrets
import shutil
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

from search.storage.object_store import Storage, open_storage, retry_until_available
from search.sweep import data_identity
from search.sweep.environment import ENVIRONMENT_FILE
from search.sweep.folder import SweepFolder
from search.sweep.requests import Request
from trainables import atomic, checkpoint
from trainables.errors import CheckpointError, SteadytuneError, nearest

OWNER = "owner.txt"
SPEC = "sweep.yaml"
DATA = data_identity.FILE
JOURNAL = "journal"
REQUESTS = "requests"
LOG = "log.txt"


# --- checkpoints -----------------------------------------------------------------------------------------------------


def checkpoint_name(trial: int, epoch: int) -> str:
    """The name of a checkpoint's folder at the storage."""
    return f"trials/{trial:04d}/checkpoints/epoch-{epoch:04d}"


def upload_log(storage: Storage, trial_folder: Path) -> None:
    """Upload a trial's log and the description of its machine."""
    storage.write_all(_log_files(trial_folder))


def _log_files(trial_folder: Path) -> dict[str, bytes | Path]:
    """The files of a trial's log, by their names at the storage. They are read first, since the log still grows."""
    paths = [path for path in (trial_folder / ENVIRONMENT_FILE, trial_folder / LOG) if path.is_file()]
    return {f"trials/{trial_folder.name}/{path.name}": path.read_bytes() for path in paths}


def upload_checkpoint(storage: Storage, trial_folder: Path, epoch: int) -> None:
    """Upload the checkpoint that a trial wrote after `epoch`, and its log."""
    path = trial_folder / "checkpoints" / f"epoch-{epoch:04d}"
    if not path.is_dir():
        raise CheckpointError(f"{path}: was deleted before it was uploaded; leave the sweep's folder alone")
    _owner(storage)
    name = checkpoint_name(int(trial_folder.name), epoch)
    storage.delete(f"{name}/{checkpoint.CHECKSUMS}")  # of the same epoch, trained before a restart
    checksums = path / checkpoint.CHECKSUMS
    files = [file for file in path.rglob("*") if file.is_file() and file != checksums]
    storage.write_all(
        _log_files(trial_folder) | {f"{name}/{file.relative_to(path).as_posix()}": file for file in files}
    )
    storage.write(f"{name}/{checkpoint.CHECKSUMS}", checksums)


def list_checkpoints(storage: Storage, folder: str = "trials") -> dict[str, list[str]]:
    """The checkpoints in `folder`, complete or not: the names of their folders, each with the names of its files."""
    checkpoints: dict[str, list[str]] = {}
    for name in storage.list_files(folder):
        trial, separator, rest = name.partition("/checkpoints/")
        if separator:
            checkpoints.setdefault(f"{trial}{separator}{rest.partition('/')[0]}", []).append(name)
    return checkpoints


def complete(checkpoints: dict[str, list[str]]) -> dict[str, list[str]]:
    """The `checkpoints` (from `list_checkpoints`) that were uploaded completely."""
    return {name: files for name, files in checkpoints.items() if f"{name}/{checkpoint.CHECKSUMS}" in files}


def download_newest_checkpoint(storage: Storage, trial_folder: Path, max_epoch: int) -> None:
    """Leave in a trial's folder exactly its newest intact checkpoint of at most `max_epoch` epochs.

    Later checkpoints are deleted at the storage too: their epochs were not reported to the driver, so they are trained
    again.
    """
    checkpoints = complete(list_checkpoints(storage, f"trials/{trial_folder.name}"))
    _owner(storage)
    too_late = [name for name in checkpoints if _epoch(name) > max_epoch]
    storage.delete_folders(too_late, checkpoint.CHECKSUMS)
    newest: Path | None = None
    for name in sorted(checkpoints.keys() - set(too_late), key=_epoch, reverse=True):
        if newest := _download(storage, name, checkpoints[name], trial_folder / "checkpoints"):
            break
    for path in checkpoint.by_epoch(trial_folder / "checkpoints").values():
        if path != newest:
            checkpoint.remove(path)


def download_log(storage: Storage, trial_folder: Path) -> None:
    """Download a trial's log and the description of its machine, unless they are there."""
    for name in (ENVIRONMENT_FILE, LOG):
        if not (trial_folder / name).exists():
            with suppress(FileNotFoundError):
                storage.fetch(f"trials/{trial_folder.name}/{name}", trial_folder / name)


def complete_epochs(storage: Storage, trial_folder: Path) -> dict[int, list[str]]:
    """The checkpoints of a trial that were uploaded completely: by their epochs, the names of their files."""
    checkpoints = complete(list_checkpoints(storage, f"trials/{trial_folder.name}"))
    return {_epoch(name): files for name, files in checkpoints.items()}


def download_checkpoint(storage: Storage, trial_folder: Path, epoch: int, files: list[str]) -> Path | None:
    """Download one of `complete_epochs`; returns its path, or None if it is damaged."""
    return _download(storage, checkpoint_name(int(trial_folder.name), epoch), files, trial_folder / "checkpoints")


def _download(storage: Storage, name: str, files: list[str], target: Path) -> Path | None:
    """Download a checkpoint into the folder `target`; returns its path, or None if it is damaged."""
    path = target / name.rpartition("/")[2]
    try:
        with atomic.new_folder(path) as partial:
            storage.fetch_all({file: partial / file.removeprefix(f"{name}/") for file in files})
            checkpoint.check(partial)
            checkpoint.remove(path)
    except FileNotFoundError:
        raise OSError(f"{name} was deleted while it was downloaded") from None
    except CheckpointError as error:
        print(f"{error} (from the storage)", flush=True)
        return None
    return path


def _epoch(name: str) -> int:
    return int(name.rpartition("epoch-")[2])


def _owner(storage: Storage) -> str:
    """The owner token. Reading it also shows that the storage is there: an unmounted network folder looks empty."""
    try:
        return storage.read(OWNER).decode()
    except FileNotFoundError:
        raise OSError("the sweep is not there now") from None


# --- the sweep -------------------------------------------------------------------------------------------------------


def refuse_existing(uri: str, folder: SweepFolder) -> None:
    """Check that the storage has no sweep of the name that `folder` is for.

    Raises:
        SteadytuneError: it has one.
    """
    name = folder.name
    if SPEC in open_storage("storage", uri, name).list_files():
        fix = f"give another name, or resume it: `{folder.command('resume', '--storage', uri)}`"
        raise SteadytuneError(f"name is {name}, but the storage {uri} has a sweep of that name; {fix}")


def fetch(root: Path, name: str, uri: str) -> SweepFolder:
    """Bring the folder of sweep `name` in `root` up to date with the storage at `uri`, and return it.

    A folder whose sweep is running on this machine is returned unchanged.

    Raises:
        SteadytuneError: the storage does not answer, or has no such sweep.
    """
    storage, folder = open_storage("storage", uri, name), SweepFolder(root, name)
    if SPEC not in storage.list_files():
        names = open_storage("storage", uri).list_folders()
        raise SteadytuneError(f"no sweep {name!r} at {uri}; {nearest(name, names)}")
    folder.path.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(folder.locked())
        except SteadytuneError:  # its driver runs here, so the storage has nothing newer
            return folder
        retry_until_available(lambda: reconcile(folder, storage))
        if folder.spec().storage != uri:
            folder.change(storage=uri)
    return folder


def reconcile(folder: SweepFolder, storage: Storage) -> None:
    """Make `folder` a copy of the storage, unless this machine owns the sweep: then the folder is newer."""
    try:
        owner = storage.read(OWNER).decode()
    except FileNotFoundError:  # no driver got as far as its first trial
        owner = ""
    tokens_file = folder.path / OWNER
    tokens = tokens_file.read_text(encoding="utf-8").splitlines() if tokens_file.is_file() else []
    if owner in tokens or (tokens and not owner):
        return
    if tokens:  # another machine has taken over: what only this folder has no longer belongs to the sweep
        for stale in (folder.journal, folder.trials):
            shutil.rmtree(stale, ignore_errors=True)
        tokens_file.unlink()
    storage.fetch(SPEC, folder.spec_file)
    with suppress(FileNotFoundError):  # version 0.1.0 wrote none
        storage.fetch(DATA, folder.path / DATA)
    _download_journal(folder, storage)


def _download_journal(folder: SweepFolder, storage: Storage) -> None:
    segments = sorted(name for name in storage.list_files(JOURNAL) if name.endswith(".parquet"))
    try:
        storage.fetch_all({name: folder.path / name for name in segments if not (folder.path / name).exists()})
    except FileNotFoundError:  # merged into another segment since it was listed: list again
        return _download_journal(folder, storage)
    for path in list(folder.journal.glob("*.parquet")):
        if f"{JOURNAL}/{path.name}" not in segments:
            path.unlink()
    return None


def put_request(storage: Storage, request: Request) -> None:
    """Leave a user's request at the storage, from where the sweep's driver takes it."""
    storage.write(f"{REQUESTS}/{request.id}.json", request.dump().encode())


def fetch_requests(folder: SweepFolder, storage: Storage) -> None:
    """Move users' requests from the storage to the sweep's folder. A request that arrives twice keeps its id."""
    for name in sorted(storage.list_files(REQUESTS)):
        if name.endswith(".json"):
            storage.fetch(name, folder.path / name)
            storage.delete(name)


def acquire(folder: SweepFolder, storage: Storage) -> str:
    """Make the driver of `folder` the owner of the sweep from now on; returns its owner token."""
    token = f"{secrets.token_hex(8)} {socket.gethostname()}"
    with (folder.path / OWNER).open("a", encoding="utf-8") as file:  # before the storage has it: a crash loses nothing
        file.write(f"{token}\n")
    storage.write(SPEC, folder.spec_file)
    if (folder.path / DATA).is_file():
        storage.write(DATA, folder.path / DATA)
    storage.write(OWNER, token.encode())
    return token


def check_owner(name: str, storage: Storage, token: str) -> None:
    """Check that the driver with this owner token is still the one that may write.

    Raises:
        SteadytuneError: another machine has resumed the sweep.
    """
    if (owner := _owner(storage)) != token:
        host = owner.partition(" ")[2]
        raise SteadytuneError(f"sweep {name} was resumed on {host}, so it continues there and ends here")
