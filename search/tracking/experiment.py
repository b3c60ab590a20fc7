"""The MLflow experiment of a sweep's recipe and data set, and the calls that write its runs."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan
from search.tracking.table_view import KIND_TAG, VIEW_TAG, experiment_name, view

# Without the library, this repository's folder `mlflow/` would be imported under its name.
_spec = find_spec("mlflow")
if _spec is None or _spec.origin is None:
    raise ImportError("the library mlflow is not installed; install steadytune's requirements")

from mlflow.entities import Metric, Param, Run, RunTag  # noqa: E402
from mlflow.exceptions import MlflowException as StoreError  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

__all__ = ["Experiment", "Metric", "Run", "StoreError"]

_BATCH_METRICS, _BATCH_PARAMS = 1000, 100
"""What MLflow takes in one call."""
_LONGEST_PARAM, _LONGEST_TAG = 6000, 5000
"""Characters; MLflow refuses longer values."""


class Experiment:
    """The experiment, made if it does not exist, and its runs.

    Attributes:
        client: MLflow's, on the sweep's store.
    """

    def __init__(self, folder: SweepFolder, plan: Plan) -> None:
        store = folder.store(plan.spec)
        _create_database(store)
        self.client = MlflowClient(tracking_uri=store)
        name = experiment_name(plan.spec)
        existing = self.client.get_experiment_by_name(name)
        artifacts = None if plan.spec.store else (folder.root / "artifacts").as_uri()
        number = (
            existing.experiment_id if existing else self.client.create_experiment(name, artifact_location=artifacts)
        )
        for tag, value in ((VIEW_TAG, view(plan)), KIND_TAG):
            self.client.set_experiment_tag(number, tag, value)
        self._number = str(number)

    def runs(self, query: str) -> Iterator[Run]:
        """The runs that match a query in MLflow's language."""
        token = None
        while True:
            page = self.client.search_runs([self._number], query, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def create_run(self, name: str, time_s: float, tags: Mapping[str, Any], parent: str = "") -> str:
        """Start a run, a child of `parent` if that is given; `tags` get the prefix `steadytune.`. Returns its id."""
        values = {f"steadytune.{key}": str(value) for key, value in tags.items()}
        if parent:
            values["mlflow.parentRunId"] = parent
        run = self.client.create_run(self._number, start_time=int(time_s * 1000), tags=values, run_name=name)
        return str(run.info.run_id)

    def end_run(self, run: str, status: str, time_s: float) -> None:
        """End a run with a status of MLflow's. The last call for it: a run that has ended is not written again."""
        self.client.set_terminated(run, status, int(time_s * 1000))

    def log_params(self, run: str, values: Mapping[str, Any]) -> None:
        """Write parameters; writing the same ones again changes nothing."""
        params = [Param(_key(name), str(value)[:_LONGEST_PARAM]) for name, value in values.items()]
        for start in range(0, len(params), _BATCH_PARAMS):
            self.client.log_batch(run, params=params[start : start + _BATCH_PARAMS])

    def log_metrics(self, run: str, metrics: Sequence[Metric]) -> None:
        """Write points of metrics."""
        for start in range(0, len(metrics), _BATCH_METRICS):
            self.client.log_batch(run, metrics=metrics[start : start + _BATCH_METRICS])

    def tag(self, run: str, **tags: Any) -> None:
        """Set tags, under the prefix `steadytune.`."""
        run_tags = [RunTag(f"steadytune.{key}", str(value)[:_LONGEST_TAG]) for key, value in tags.items()]
        self.client.log_batch(run, tags=run_tags)

    @contextmanager
    def new_artifacts(self, run: str) -> Iterator[Path]:
        """An empty folder to fill; its files become the run's artifacts at the end of the block."""
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
            self.client.log_artifacts(run, folder)


def points(values: Mapping[str, float], time_s: float, step: int) -> list[Metric]:
    """One point of each metric."""
    return [Metric(_key(name), value, int(time_s * 1000), step) for name, value in values.items()]


def _key(name: str) -> str:
    """`name` with the characters that MLflow refuses replaced."""
    return re.sub(r"[^\w.\- :/]", "_", name)


def _create_database(store: str) -> None:
    """Create a SQLite store that does not exist yet, with all of its tables or not at all.

    If the disk filled up while MLflow itself created it, half of the tables would stay, and MLflow would refuse the
    store for ever.
    """
    path = Path(store.removeprefix("sqlite:///"))
    if not store.startswith("sqlite:///") or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        MlflowClient(tracking_uri=f"sqlite:///{partial}").search_experiments(max_results=1)
        with suppress(FileExistsError):  # another sweep was faster
            os.link(partial, path)
    finally:
        for leftover in path.parent.glob(f"{partial.name}*"):
            leftover.unlink()
