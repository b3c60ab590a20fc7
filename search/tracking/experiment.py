"""The MLflow experiment of a recipe and a data set, and the calls that write its runs.

What the store refuses for good is noted and left out (`search.tracking.refusals`). A run that it refuses to create has
the id "", and nothing is written to it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from search.sweep.data_identity import read_identity
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan
from search.sweep.uri import sqlite_file, sqlite_store
from search.tracking.data_names import DATA_TAG, experiment_names
from search.tracking.mlflow_names import LONGEST_KEY, LONGEST_NOTE, LONGEST_PARAM, LONGEST_TAG, key, name_of, storable
from search.tracking.store_check import URI_SIGNS
from search.tracking.sync import Notify
from search.tracking.table_view import KIND_TAG
from trainables.errors import SteadytuneError

# Without the library, this repository's folder `mlflow/` would be imported under its name.
_spec = find_spec("mlflow")
if _spec is None or _spec.origin is None:
    raise ImportError("the library mlflow is not installed; install steadytune's requirements")

import mlflow  # noqa: E402
from mlflow.entities import Metric, Param, Run, RunTag  # noqa: E402
from mlflow.exceptions import MlflowException as StoreError  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

from search.tracking.refusals import Refusals, files_are_final, is_final  # noqa: E402

__all__ = ["Experiment", "Metric", "MlflowClient", "Run", "StoreError", "mlflow"]

_BATCH_METRICS, _BATCH_PARAMS = 1000, 100
"""What MLflow takes in one call."""
_NOTE = "mlflow.note.content"

_Item = TypeVar("_Item", Metric, Param, RunTag)


class Experiment:
    """The experiment, made if it does not exist, and its runs.

    Args:
        store: tracking URI.
        names: the names that it may have. It gets the first that is free or of the same data; else the last one.
        data: fingerprint of its data; "" if it is not known.
        artifacts: URI of the folder for the files of its runs; None for the store's own.
        notify: tells the user what the store refuses.

    Attributes:
        client: MLflow's, on the store.
        refusals: what the store refuses for good.

    Raises:
        SteadytuneError: the experiment was deleted in MLflow.
    """

    def __init__(
        self,
        store: str,
        names: Sequence[str],
        data: str,
        artifacts: str | None = None,
        notify: Notify = lambda message: None,
    ) -> None:
        uri = mlflow_uri(store)
        mlflow.set_tracking_uri(uri)  # for what MLflow does on its own, such as while a model is saved
        self.client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self.refusals = Refusals(notify)
        self._refused: set[tuple[str, str, str]] = set()
        self._number = self._found_or_created(store, names, data, artifacts)
        self.tag_experiment(*KIND_TAG)

    @classmethod
    def of_sweep(cls, folder: SweepFolder, plan: Plan, notify: Notify = lambda message: None) -> Experiment:
        """The experiment of a sweep's recipe and data set."""
        identity = read_identity(folder.path)
        artifacts = None if plan.spec.store else (folder.root / "artifacts").as_uri()
        data = identity.first_fingerprint if identity else ""
        names = experiment_names(plan.spec, identity)
        return cls(folder.store(plan.spec), names, data, artifacts, notify)

    def tag_experiment(self, tag: str, value: str) -> None:
        """Set a tag of the experiment itself."""
        set_tag = partial(self.client.set_experiment_tag, self._number, tag, value)
        self.refusals.accepted(f"the experiment's tag {tag}", set_tag)

    def _found_or_created(self, store: str, names: Sequence[str], data: str, artifacts: str | None) -> str:
        """The id of the experiment."""
        for name in names:
            existing = self.client.get_experiment_by_name(name)
            if existing is None or name == names[-1] or existing.tags.get(DATA_TAG) == data:
                break
        if existing is None:
            return str(self.client.create_experiment(name, artifacts, tags={DATA_TAG: data} if data else None))
        if existing.lifecycle_stage == "deleted":
            restore = f"mlflow experiments restore --experiment-id {existing.experiment_id}"
            raise SteadytuneError(
                f"the experiment {name!r} was deleted in the MLflow store {store}; restore it with "
                f"`MLFLOW_TRACKING_URI={store} {restore}`, or remove it for good with `mlflow gc`"
            )
        return str(existing.experiment_id)

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
        values = {key(f"steadytune.{tag}"): storable(value, LONGEST_TAG) for tag, value in tags.items()}
        if parent:
            values["mlflow.parentRunId"] = parent
        run_ids: list[str] = []

        def create() -> None:
            run = self.client.create_run(
                self._number, start_time=int(time_s * 1000), tags=values, run_name=storable(name, LONGEST_KEY)
            )
            run_ids.append(str(run.info.run_id))

        self.refusals.accepted(f"the run {name}", create)
        return run_ids[0] if run_ids else ""

    def end_run(self, run: str, status: str, time_s: float) -> None:
        """End a run with a status of MLflow's. A run that has ended is not written again unless `reopen` opens it."""
        if run:
            self.refusals.accepted(
                f"the end of run {run}", lambda: self.client.set_terminated(run, status, int(time_s * 1000))
            )

    def reopen(self, run: str) -> None:
        """Continue a run that has ended."""
        self.refusals.accepted(f"run {run}", lambda: self.client.update_run(run, status="RUNNING"))

    def log_params(self, run: str, values: Mapping[str, Any]) -> None:
        """Write parameters; writing the same ones again changes nothing."""
        params = [Param(key(name), storable(value, LONGEST_PARAM)) for name, value in values.items()]
        for start in range(0, len(params), _BATCH_PARAMS):
            self._log(run, "params", "the parameter", params[start : start + _BATCH_PARAMS])

    def log_metrics(self, run: str, metrics: Sequence[Metric]) -> None:
        """Write points of metrics."""
        for start in range(0, len(metrics), _BATCH_METRICS):
            self._log(run, "metrics", "the metric", metrics[start : start + _BATCH_METRICS])

    def tag(self, run: str, **tags: Any) -> None:
        """Set tags, under the prefix `steadytune.`."""
        run_tags = [RunTag(key(f"steadytune.{tag}"), storable(value, LONGEST_TAG)) for tag, value in tags.items()]
        self._log(run, "tags", "the tag", run_tags)

    def tags(self, run: str) -> dict[str, str]:
        """The tags of a run."""
        return dict(self.client.get_run(run).data.tags) if run else {}

    def describe(self, run: str, text: str) -> None:
        """Set the description that MLflow shows with a run."""
        self._log(run, "tags", "the tag", [RunTag(_NOTE, storable(text, LONGEST_NOTE))])

    def log_artifacts(self, run: str, local: Path, target: str | None = None) -> None:
        """Upload the files in a folder."""
        if run:
            log = partial(self.client.log_artifacts, run, str(local), target)
            self.refusals.accepted(f"files of run {run}", log, files_are_final)

    @contextmanager
    def new_artifacts(self, run: str) -> Iterator[Path]:
        """An empty folder to fill; its files become the run's artifacts at the end of the block."""
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
            self.log_artifacts(run, Path(folder))

    def _log(self, run: str, kind: str, noun: str, items: Sequence[_Item]) -> None:
        """Write metrics, params or tags; if the store refuses them together, find those that it refuses.

        Args:
            run: the run's id.
            kind: the argument of MLflow's `log_batch`.
            noun: what such an item is called.
            items: at most as many as MLflow takes in one call.
        """
        items = [item for item in items if (run, kind, item.key) not in self._refused]
        if not run or not items:
            return
        subject = f"{noun} {name_of(items[0].key)!r}" if len(items) == 1 else f"{len(items)} {kind} of run {run}"
        # `synchronous`: with MLFLOW_ENABLE_ASYNC_LOGGING refused items would be lost silently.
        batch: dict[str, Any] = {kind: items, "synchronous": True}
        log = partial(self.client.log_batch, run, **batch)
        refusal = self.refusals.refusal(subject, log)
        if refusal is None:
            return
        if not self._is_active(run):
            self.refusals.note(f"run {run}", refusal)
        elif len(items) == 1:
            self._refused.add((run, kind, items[0].key))
            self.refusals.note(subject, refusal)
        else:
            half = len(items) // 2
            self._log(run, kind, noun, items[:half])
            self._log(run, kind, noun, items[half:])

    def _is_active(self, run: str) -> bool:
        """Whether the run is still there: somebody may have deleted it."""
        try:
            return str(self.client.get_run(run).info.lifecycle_stage) == "active"
        except StoreError as error:
            if is_final(error):
                return False
            raise


