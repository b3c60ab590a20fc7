"""What MLflow holds of a sweep, and its removal for good: runs with their files, and versions of models."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from search.sweep.folder import SweepFolder
from search.sweep.uri import sqlite_file, sqlite_store
from search.tracking.experiment import MlflowClient, StoreError, mlflow, mlflow_uri
from search.tracking.mlflow_environment import without_ignored
from search.tracking.store_check import URI_SIGNS
from search.tracking.sweep_id import sweep_id
from search.tracking.sync import ENVIRONMENT
from search.tracking.table_view import view_tag
from trainables.errors import SteadytuneError, first_line

_RUNS_AT_A_TIME = 100
"""How many ids go on one command line."""


@dataclass(frozen=True)
class Recorded:
    """What the store has of a sweep.

    Attributes:
        runs: the ids, the sweep's own among them.
        versions: (model, version) of each registered version of its winners.
        champions: those models whose alias `champion` is one of these versions.
    """

    runs: tuple[str, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    champions: tuple[str, ...] = ()


class Removal:
    """One sweep's records in its store.

    Args:
        folder: the sweep's.

    Raises:
        SteadytuneError: the store cannot be read.
    """

    def __init__(self, folder: SweepFolder) -> None:
        self._sweep = sweep_id(folder)
        self._store = folder.store(folder.spec())
        self.recorded = Recorded()
        self._file = sqlite_file(self._store)
        if not self._sweep or (self._file and not self._file.is_file()):  # nothing has run, or nothing was recorded
            return
        os.environ.update(ENVIRONMENT)
        uri = mlflow_uri(self._store)
        mlflow.set_tracking_uri(uri)
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        try:
            self.recorded = self._find()
        except (StoreError, OSError) as error:
            raise self._error("read", error) from None

    def _find(self) -> Recorded:
        experiments = [experiment.experiment_id for experiment in self._client.search_experiments()]
        runs, token = [], None
        while experiments:
            # Runs that were written after the journal was cut have an id that begins with this one.
            query = f"tags.`steadytune.sweep` LIKE '{self._sweep}%'"
            page = self._client.search_runs(experiments, query, page_token=token)
            runs += [run.info.run_id for run in page]
            if not (token := page.token):
                break
        versions, champions = [], []
        for run in runs:
            for version in self._client.search_model_versions(f"run_id = '{run}'"):
                versions.append((version.name, str(version.version)))
                aliases = self._client.get_registered_model(version.name).aliases
                champions += [version.name] if aliases.get("champion") == version.version else []
        return Recorded(tuple(runs), tuple(versions), tuple(champions))

    def remove(self) -> None:
        """Delete all that was found. On a server, runs can still be restored until its administrator removes them.

        Raises:
            SteadytuneError: the store refuses it.
        """
        if not self.recorded.runs:
            return
        try:
            for name, version in self.recorded.versions:
                self._client.delete_model_version(name, version)
                if not self._client.search_model_versions(f"name = '{name}'"):
                    self._client.delete_registered_model(name)
            for run in self.recorded.runs:
                self._client.delete_run(run)
        except (StoreError, OSError) as error:
            raise self._error("changed", error) from None
        with suppress(StoreError, OSError):  # an old server may not know the call, and a view that stays does no harm
            self._remove_view()
        if self._file:
            self._collect(self._file.absolute())

    def _remove_view(self) -> None:
        tag = view_tag(self._sweep)
        for experiment in self._client.search_experiments():
            if tag in experiment.tags:
                self._client.delete_experiment_tag(experiment.experiment_id, tag)

    def _collect(self, file: Path) -> None:
        """Remove the deleted runs and their files from a local store: MLflow only marks them."""
        uri = sqlite_store(Path(file.name)) if URI_SIGNS & set(str(file.parent)) else self._store
        for start in range(0, len(self.recorded.runs), _RUNS_AT_A_TIME):
            ids = ",".join(self.recorded.runs[start : start + _RUNS_AT_A_TIME])
            command = [sys.executable, "-m", "mlflow", "gc", "--backend-store-uri", uri, "--run-ids", ids]
            # Not in a checkout, which has a folder named mlflow.
            done = subprocess.run(
                [*command, "--tracking-uri", uri],
                cwd=file.parent,
                env=without_ignored(os.environ) | ENVIRONMENT,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                raise SteadytuneError(f"store is {self._store}; `mlflow gc` could not remove the sweep's runs ({last})")

    def _error(self, attempted: str, error: Exception) -> SteadytuneError:
        fix = "try again when it answers, or keep its records with --keep-runs"
        return SteadytuneError(f"store is {self._store}; it cannot be {attempted} ({first_line(error)}); {fix}")


def rename_run(folder: SweepFolder, name: str) -> None:
    """Give the sweep's run the sweep's new name."""
    removal = Removal(folder)
    for run in removal.recorded.runs:
        if removal._client.get_run(run).data.tags.get("steadytune.kind") == "sweep":
            removal._client.update_run(run, name=name)
