"""A recipe as a Ray trainable: one `step` is one epoch.

A worker serves many trials. Between two of them it keeps its imports and its data set and drops everything else, so
only the first trial of a worker pays for a cold process (torch and its kin take seconds to import).
"""

from __future__ import annotations

import errno
import faulthandler
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from ray import tune

from search.execution.resources import Needs
from search.journal.events import EpochDone
from search.storage.dataset_cache import fetch
from search.storage.object_store import Storage, retry_until_available
from search.storage.remote_sweep import download_newest_checkpoint, upload_checkpoint, upload_log
from search.sweep.environment import leave
from search.sweep.uri import is_uri
from trainables import checkpoint, registry
from trainables.errors import CheckpointError
from trainables.recipe import Epoch
from trainables.settings import parse

REPORT = "report"
FAILED = "failed"
HALTED = "halted"
CROWDED = "crowded"


@cache
def _bundle(needs: Needs) -> tune.PlacementGroupFactory:
    """One for all trials: each is kept to the sweep's end, with kilobytes."""
    return tune.PlacementGroupFactory([needs.bundle])


class RecipeTrainable(tune.Trainable):
    """Drives `Recipe.train` for one assignment after the other.

    The configuration has `recipe`, `data`, `data_cache_gb`, `data_fingerprint`, `folder` (all trials' folders),
    `storage` ("" if all nodes share the folder), `checkpoint_every`, `checkpoint_at` (the rungs, where a trial may have
    to wait), `hang_seconds`, `needs`, and the assignment: `trial`, `settings`, `epochs` (that the driver knows of). A
    step returns one of

        report: an `EpochDone`
        failed: one sentence; the training's code raised. The process is sound and takes the next trial.
        halted: one sentence; the disk is full, which no other trial would survive either.
        crowded: True; a GPU that others use too had not enough memory. Alone the training may go on.
    """

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        """What Ray keeps free for the assignment."""
        return _bundle(config["needs"])

    def setup(self, config: dict[str, Any]) -> None:
        """Called once a process, with its first assignment."""
        self._recipe = registry.find(config["recipe"])
        self._data: Any = None
        self._path = Path()
        self._stored: Storage | None = None
        self._epochs: Iterator[Epoch] | None = None
        self._assign(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Called instead of a new process with the next assignment."""
        self.cleanup()
        self._assign(new_config)
        return True

    def cleanup(self) -> None:
        """Ends the training, which frees its memory."""
        self._epochs = None
        if "torch" in sys.modules:
            from trainables import device as gpu  # imports torch, which not every recipe needs

            gpu.release()

    def _assign(self, config: dict[str, Any]) -> None:
        self._config = config
        self._folder = Path(config["folder"]) / f"{config['trial']:04d}"

    def step(self) -> dict[str, Any]:
        """One epoch. What the training prints goes to the trial's `log.txt`."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with ExitStack() as stack:
                log = stack.enter_context((self._folder / "log.txt").open("a", encoding="utf-8"))
                stack.enter_context(redirect_stdout(log))
                stack.enter_context(redirect_stderr(log))
                if self._epochs is None:
                    self._bring()
                with _watched(log, self._config["hang_seconds"]):
                    result = self._logged_step()
                if REPORT in result:
                    log.flush()
                    self._put(result[REPORT])
                return result
        except Exception as error:  # whatever a training raises ends this trial, not the worker
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                return {HALTED: f"{self._folder}: the disk is full; nothing is lost: free some space and resume"}
            if type(error).__name__ == "OutOfMemoryError" and 0 < self._config["needs"].gpus < 1:  # torch's
                return {CROWDED: True}
            if self._stored:  # nobody sees this node's folder; but a failed trial waits for no storage
                with suppress(OSError):
                    upload_log(self._stored, self._folder)
            text = str(error).strip().split("\n")[0]
            return {FAILED: f"{type(error).__name__}: {text} (see {self._folder / 'log.txt'})"}

    def _bring(self) -> None:
        """Have on this node what the training begins with. Waiting for a storage that is away is no hang."""
        config = self._config
        if self._data is None:
            self._path = Path(config["data"])
            if is_uri(config["data"]):
                self._path = fetch(config["data"], config["data_cache_gb"], config["data_fingerprint"]).path
        if config["storage"]:
            storage = retry_until_available(lambda: Storage(config["storage"], self._folder.parent.parent.name))
            retry_until_available(lambda: download_newest_checkpoint(storage, self._folder, config["epochs"]))
            self._stored = storage

    def _put(self, done: EpochDone) -> None:
        """Have the storage hold the epoch's checkpoint before anybody hears of it; then the node need not."""
        storage = self._stored
        if storage and done.checkpoint:
            retry_until_available(lambda: upload_checkpoint(storage, self._folder, done.epoch))
            for path in checkpoint.found(self._folder / "checkpoints").values():
                checkpoint.remove(path)

    def _logged_step(self) -> dict[str, Any]:
        try:
            if self._epochs is None:
                self._epochs = self._train()
            epoch = next(self._epochs, None)
            if epoch is None:
                return {
                    FAILED: f"the recipe ended before the {self._config['settings']['epochs']} epochs of its settings"
                }
            return {REPORT: self._report(epoch)}
        except Exception:
            traceback.print_exc()
            raise

    def _train(self) -> Iterator[Epoch]:
        if self._data is None:
            self._data = self._recipe.open(self._path)
        settings = parse(self._recipe.settings_type, self._config["settings"], self._recipe.name)
        leave(self._folder, settings.model_dump(mode="json"), getattr(self._data, "fingerprint", ""))
        return self._recipe.train(settings, self._data, self._folder, self._resume())

    def _resume(self) -> Path | None:
        """The newest sound checkpoint that the driver has heard of; the others are removed and trained again."""
        for epoch, path in reversed(checkpoint.found(self._folder / "checkpoints").items()):
            if epoch <= self._config["epochs"]:
                try:
                    checkpoint.check(path)
                    return path
                except CheckpointError as error:
                    print(f"{error}; an earlier one is used", file=sys.stderr)
            checkpoint.remove(path)
        return None

    def _report(self, epoch: Epoch) -> EpochDone:
        # Not when the step began: a process' first step imports torch and opens the data set before its epoch.
        began = time.time() - sum(epoch.seconds.values())
        settings = self._config["settings"]
        saved: Path | None = None
        due = epoch.epoch % self._config["checkpoint_every"] == 0 or epoch.epoch == settings["epochs"]
        if epoch.alarm is None and (due or epoch.epoch in self._config["checkpoint_at"]):
            saved = checkpoint.write(self._folder / "checkpoints", epoch.epoch, epoch.save)
        return EpochDone(
            trial=self._config["trial"],
            epoch=epoch.epoch,
            phase=epoch.phase,
            metrics=dict(epoch.metrics),
            losses=dict(epoch.losses),
            rates=dict(epoch.rates),
            seconds=dict(epoch.seconds),
            began=began,
            checkpoint=saved.name if saved else "",
            bytes=checkpoint.size_bytes(saved) if saved else 0,
            alarm=epoch.alarm.reason if epoch.alarm else "",
            alarm_detail=epoch.alarm.detail if epoch.alarm else "",
        )


@contextmanager
def _watched(log: TextIO, hang_seconds: float) -> Iterator[None]:
    """A crash of the process, or a hang, says in the log where it happened; a hang ends the process.

    The watch is a thread of C code: it also ends code that never gives Python's lock back.
    """
    faulthandler.enable(log)
    faulthandler.dump_traceback_later(hang_seconds, exit=True, file=log)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        faulthandler.disable()  # it would write to a closed file