def points(values: Mapping[str, float], time_s: float, step: int) -> list[Metric]:
    """One point of each metric."""
    return [Metric(key(name), value, int(time_s * 1000), step) for name, value in values.items()]


def mlflow_uri(store: str) -> str:
    """The URI by which MLflow opens `store`. Its database is created if it does not exist.

    MLflow reads "%", "?" and "#" in a path as an escape, a query and a fragment. A database in a folder with such a
    name is named from that folder, into which this process changes.
    """
    file = sqlite_file(store)
    if file is None:
        return store
    path = file.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    from_here = path
    if URI_SIGNS & set(str(path.parent)):
        os.chdir(path.parent)
        from_here = Path(path.name)
    _create_database(from_here)
    return sqlite_store(from_here)


def _create_database(path: Path) -> None:
    """Create a SQLite store that does not exist yet, with all of its tables or not at all.

    If the disk filled up while MLflow itself created it, half of the tables would stay, and MLflow would refuse the
    store for ever.
    """
    if path.exists():
        return
    partial_path = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        MlflowClient(tracking_uri=sqlite_store(partial_path)).search_experiments(max_results=1)
        with suppress(FileExistsError):  # another sweep was faster
            os.link(partial_path, path)
    finally:
        for leftover in path.parent.iterdir():
            if leftover.name.startswith(partial_path.name):
                leftover.unlink()
