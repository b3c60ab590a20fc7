"""A sweep's journal as MLflow runs: one parent per sweep, one child per trial, each epoch's numbers with it as step.

Writing the same rows twice changes nothing: a run is found again by its tags, and a metric's point has the time of its
journal row, so MLflow's SQL stores recognise it. So after a recorder was killed, the next one starts from the beginning
and skips trials whose runs have ended: a run is ended only when everything else of it is in the store.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from search.export.manifest import ABOUT
from search.journal.events import Decided, EpochDone, Requested, Row, SweepEnded, SweepExtended, TrialStarted
from search.journal.repair import set_aside
from search.journal.segments import holds, read
from search.pruning.curve_statistics import curve_statistics
from search.state.extension import taken_back
from search.state.sweep_state import SweepState
from search.sweep import data_look
from search.sweep.data_identity import read_identity
from search.sweep.environment import read_environment
from search.sweep.folder import SweepFolder
from search.tracking.artifacts import sweep_files, trial_files
from search.tracking.experiment import Experiment, Metric, Run, points
from search.tracking.refusals import files_are_final
from search.tracking.sweep_id import sweep_id
from search.tracking.sync import Notify
from search.tracking.table_view import view, view_tag
from search.tracking.trial_record import (
    RUN_STATUS,
    epoch_metrics,
    first_tags,
    last_tags,
    result_metrics,
    run_name,
)
from search.views.importance import importance
from search.views.markdown import run_description

FIGURE_SECONDS, FIGURE_SHARE = 120.0, 0.02
"""The sweep's figures are drawn every two minutes, or less often, so as to take this share of the recorder's time."""
FIRST_FIGURE_SECONDS = 30.0
NO_MODEL = "not registered: best/ holds no export with a checkpoint; write it with `steadytune export`, then sync"
"""The tag `steadytune.model` of a sweep without a model."""
REFUSED_MODEL = "not registered: the store refuses it; see recorder.log in the sweep's folder"


class RunWriter:
    """Writes rows of one sweep's journal to MLflow.

    Args:
        folder: the sweep's.
        notify: tells the user what the store refuses for good.
    """

    def __init__(self, folder: SweepFolder, notify: Notify = lambda message: None) -> None:
        self._folder = folder
        self._plan = folder.plan()
        self._state = SweepState(self._plan)
        self._data_look = data_look.read(folder.look)
        self._experiment = Experiment.of_sweep(folder, self._plan, notify)
        self._runs: dict[int, str] = {}
        self._ended: set[int] = set()
        self._epochs: dict[int, list[EpochDone]] = {}
        self._last_seq = 0
        self._sweep, self._sweep_run = "", ""
        self._has_runs = False
        self._taken_back: dict[int, int | None] = {}
        self._draw_at = time.monotonic() + FIRST_FIGURE_SECONDS

    def write(self, rows: Iterable[Row]) -> None:
        """Write `rows`, which follow those written before, or repeat those that could not be written."""
        metrics: dict[str, list[Metric]] = {}
        decisions: list[Row] = []
        for row in rows:
            if not self._has_runs:
                self._find_runs(row)
            if isinstance(row.event, TrialStarted):
                self._start(row.time, row.event)
            if row.seq in self._taken_back:
                continue
            self._apply(row)
            if isinstance(row.event, EpochDone) and row.event.trial not in self._ended:
                metrics.setdefault(self._runs[row.event.trial], []).extend(self._points(row.time, row.event))
            elif isinstance(row.event, (Decided, SweepEnded)):
                decisions.append(row)
        for run, run_metrics in metrics.items():
            self._experiment.log_metrics(run, run_metrics)
        for row in decisions:  # after the metrics: nothing is written to a run that has ended
            if isinstance(row.event, Decided) and row.event.trial not in self._ended:
                self._decide(row.time, row.event)
            elif isinstance(row.event, SweepEnded):
                self._end_sweep(row.time, row.event)
        if self._sweep_run and self._state.ended is None and time.monotonic() >= self._draw_at:
            self._draw()

    def finish(self) -> None:
        """No more rows come: mark an open sweep as interrupted, until it is resumed."""
        if self._sweep_run and self._state.ended is None:
            self._draw()
            self._experiment.tag(self._sweep_run, status="interrupted", **self._refused())

    def _find_runs(self, first: Row) -> None:
        """Find the runs that an earlier recorder wrote, or create the sweep's run."""
        permanent_id = sweep_id(self._folder)
        self._sweep = permanent_id
        # Runs that were written before the journal was cut may hold epochs and ends that are no part of it any more.
        if files := set_aside(self._folder.journal):
            self._sweep += f" cut before {files[0].name.partition('-')[0].lstrip('0')}"
        self._experiment.tag_experiment(view_tag(permanent_id), view(self._plan, self._sweep))
        if any(holds(self._folder.journal, kind.event) for kind in (SweepExtended, Requested)):
            self._taken_back = taken_back(read(self._folder.journal))
        for run in list(self._experiment.runs(f"tags.`steadytune.sweep` = '{self._sweep}'")):
            tags, run_id = run.data.tags, run.info.run_id
            if tags["steadytune.kind"] == "sweep":
                self._sweep_run = run_id
                self._continue(run, was_taken_back=None in self._taken_back.values())
                continue
            trial = int(tags["steadytune.trial"])
            self._runs[trial] = run_id
            if trial in self._taken_back.values():
                self._continue(run, was_taken_back=True)
            elif run.info.status != "RUNNING":
                self._ended.add(trial)
        if not self._sweep_run:
            tags = self._sweep_tags() | {"kind": "sweep", "status": "running"}
            if self._data_look and self._data_look.look.warnings:
                tags["data"] = "; ".join(self._data_look.look.warnings)
            self._sweep_run = self._experiment.create_run(self._plan.spec.name, first.time, tags)
            self._experiment.log_params(self._sweep_run, self._plan.spec.fields())
        self._has_runs = True

    def _continue(self, run: Run, was_taken_back: bool) -> None:
        """Open a run again that an interruption, or an end that was taken back, has closed."""
        if was_taken_back and run.info.status != "RUNNING":
            self._experiment.reopen(run.info.run_id)
        if was_taken_back or run.data.tags["steadytune.status"] == "interrupted":
            self._experiment.tag(run.info.run_id, status="running")

    def _sweep_tags(self) -> dict[str, str]:
        """The tags that all runs of the sweep share."""
        return {"sweep": self._sweep, "recipe": self._plan.spec.recipe, "preset": self._plan.spec.preset}

    def _apply(self, row: Row) -> None:
        """Apply a row to the state, only once even if writing it is tried again."""
        if row.seq <= self._last_seq:
            return
        self._last_seq = row.seq
        self._state.apply(row)
        if isinstance(row.event, EpochDone) and row.event.trial not in self._ended:
            self._epochs.setdefault(row.event.trial, []).append(row.event)

    def _start(self, time_s: float, event: TrialStarted) -> None:
        if event.trial in self._ended:
            return
        if event.trial not in self._runs:
            tags = self._sweep_tags() | first_tags(event)
            self._runs[event.trial] = self._experiment.create_run(run_name(event), time_s, tags, self._sweep_run)
        self._experiment.log_params(self._runs[event.trial], event.settings)

    def _points(self, time_s: float, event: EpochDone) -> list[Metric]:
        values = epoch_metrics(event, self._state.trials[event.trial].curve, self._plan.recipe.metric)
        return points(values, time_s, event.epoch)

    def _decide(self, time_s: float, event: Decided) -> None:
        run = self._runs[event.trial]
        if event.action != "stop":
            self._experiment.tag(run, status="waiting" if event.action == "pause" else "running")
            return
        trial = self._state.trials[event.trial]
        trial_folder = self._folder.trials / f"{event.trial:04d}"
        statistics = curve_statistics(trial.curve)
        # The state's decision has its numbers in the metric's own sign, whatever the journal's version.
        tags = last_tags(trial.decision or event, trial.curve, statistics, read_environment(trial_folder))
        self._experiment.tag(run, **tags)
        epochs = self._epochs.get(event.trial, [])
        with self._experiment.new_artifacts(run) as target:
            trial_files(trial, epochs, statistics, self._plan.recipe.metric, trial_folder, target)
        self._experiment.end_run(run, RUN_STATUS[event.reason], time_s)
        self._ended.add(event.trial)
        self._epochs.pop(event.trial, None)  # only now: all of this is repeated if the store fails half-way

    def _end_sweep(self, time_s: float, event: SweepEnded) -> None:
        run, experiment = self._sweep_run, self._experiment
        experiment.tag(run, status="ended", best_trial=event.trial, detail=event.detail)
        experiment.log_metrics(run, points(result_metrics(event), time_s, 0))
        self._draw()
        self._log_checkpoints()
        if event.trial >= 0:
            experiment.tag(run, model=self._register(event))
        experiment.tag(run, **self._refused())
        experiment.end_run(run, "FINISHED", time_s)

    def _draw(self) -> None:
        """Write the sweep's description, figures and page as they are now."""
        began = time.monotonic()
        shares = importance(self._state)
        self._experiment.describe(self._sweep_run, run_description(self._state, shares))
        with self._experiment.new_artifacts(self._sweep_run) as target:
            sweep_files(self._state, self._folder, shares, self._data_look, target)
        seconds = time.monotonic() - began
        self._draw_at = began + seconds + max(FIGURE_SECONDS, seconds / FIGURE_SHARE)

    def _log_checkpoints(self) -> None:
        """Upload the winner's folder to the sweep's run, and each checkpoint that was kept to the run of its trial."""
        log = self._experiment.log_artifacts
        if self._folder.best.is_dir():
            log(self._sweep_run, self._folder.best, "best")
        for trial, run in self._runs.items():
            for path in (self._folder.trials / f"{trial:04d}" / "checkpoints").glob("epoch-????"):
                log(run, path, f"checkpoints/{path.name}")

    def _register(self, event: SweepEnded) -> str:
        """Register the winner as a model; returns one sentence about it."""
        best, client = self._folder.best, self._experiment.client
        if not self._sweep_run:
            return REFUSED_MODEL
        if not (best / "checkpoint").is_dir() or not (best / ABOUT).is_file():  # older versions wrote no ABOUT
            return self._experiment.tags(self._sweep_run).get("steadytune.model") or NO_MODEL
        from search.tracking.champion import register  # imports mlflow.pyfunc, and with it pandas

        registered = [REFUSED_MODEL]

        def call() -> None:
            mode = self._plan.recipe.mode
            identity = read_identity(self._folder.path)
            name = identity.name if identity else ""
            registered[0] = register(client, self._sweep_run, self._sweep, best, event.numbers, mode, name)

        self._experiment.refusals.accepted("the winner as a registered model", call, files_are_final)
        return registered[0]

    def _refused(self) -> dict[str, str]:
        """The tag that says what the store has refused; empty if it has refused nothing."""
        subjects = self._experiment.refusals.subjects
        return {"refused": "; ".join(subjects)} if subjects else {}
