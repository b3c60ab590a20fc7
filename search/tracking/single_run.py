"""One training without a sweep as an MLflow run, in the experiment of the sweeps on the same data."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from search.journal.events import EpochDone
from search.pruning.curve import Curve
from search.sweep.uri import sqlite_file
from search.tracking.data_names import names_on
from search.tracking.experiment import Experiment, Metric, StoreError, points
from search.tracking.trial_record import epoch_metrics
from trainables.errors import first_line

RETRY_SHARE = 0.05
"""Share of a training's time that may be spent on a store that does not answer. The training waits meanwhile, and a
request to a server that hangs takes most of a minute."""
KIND = "train"
"""The value of the tag `steadytune.kind`, which sweeps and their trials have too."""


class SingleRun:
    """The run. What the store missed while it did not answer is written with a later epoch.

    Args:
        store: tracking URI.
        recipe: its name.
        data: what people call the data.
        fingerprint: of the data.
        settings: of the training, which become the run's parameters.
        clock: seconds, for `RETRY_SHARE`.
    """

    def __init__(
        self,
        store: str,
        recipe: str,
        data: str,
        fingerprint: str,
        settings: Mapping[str, Any],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # it tells how it makes a database
        self._store = store
        self._notes: list[str] = []
        self._pending: list[Metric] = []
        names, artifacts = names_on(recipe, data, fingerprint), beside(store)
        self._experiment = Experiment(store, names, fingerprint, artifacts, self._notes.append)
        began = time.time()
        name = f"train {time.strftime('%Y-%m-%d %H:%M', time.localtime(began))}"
        tags = {"kind": KIND, "recipe": recipe, "status": "running", "seed": settings.get("seed", "")}
        self._run = self._experiment.create_run(name, began, tags)
        self._experiment.log_params(self._run, settings)
        self._answers = True
        self._clock, self._ask_at = clock, clock()

    def epoch(self, done: EpochDone, curve: Curve, metric: str) -> str:
        """Write an epoch's numbers; returns a sentence when the store stops answering, and for what it refuses."""
        self._pending += points(epoch_metrics(done, curve, metric), time.time(), done.epoch)
        began = self._clock()
        if began < self._ask_at:
            return self._noted()
        if error := self._error(self._write_pending):
            later = f"MLflow does not answer ({error}); it gets what it missed later"
            self._notes += [later] * self._answers
            self._ask_at = self._clock() + (self._clock() - began) / RETRY_SHARE
        self._answers = not error
        return self._noted()

    def end(self, status: str, folder: Path) -> str:
        """Write what is missing and the small files of `folder`, and end the run with a status of MLflow's."""
        if error := self._error(lambda: self._write_end(status, folder)):
            self._notes.append(f"MLflow at {self._store} lacks the end of this training ({error})")
        return self._noted()

    def _write_pending(self) -> None:
        self._experiment.log_metrics(self._run, self._pending)
        self._pending.clear()

    def _write_end(self, status: str, folder: Path) -> None:
        self._write_pending()
        with self._experiment.new_artifacts(self._run) as target:
            for path in sorted(folder.iterdir()):
                if path.is_file():  # checkpoints and weights are in folders, and stay there
                    shutil.copyfile(path, target / path.name)
        self._experiment.tag(self._run, status="done" if status == "FINISHED" else "stopped")
        self._experiment.end_run(self._run, status, time.time())

    def _error(self, write: Callable[[], None]) -> str:
        """What went wrong when MLflow was written; "" if nothing did."""
        try:
            write()
        except (StoreError, OSError) as error:
            return first_line(error)
        return ""

    def _noted(self) -> str:
        note = " ".join(self._notes)
        self._notes.clear()
        return note


def beside(store: str) -> str | None:
    """The folder for files beside a database file, where sweeps have it too; None for other stores, which have one."""
    file = sqlite_file(store)
    return (file.absolute().parent / "artifacts").as_uri() if file else None
