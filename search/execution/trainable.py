"""A recipe as a Ray trainable: one `step` is one epoch.

A worker process serves many trials. Between two of them it keeps its imports and its data set and drops everything
else, so only its first trial pays for a cold process (torch and its dependencies take seconds to import).
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

from search.execution.epoch_event import epoch_done
from search.execution.heartbeat import Heartbeat
from search.execution.resources import TrialResources
from search.execution.worker_data import DataChangedError, WorkerData
from search.journal.events import EpochDone
from search.storage.dataset_cache import fetch
from search.storage.object_store import Storage, retry_until_available
from search.storage.remote_sweep import download_newest_checkpoint, upload_checkpoint, upload_log
from search.sweep.environment import write_environment
from search.sweep.uri import is_uri
from trainables import checkpoint, identity, registry
from trainables.errors import CheckpointError, DataError, KilledError
from trainables.recipe import Epoch
from trainables.settings import parse_stored

REPORT, ENDED, FAILED, ABORTED, OUT_OF_MEMORY = "report", "ended", "failed", "aborted", "out_of_memory"
"""The keys of a step's result; each result has one of them. See `RecipeTrainable`."""


@cache
def _placement_group(resources: TrialResources) -> tune.PlacementGroupFactory:
    """One object for all trials: Ray keeps the object of each trial to the end of the sweep, and it takes kilobytes."""
    return tune.PlacementGroupFactory([resources.bundle])


