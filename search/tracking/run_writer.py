"""A sweep's journal as MLflow runs: one parent a sweep, one child a trial, each epoch's numbers with the epoch as step.

Writing the same rows twice changes nothing: a run is found again by its tags, and a point of a metric has the time of
its journal row, which MLflow's SQL stores take for the same point. So a recorder that was killed starts from the
beginning, and skips what has ended: a run is ended last, when everything else of it is there.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from search.export.manifest import ABOUT
from search.journal.events import Decided, EpochDone, Row, SweepEnded, TrialStarted
from search.pruning.curve_statistics import curve_statistics
from search.pruning.decision import FAILURES, STOPPED_EARLY
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.environment import left
from search.sweep.folder import SweepFolder
from search.tracking.artifacts import sweep_files, trial_files
from search.tracking.table_view import KIND_TAG, VIEW_TAG, experiment_name, view
from search.views.importance import importance
from search.views.markdown import run_description

# This repository's folder `mlflow/` answers to the name where the library is absent.
_spec = find_spec("mlflow")
if _spec is None or _spec.origin is None:
    raise ImportError("the library mlflow is not installed; install steadytune's requirements")

from mlflow.entities import Metric, Param, RunTag  # noqa: E402
from mlflow.exceptions import MlflowException as StoreError  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

__all__ = ["RunWriter", "StoreError"]

BATCH = 1000
"""Metrics that MLflow takes in one call."""

SHOW_SECONDS, SHOW_SHARE = 120.0, 0.02
"""The sweep's figures are drawn again after two minutes, and take at most this share of the recorder's time."""

NO_MODEL = "not registered: best/ holds no export with a checkpoint; write it with `steadytune export`, then sync"
"""What the sweep's run says of its model if there is none."""

_STATUS = {"done": "FINISHED"} | dict.fromkeys(STOPPED_EARLY, "KILLED") | dict.fromkeys(FAILURES, "FAILED")


