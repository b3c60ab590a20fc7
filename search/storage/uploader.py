"""Keeps a sweep's storage up to date with its folder, in a thread: neither trials nor decisions wait for it.

What the storage holds is at every moment what the sweep was a little earlier: segments of the journal come in order,
a merged one before those that it replaces go, and a checkpoint is deleted only after the rows that made it superfluous.
So a sweep whose machine is lost goes on from there; epochs that the storage had not heard of are trained again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from search.journal.segments import segments
from search.storage import remote_sweep as stored
from search.storage.object_store import Say, Storage, patiently
from search.sweep.folder import SweepFolder
from trainables.checkpoint import CHECKSUMS

POLL_SECONDS = 1.0
LAST_SECONDS = 10.0
"""For what is left when a sweep is interrupted; `resume` in the same folder brings the rest."""


class Uploader(AbstractContextManager["Uploader"]):
    """The thread. A `with` block's end waits until the storage has everything; an interruption not for long.

    Args:
        folder: the sweep's.
        uri: of its storage, which has answered just now.
        say: tells the user that the storage is away, and back.
    """

    def __init__(self, folder: SweepFolder, uri: str, say: Say) -> None:
        self._folder, self._uri, self._say = folder, uri, say
        self._storage = Storage(uri, folder.name)
        self._doomed: set[str] = set()
        self._there: set[str] | None = None
        self._ended, self._hurry = threading.Event(), threading.Event()
        self._failed: Callable[[Exception], None] = lambda error: None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="uploader", daemon=True)

    def __enter__(self) -> Uploader:
        self._word = patiently(lambda: stored.claim(self._folder, self._storage), self._say)
        patiently(self._sweep_up, self._say)
        self._thread.start()
        return self

    def watch(self, failed: Callable[[Exception], None]) -> None:
        """Call `failed` if the sweep has gone on elsewhere, or something else makes uploading senseless."""
        self._failed = failed
        if self._error:
            failed(self._error)

    def delete(self, trial: int, epoch: int) -> None:
        """Delete a checkpoint, once the storage has all that the journal holds by now."""
        self._doomed.add(stored.checkpoint_name(trial, epoch))

    def put_best(self) -> None:
        """Copy the winner's folder, whose README says that it is whole."""
        storage, best = self._storage, self._folder.best

        def put() -> None:
            for path in sorted(best.rglob("*"), key=lambda path: path.name == "README.md"):
                if path.is_file():
                    storage.write(f"best/{path.relative_to(best).as_posix()}", path)

        patiently(put, self._say)

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._ended.set()
        if kind is None:
            while self._thread.is_alive():
                self._thread.join(0.2)  # Ctrl-C comes through
            if self._error:
                raise self._error
            return
        self._thread.join(LAST_SECONDS)
        self._hurry.set()
        if self._thread.is_alive():
            self._say(f"The storage lacks the last of it: resume in {self._folder.root}, which has it.")

    def _work(self) -> None:
        try:
            while True:
                last = self._ended.wait(POLL_SECONDS)
                patiently(self._push, self._say, self._hurry.wait)
                if last:
                    return
        except Exception as error:
            self._error = error
            self._failed(error)

    def _push(self) -> None:
        """Have the storage hold what the folder holds; may be cut short anywhere, and called again."""
        stored.check_owner(self._folder.name, self._storage, self._word)
        doomed = set(self._doomed)  # the journal that they follow from is on disk by now
        self._push_journal()
        if doomed:
            self._storage.remove(sorted(doomed & stored.checkpoints(self._storage).keys()), CHECKSUMS)
            self._doomed -= doomed

    def _push_journal(self) -> None:
        if self._there is None:  # only now: a driver that was left behind may just have written
            self._there = set(self._storage.names(stored.JOURNAL))
        local = {f"{stored.JOURNAL}/{path.name}": path for path in segments(self._folder.journal)}
        for name in sorted(local.keys() - self._there):
            try:
                rows = local[name].read_bytes()
            except FileNotFoundError:  # merged away between listing and reading: list again
                return self._push_journal()
            self._storage.write(name, rows)
            self._there.add(name)
        for name in sorted(self._there - local.keys()):
            self._storage.delete(name)
            self._there.discard(name)
        return None

    def _sweep_up(self) -> None:
        """Delete the checkpoints that killed workers left half-written."""
        found = stored.checkpoints(self._storage)
        self._storage.remove(sorted(found.keys() - stored.sealed(found).keys()), CHECKSUMS)