class RecipeTrainable(tune.Trainable):
    """Runs `Recipe.train` for one assignment after another.

    The configuration has these keys, the same for all assignments:

        recipe, declaration, data, data_cache_gb, data_fingerprint, checkpoint_every: as in `SweepSpec`.
        data_began: fingerprint that the data must have; "" if that is not known.
        data_earlier: fingerprints of earlier data whose checkpoints may be used, since the user accepted the change.
        folder: the folder of all trials.
        storage: URI, or "" if all nodes share the folder.
        checkpoint_at: epochs of the rungs, where a trial may be paused.
        hang_seconds: an epoch that takes longer counts as a hang.
        resources: a `TrialResources`.

    and these of the assignment: `trial`, `settings`, `epochs` (how many have been reported to the driver). A step
    returns a dictionary with one of these keys:

        report: an `EpochDone`.
        ended: one sentence; the training ended by itself, as its recipe allows.
        failed: one sentence; the training's code raised an error. The process is sound and takes the next trial.
        aborted: one sentence; the disk is full, or the data have changed. Every other trial would end the same way.
        out_of_memory: True; a shared GPU had too little memory. With a GPU of its own the trial may continue.
    """

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        """The resources that Ray reserves for the assignment."""
        return _placement_group(config["resources"])

    def setup(self, config: dict[str, Any]) -> None:
        """Called once per process, with its first assignment."""
        self._recipe = registry.find(config["recipe"], config["declaration"])
        sweep = Path(config["folder"]).parent
        self._data = WorkerData(self._recipe, config["data"], sweep, config["data_began"])
        identity.accept(config["data_earlier"])
        self._data_path: Path | None = None
        self._sweep_storage: Storage | None = None  # not `_storage`, which is Ray's
        self._epochs: Iterator[Epoch] | None = None
        self._heartbeat = Heartbeat()
        self._assign(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Called with the next assignment, so that no new process is started for it."""
        self.cleanup()
        self._assign(new_config)
        return True

    def cleanup(self) -> None:
        """End the training and drop it, which frees its memory."""
        if self._epochs is not None and (close := getattr(self._epochs, "close", None)):
            close()  # this ends a script
        self._epochs = None
        if "torch" in sys.modules:
            from trainables import device  # imports torch, which not every recipe needs

            device.release()

    def _assign(self, config: dict[str, Any]) -> None:
        self._config = config
        self._folder = Path(config["folder"]) / f"{config['trial']:04d}"
        self._heartbeat.of(config["folder"], config["trial"])

    def step(self) -> dict[str, Any]:
        """Train one epoch. What the training prints goes to the trial's `log.txt`."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with ExitStack() as stack:
                log = stack.enter_context((self._folder / "log.txt").open("a", encoding="utf-8"))
                stack.enter_context(redirect_stdout(log))
                stack.enter_context(redirect_stderr(log))
                if self._epochs is None:
                    self._download()
                with _watched(log, self._config["hang_seconds"]):
                    result = self._logged_step()
                if REPORT in result:
                    log.flush()
                    self._upload(result[REPORT])
                return result
        except KilledError:  # to Ray the trial has crashed: it is restarted, `retries` times
            raise
        except Exception as error:  # any error of a training ends this trial, not the worker
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                return {ABORTED: f"{self._folder}: the disk is full; nothing is lost: free some space and resume"}
            if changed := self._data_change(error):
                return {ABORTED: changed}
            gpus = self._config["resources"].gpus
            out_of_memory = gpus > 0 and type(error).__name__ == "OutOfMemoryError"  # torch's
            if out_of_memory and gpus < 1:
                return {OUT_OF_MEMORY: True}
            if self._sweep_storage:  # the user may not see this node's folder; no retries for a log
                with suppress(OSError):
                    upload_log(self._sweep_storage, self._folder)
            text = str(error).strip().split("\n")[0]
            cause = "too little memory, with a GPU of its own" if out_of_memory else type(error).__name__
            return {FAILED: f"{cause}: {text} (see {self._folder / 'log.txt'})"}

    def _data_change(self, error: Exception) -> str:
        """How the data have changed, if they have: then that is the cause of `error`, not the trial. Else ""."""
        try:
            if not isinstance(error, DataChangedError):
                self._data.look()
                return ""
        except DataError as changed:
            return str(changed)
        return str(error)

    def _download(self) -> None:
        """Download the data set and the trial's checkpoint. Not watched, since waiting for a storage is no hang."""
        config = self._config
        if self._data_path is None:
            self._data_path = Path(config["data"])
            if is_uri(config["data"]):
                self._data_path = fetch(config["data"], config["data_cache_gb"], config["data_fingerprint"]).path
        if config["storage"]:
            storage = retry_until_available(lambda: Storage(config["storage"], self._folder.parent.parent.name))
            retry_until_available(lambda: download_newest_checkpoint(storage, self._folder, config["epochs"]))
            self._sweep_storage = storage

    def _upload(self, done: EpochDone) -> None:
        """Upload the epoch's checkpoint before the epoch is reported, and delete the copy on this node."""
        storage = self._sweep_storage
        if storage and done.checkpoint:
            retry_until_available(lambda: upload_checkpoint(storage, self._folder, done.epoch))
            for path in checkpoint.by_epoch(self._folder / "checkpoints").values():
                checkpoint.remove(path)

    def _logged_step(self) -> dict[str, Any]:
        try:
            if self._epochs is None:
                self._epochs = self._train()
            epoch = next(self._epochs, None)
            if epoch is None and self._recipe.ends_early:
                return {ENDED: "it ended by itself before its last epoch"}
            if epoch is None:
                return {
                    FAILED: f"the recipe ended before the {self._config['settings']['epochs']} epochs of its settings"
                }
            return {REPORT: self._report(epoch)}
        except Exception:
            traceback.print_exc()
            raise

    def _train(self) -> Iterator[Epoch]:
        assert self._data_path is not None, "set by _download"
        data = self._data.open(self._data_path)
        settings = parse_stored(self._recipe.settings_type, self._config["settings"], self._recipe.name)
        write_environment(self._folder, settings.model_dump(mode="json"), self._data.fingerprint)
        return self._recipe.train(settings, data, self._folder, self._resume())

    def _resume(self) -> Path | None:
        """The newest intact checkpoint whose epoch was reported. Newer ones are removed: their epochs are repeated."""
        for epoch, path in reversed(checkpoint.by_epoch(self._folder / "checkpoints").items()):
            if epoch <= self._config["epochs"]:
                try:
                    checkpoint.check(path)
                    return path
                except CheckpointError as error:
                    print(f"{error}; an earlier one is used", file=sys.stderr)
            checkpoint.remove(path)
        return None

    def _report(self, epoch: Epoch) -> EpochDone:
        ended = time.time()
        settings = self._config["settings"]
        saved: Path | None = None
        due = epoch.epoch % self._config["checkpoint_every"] == 0 or epoch.epoch == settings["epochs"]
        if epoch.saves and epoch.alarm is None and (due or epoch.epoch in self._config["checkpoint_at"]):
            saved = checkpoint.write(self._folder / "checkpoints", epoch.epoch, epoch.save)
        return epoch_done(self._config["trial"], epoch, ended, saved)


@contextmanager
def _watched(log: TextIO, hang_seconds: float) -> Iterator[None]:
    """For the block, have faulthandler write the stack of a crash or a hang to the log; a hang ends the process.

    faulthandler's watchdog is a thread in C: it also ends code that never releases Python's global lock.
    """
    faulthandler.enable(log)
    faulthandler.dump_traceback_later(hang_seconds, exit=True, file=log)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        faulthandler.disable()  # otherwise it would write to a closed file
