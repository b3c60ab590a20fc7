"""A sweep's journal as MLflow runs: one parent a sweep, one child a trial, each epoch's numbers with the epoch as step.

Writing the same rows twice changes nothing: a run is found again by its tags, and a point of a metric has the time of
its journal row, which MLflow's SQL stores take for the same point. So a recorder that was killed starts from the
beginning, and skips what has ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from search.decision import BEHIND, LOST
from search.events import Decided, EpochDone, Row, SweepEnded, TrialStarted
from search.folder import SweepFolder

_spec = find_spec("mlflow")
if (
    _spec is None or _spec.origin is None
):  # this repository's folder `mlflow/` answers to the name where the library is absent
    raise ImportError("the library mlflow is not installed; install steadytune's requirements")

from mlflow.entities import Metric, Param, RunTag  # noqa: E402
from mlflow.exceptions import MlflowException as StoreError  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

__all__ = ["Mirror", "StoreError"]

BATCH = 1000
"""Metrics that MLflow takes in one call."""

_STATUS = {"done": "FINISHED"} | dict.fromkeys(BEHIND, "KILLED") | dict.fromkeys(LOST, "FAILED")


class Mirror:
    """Writes rows of one sweep's journal to MLflow."""

    def __init__(self, folder: SweepFolder) -> None:
        self._folder = folder
        self._spec = folder.spec()
        self._client = MlflowClient(tracking_uri=folder.store(self._spec))
        self._experiment = self._find_experiment()
        self._runs: dict[int, str] = {}
        self._ended: set[int] = set()
        self._sweep = ""
        self._parent = ""

    def _find_experiment(self) -> str:
        name = f"{self._spec.recipe} on {Path(self._spec.data).absolute().parent.name}"
        found = self._client.get_experiment_by_name(name)
        if found:
            return str(found.experiment_id)
        local = None if self._spec.store else (self._folder.root / "artifacts").as_uri()
        return str(self._client.create_experiment(name, artifact_location=local))

    def _open(self, first: Row) -> None:
        """Find or make the sweep's run. A sweep is known by its name and the moment of its first row."""
        self._sweep = f"{self._spec.name}@{first.time:.6f}"
        found = list(self._search(f"tags.`steadytune.sweep` = '{self._sweep}'"))
        for run in found:
            tags = run.data.tags
            if tags["steadytune.kind"] == "sweep":
                self._parent = run.info.run_id
            else:
                self._runs[int(tags["steadytune.trial"])] = run.info.run_id
                if run.info.status != "RUNNING":
                    self._ended.add(int(tags["steadytune.trial"]))
        if not self._parent:
            self._parent = self._create(first.time, self._spec.name, {"kind": "sweep", "status": "running"})
            self._params(self._parent, self._spec.model_dump(exclude_none=True))

    def _search(self, query: str) -> Iterator[Any]:
        token = None
        while True:
            page = self._client.search_runs([self._experiment], query, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _create(self, time_s: float, name: str, tags: Mapping[str, Any], parent: str = "") -> str:
        own = {f"steadytune.{key}": str(value) for key, value in ({"sweep": self._sweep} | dict(tags)).items()}
        tree = {"mlflow.parentRunId": parent} if parent else {}
        run = self._client.create_run(self._experiment, start_time=int(time_s * 1000), tags=own | tree, run_name=name)
        return str(run.info.run_id)

    def _params(self, run: str, values: Mapping[str, Any]) -> None:
        params = [Param(_key(name), str(value)[:6000]) for name, value in values.items()]
        for start in range(0, len(params), 100):
            self._client.log_batch(run, params=params[start : start + 100])

    def write(self, rows: Iterable[Row]) -> None:
        """Write `rows`, which follow on those written before."""
        points: dict[str, list[Metric]] = {}
        ends: list[Row] = []
        for row in rows:
            if not self._parent:
                self._open(row)
            if isinstance(row.event, TrialStarted):
                self._start(row.time, row.event)
            elif isinstance(row.event, EpochDone) and row.event.trial not in self._ended:
                points.setdefault(self._runs[row.event.trial], []).extend(_points(row.event, row.time))
            elif isinstance(row.event, (Decided, SweepEnded)):
                ends.append(row)
        for run, metrics in points.items():
            for start in range(0, len(metrics), BATCH):
                self._client.log_batch(run, metrics=metrics[start : start + BATCH])
        for row in ends:
            self._end(row)

    def _start(self, time_s: float, event: TrialStarted) -> None:
        if event.trial in self._ended:
            return
        if event.trial not in self._runs:
            name = f"{event.trial:04d}" + (f" {event.named}" if event.named and event.kind == "search" else "")
            name += f" {event.kind}s {event.of:04d}" if event.kind != "search" else ""
            tags = {"kind": event.kind, "trial": event.trial, "of": event.of, "named": event.named, "status": "running"}
            self._runs[event.trial] = self._create(time_s, name, tags, self._parent)
        self._params(self._runs[event.trial], event.settings)

    def _end(self, row: Row) -> None:
        event = row.event
        if isinstance(event, Decided) and event.action == "stop" and event.trial not in self._ended:
            self._tag(self._runs[event.trial], status="stopped" if event.reason != "done" else "done",
                      reason=event.reason, detail=event.detail)  # fmt: skip
            self._client.set_terminated(self._runs[event.trial], _STATUS[event.reason], int(row.time * 1000))
            self._ended.add(event.trial)
        elif isinstance(event, SweepEnded):
            self._tag(self._parent, status="ended", best_trial=event.trial, detail=event.detail)
            self._client.log_batch(
                self._parent, [Metric(name, value, int(row.time * 1000), 0) for name, value in event.numbers.items()]
            )
            self._artifacts()
            self._client.set_terminated(self._parent, "FINISHED", int(row.time * 1000))

    def _artifacts(self) -> None:
        """The winner's folder goes to the sweep's run, each kept checkpoint to its trial's."""
        if self._folder.best.is_dir():
            self._client.log_artifacts(self._parent, str(self._folder.best), "best")
        for trial, run in self._runs.items():
            for path in (self._folder.trials / f"{trial:04d}" / "checkpoints").glob("epoch-????"):
                self._client.log_artifacts(run, str(path), f"checkpoints/{path.name}")

    def _tag(self, run: str, **tags: Any) -> None:
        self._client.log_batch(
            run, tags=[RunTag(f"steadytune.{key}", str(value)[:5000]) for key, value in tags.items()]
        )


def _points(event: EpochDone, time_s: float) -> Iterator[Metric]:
    values = {
        **event.metrics,
        **{f"loss/{name}": value for name, value in event.losses.items()},
        **{f"rate/{name}": value for name, value in event.rates.items()},
        **{f"seconds/{name}": value for name, value in event.seconds.items()},
    }
    for name, value in values.items():
        yield Metric(_key(name), value, int(time_s * 1000), event.epoch)


def _key(name: str) -> str:
    """`name` with the characters that MLflow refuses replaced."""
    return re.sub(r"[^\w.\- :/]", "_", name)
