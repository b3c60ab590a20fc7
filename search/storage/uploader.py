"""Keeps a sweep's storage up to date with its folder.

At every moment the storage holds the sweep as it was a little earlier. Segments of the journal are uploaded in order. A
merged segment is uploaded before those that it replaces are deleted. A checkpoint is deleted only after the rows that
made it superfluous were uploaded. So if a machine is lost, its sweep can be resumed from the storage; epochs whose rows
were not uploaded yet are trained again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from search.journal.segments import segments
from search.storage import remote_sweep
from search.storage.object_store import Notify, Storage, retry_until_available
from search.sweep.folder import SweepFolder
from trainables.checkpoint import CHECKSUMS

POLL_SECONDS = 1.0
THREAD = "uploader"
"""Name of the thread that uploads."""
LAST_SECONDS = 10.0
"""How long an interrupted sweep waits for its last upload; `resume` in the same folder uploads the rest."""


class StorageSync:
    """Brings the storage up to date with the sweep's folder, one call of `push` after another.

    Every method may be cut short anywhere and called again.

    Args:
        folder: the sweep's folder.
        storage: where the sweep is uploaded to.
    """

    def __init__(self, folder: SweepFolder, storage: Storage) -> None:
        self._folder, self._storage = folder, storage
        self._token = ""
        self._superfluous: set[str] = set()
        self._uploaded: set[str] | None = None

    def acquire(self) -> None:
        """Make this driver the sweep's owner, and delete the checkpoints that killed workers left incomplete."""
        self._token = remote_sweep.acquire(self._folder, self._storage)
        checkpoints = remote_sweep.list_checkpoints(self._storage)
        incomplete = checkpoints.keys() - remote_sweep.complete(checkpoints).keys()
        self._storage.delete_folders(sorted(incomplete), CHECKSUMS)

    def delete(self, trial: int, epoch: int) -> None:
        """Have the next `push` delete a checkpoint, after it has uploaded what the journal holds by now."""
        self._superfluous.add(remote_sweep.checkpoint_name(trial, epoch))

    def push(self) -> None:
        """Upload what the folder has and the storage lacks, and fetch what users ask for by hand.

        Raises:
            OSError: the storage does not answer.
            SteadytuneError: another machine has resumed the sweep.
        """
        remote_sweep.check_owner(self._folder.name, self._storage, self._token)
        remote_sweep.fetch_requests(self._folder, self._storage)
        superfluous = set(self._superfluous)  # before the journal: the rows that they follow from are on disk by now
        self._push_journal()
        if superfluous:
            present = remote_sweep.list_checkpoints(self._storage).keys()
            self._storage.delete_folders(sorted(superfluous & present), CHECKSUMS)
            self._superfluous -= superfluous

    def _push_journal(self) -> None:
        if self._uploaded is None:  # listed here, as a driver that lost the sweep may have written until just now
            self._uploaded = set(self._storage.list_files(remote_sweep.JOURNAL))
        local = {f"{remote_sweep.JOURNAL}/{path.name}": path for path in segments(self._folder.journal)}
        for name in sorted(local.keys() - self._uploaded):
            try:
                rows = local[name].read_bytes()
            except FileNotFoundError:  # merged into another segment since it was listed: list again
                return self._push_journal()
            self._storage.write(name, rows)
            self._uploaded.add(name)
        for name in sorted(self._uploaded - local.keys()):
            self._storage.delete(name)
            self._uploaded.discard(name)
        return None

    def upload_best(self) -> None:
        """Upload the winner's folder; its README last, which marks it as complete."""
        best, readme = self._folder.best, self._folder.best / "README.md"
        others = [path for path in best.rglob("*") if path.is_file() and path != readme]
        self._storage.write_all({f"best/{path.relative_to(best).as_posix()}": path for path in others})
        if readme.is_file():
            self._storage.write("best/README.md", readme)


class Uploader(AbstractContextManager["Uploader"]):
    """Runs a `StorageSync` in a thread: neither trials nor decisions wait for the storage.

    The end of a `with` block waits until the storage has everything; after an exception, at most `LAST_SECONDS`.

    Args:
        folder: the sweep's folder.
        uri: of its storage, which has answered just before.
        notify: tells the user that the storage does not answer, and when it answers again.
    """

    def __init__(self, folder: SweepFolder, uri: str, notify: Notify) -> None:
        self._folder, self._notify = folder, notify
        self._sync = StorageSync(folder, Storage(uri, folder.name))
        self._ended, self._cancelled = threading.Event(), threading.Event()
        self._on_failure: Callable[[Exception], None] = lambda error: None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._upload, name=THREAD, daemon=True)

    def __enter__(self) -> Uploader:
        retry_until_available(self._sync.acquire, self._notify)
        self._thread.start()
        return self

    def watch(self, on_failure: Callable[[Exception], None]) -> None:
        """Call `on_failure` if another machine resumes the sweep, or anything else makes uploading impossible."""
        self._on_failure = on_failure
        if self._error:
            on_failure(self._error)

    def delete(self, trial: int, epoch: int) -> None:
        """Delete a checkpoint at the storage, once it has all that the journal holds by now."""
        self._sync.delete(trial, epoch)

    def upload_best(self) -> None:
        """Upload the winner's folder, and return when the storage has it."""
        retry_until_available(self._sync.upload_best, self._notify)

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._ended.set()
        if kind is None:
            while self._thread.is_alive():
                self._thread.join(0.2)  # in short steps, so that Ctrl-C interrupts it
            if self._error:
                raise self._error
            return
        self._thread.join(LAST_SECONDS)
        self._cancelled.set()
        if self._thread.is_alive():
            self._notify(f"The storage lacks the last changes: resume in {self._folder.root}, which has them.")

    def _upload(self) -> None:
        try:
            while True:
                last = self._ended.wait(POLL_SECONDS)
                retry_until_available(self._sync.push, self._notify, self._cancelled)
                if last:
                    return
        except Exception as error:
            self._error = error
            self._on_failure(error)


def is_uploading() -> bool:
    """Whether a thread of this process still waits for a storage: at the end of the process Arrow would wait too."""
    return any(thread.name == THREAD for thread in threading.enumerate())