class RunWriter:
    """Writes rows of one sweep's journal to MLflow."""

    def __init__(self, folder: SweepFolder) -> None:
        self._folder = folder
        self._spec = folder.spec()
        self._state = SweepState(folder.plan())
        store = folder.store(self._spec)
        _make_whole(store)
        self._client = MlflowClient(tracking_uri=store)
        self._experiment = self._find_experiment()
        self._runs: dict[int, str] = {}
        self._ended: set[int] = set()
        self._epochs: dict[int, list[EpochDone]] = {}
        self._seen = 0
        self._sweep = ""
        self._parent = ""
        self._show_at = time.monotonic() + SHOW_SECONDS / 4

    def _find_experiment(self) -> str:
        name = experiment_name(self._spec)
        found = self._client.get_experiment_by_name(name)
        local = None if self._spec.store else (self._folder.root / "artifacts").as_uri()
        number = found.experiment_id if found else self._client.create_experiment(name, artifact_location=local)
        for tag, value in ((VIEW_TAG, view(self._state.plan)), KIND_TAG):
            self._client.set_experiment_tag(number, tag, value)
        return str(number)

    def _open(self, first: Row) -> None:
        """Find or make the sweep's run. A sweep is known by its name and the moment of its first row."""
        self._sweep = f"{self._spec.name}@{first.time:.6f}"
        found = list(self._search(f"tags.`steadytune.sweep` = '{self._sweep}'"))
        for run in found:
            tags = run.data.tags
            if tags["steadytune.kind"] == "sweep":
                self._parent = run.info.run_id
                if tags["steadytune.status"] == "interrupted":
                    self._tag(self._parent, status="running")
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
        about = {"sweep": self._sweep, "recipe": self._spec.recipe, "preset": self._spec.preset}
        own = {f"steadytune.{key}": str(value) for key, value in (about | dict(tags)).items()}
        tree = {"mlflow.parentRunId": parent} if parent else {}
        run = self._client.create_run(self._experiment, start_time=int(time_s * 1000), tags=own | tree, run_name=name)
        return str(run.info.run_id)

    def _params(self, run: str, values: Mapping[str, Any]) -> None:
        params = [Param(_key(name), str(value)[:6000]) for name, value in values.items()]
        for start in range(0, len(params), 100):
            self._client.log_batch(run, params=params[start : start + 100])

    def write(self, rows: Iterable[Row]) -> None:
        """Write `rows`, which follow on those written before, or repeat those that could not be written."""
        points: dict[str, list[Metric]] = {}
        ends: list[Row] = []
        for row in rows:
            if not self._parent:
                self._open(row)
            if isinstance(row.event, TrialStarted):
                self._start(row.time, row.event)
            self._take(row)
            if isinstance(row.event, EpochDone) and row.event.trial not in self._ended:
                points.setdefault(self._runs[row.event.trial], []).extend(self._points(row.event, row.time))
            elif isinstance(row.event, (Decided, SweepEnded)):
                ends.append(row)
        for run, metrics in points.items():
            for start in range(0, len(metrics), BATCH):
                self._client.log_batch(run, metrics=metrics[start : start + BATCH])
        for row in ends:
            self._decide(row)
        if self._parent and self._state.ended is None and time.monotonic() >= self._show_at:
            self._show()

    def finish(self) -> None:
        """Nothing more comes: show an open sweep as it stands, until it is resumed."""
        if self._parent and self._state.ended is None:
            self._show()
            self._tag(self._parent, status="interrupted")

    def _take(self, row: Row) -> None:
        """Take a row into account once, however often its writing is tried."""
        if row.seq <= self._seen:
            return
        self._seen = row.seq
        self._state.apply(row)
        if isinstance(row.event, EpochDone) and row.event.trial not in self._ended:
            self._epochs.setdefault(row.event.trial, []).append(row.event)

    def _start(self, time_s: float, event: TrialStarted) -> None:
        if event.trial in self._ended:
            return
        if event.trial not in self._runs:
            name = f"{event.trial:04d}" + (f" {event.named}" if event.named and event.kind == "search" else "")
            name += f" {event.kind}s {event.of:04d}" if event.kind != "search" else ""
            tags = {"kind": event.kind, "trial": event.trial, "of": event.of, "named": event.named, "status": "running"}
            self._runs[event.trial] = self._create(time_s, name, tags | {"seed": event.seed}, self._parent)
        self._params(self._runs[event.trial], event.settings)

    def _points(self, event: EpochDone, time_s: float) -> Iterator[Metric]:
        """The epoch's own numbers, and the columns that runs are sorted by: they follow from the curve up to here."""
        values = {
            **event.metrics,
            **{f"loss/{name}": value for name, value in event.losses.items()},
            **{f"rate/{name}": value for name, value in event.rates.items()},
            **{f"seconds/{name}": value for name, value in event.seconds.items()},
            **self._columns(event),
        }
        for name, value in values.items():
            yield Metric(_key(name), value, int(time_s * 1000), event.epoch)

    def _columns(self, event: EpochDone) -> dict[str, float]:
        curve = self._state.trials[event.trial].curve
        known = {"epochs": float(event.epoch)}
        value = event.metrics.get(self._state.plan.recipe.metric)
        best, level = curve.best_by(event.epoch), curve.smoothed_by(event.epoch)
        columns = {"objective/last": value, "objective/best": best, "objective/steady": level}
        return known | {name: number for name, number in columns.items() if number is not None}

    def _decide(self, row: Row) -> None:
        event = row.event
        if isinstance(event, Decided) and event.trial not in self._ended:
            run = self._runs[event.trial]
            if event.action == "stop":
                # The state's decision has its numbers in the metric's own sign, whatever the journal's version.
                trial = self._state.trials[event.trial]
                self._end(run, trial, trial.decision or event)
                self._client.set_terminated(run, _STATUS[event.reason], int(row.time * 1000))
                self._ended.add(event.trial)
                self._epochs.pop(event.trial, None)
            else:
                self._tag(run, status="waiting" if event.action == "pause" else "running")
        elif isinstance(event, SweepEnded):
            self._tag(self._parent, status="ended", best_trial=event.trial, detail=event.detail)
            self._client.log_batch(
                self._parent, [Metric(name, value, int(row.time * 1000), 0) for name, value in event.numbers.items()]
            )
            self._show()
            self._artifacts()
            if event.trial >= 0:
                self._tag(self._parent, model=self._register(event))
            self._client.set_terminated(self._parent, "FINISHED", int(row.time * 1000))

    def _end(self, run: str, trial: TrialState, event: Decided) -> None:
        """What there is to say of a trial: its decision with the numbers behind it, its steadiness, its files."""
        own = self._folder.trials / f"{event.trial:04d}"
        measured = curve_statistics(trial.curve)
        tags = {"status": "done" if event.reason == "done" else "stopped"}
        tags |= {"reason": event.reason, "detail": event.detail}
        tags |= {f"decision.{name}": f"{value:g}" for name, value in event.numbers.items()}
        numbers = {name: value for name, value in asdict(measured).items() if name not in ("phases", "spikes")}
        tags |= {f"steadiness.{name}": f"{value:.4g}" for name, value in numbers.items() if value is not None}
        tags |= {"steadiness.spikes": " ".join(map(str, measured.spikes))} if trial.curve.epoch else {}
        found = left(own)
        tags |= {name: str(found[name]) for name in ("commit", "host", "gpus", "data_fingerprint") if found.get(name)}
        tags |= {f"version.{name}": number for name, number in found.get("versions", {}).items()}
        self._tag(run, **tags)
        with tempfile.TemporaryDirectory() as made:
            epochs = self._epochs.get(event.trial, [])
            trial_files(trial, epochs, measured, self._state.plan.recipe.metric, own, Path(made))
            self._client.log_artifacts(run, made)

    def _show(self) -> None:
        """Draw the sweep as it stands: its note, its figures, its page."""
        began = time.monotonic()
        found = importance(self._state)
        self._client.set_tag(self._parent, "mlflow.note.content", run_description(self._state, found))
        with tempfile.TemporaryDirectory() as made:
            sweep_files(self._state, self._spec.name, found, Path(made))
            self._client.log_artifacts(self._parent, made)
        took = time.monotonic() - began
        self._show_at = began + took + max(SHOW_SECONDS, took / SHOW_SHARE)

    def _register(self, event: SweepEnded) -> str:
        best = self._folder.best  # an older version's export says nothing of itself
        if not (best / "checkpoint").is_dir() or not (best / ABOUT).is_file():
            tags = self._client.get_run(self._parent).data.tags
            return str(tags.get("steadytune.model") or NO_MODEL)
        from search.tracking.champion import register  # imports mlflow.pyfunc, and with it pandas

        mode = self._state.plan.recipe.mode
        return register(self._client, self._parent, self._sweep, self._folder.best, event.numbers, mode)

    def _artifacts(self) -> None:
        """The winner's folder goes to the sweep's run, each kept checkpoint to its trial's."""
        if self._folder.best.is_dir():
            self._client.log_artifacts(self._parent, str(self._folder.best), "best")
        for trial, run in self._runs.items():
            for path in (self._folder.trials / f"{trial:04d}" / "checkpoints").glob("epoch-????"):
                self._client.log_artifacts(run, str(path), f"checkpoints/{path.name}")

    def _tag(self, run: str, **tags: Any) -> None:
        made = [RunTag(f"steadytune.{key}", str(value)[:5000]) for key, value in tags.items()]
        self._client.log_batch(run, tags=made)


def _key(name: str) -> str:
    """`name` with the characters that MLflow refuses replaced."""
    return re.sub(r"[^\w.\- :/]", "_", name)


def _make_whole(store: str) -> None:
    """Make a SQLite store that is not there yet: all of its tables or none.

    If the disk filled up in its place, half of the tables would stay, and MLflow would refuse the store for ever.
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
