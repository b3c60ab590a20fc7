"""Adapters from Ray Tune's interfaces to the coordinator: searcher (the next trial) and scheduler (continue or stop).

They pass Ray's questions on, and the coordinator decides. In Ray's event loop an error in steadytune's own code would
count as the failure of one trial. So it halts the sweep instead, and `run` raises it again.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray.tune.experiment import Trial
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from search.control.coordinator import Coordinator
from search.execution.crash import crash_reason
from search.execution.heartbeat import SilenceWatch, read_count
from search.execution.trainable import ABORTED, ENDED, FAILED, OUT_OF_MEMORY, REPORT
from search.journal.events import EpochDone
from trainables.errors import SteadytuneError


class _Unpickled:
    """Pickles as empty: Ray saves searcher and scheduler in its experiment state, which is never restored."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class CoordinatorScheduler(_Unpickled, FIFOScheduler):
    """Ray's scheduler interface on the coordinator.

    Args:
        coordinator: decides.
        trials_folder: the folder of all trials.
    """

    def __init__(self, coordinator: Coordinator, trials_folder: str) -> None:
        super().__init__()
        self._coordinator = coordinator
        self._watch = SilenceWatch(
            60 * coordinator.plan.spec.hang_minutes, lambda trial: read_count(trials_folder, trial)
        )

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """CONTINUE or STOP after this epoch."""
        try:
            return str(self._decide(trial, result))
        except Exception as error:  # see the module's docstring
            self._coordinator.halt(error)
            return str(TrialScheduler.STOP)

    def _decide(self, trial: Trial, result: dict[str, Any]) -> str:
        if ABORTED in result:
            self._coordinator.halt(SteadytuneError(result[ABORTED]))
        elif OUT_OF_MEMORY in result:
            self._coordinator.hand_out_again(trial.config["trial"], exclusive=True)
        elif ENDED in result:
            self._coordinator.finish(trial.config["trial"], result[ENDED])
        elif FAILED in result:
            self._coordinator.fail(trial.config["trial"], result[FAILED])
        elif self._continues(result[REPORT]):
            # If the worker's process dies, Ray starts the trial again with this configuration.
            trial.config["epochs"] = result[REPORT].epoch
            return str(TrialScheduler.CONTINUE)
        # A paused trial is stopped in Ray too, not PAUSEd: Ray would still count it among the trials that run at a
        # time, so it would block a worker slot. If it is promoted later, `CoordinatorSearch.suggest` hands it out as a
        # new Ray trial with its old number, which continues from its last checkpoint. Ray thus knows running trials
        # only, and the pause is in the journal, which outlives a killed driver.
        return str(TrialScheduler.STOP)

    def _continues(self, done: EpochDone) -> bool:
        self._watch.hear(done.trial)
        return self._coordinator.report(done)

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """The trial's process died more often than `retries` allows."""
        if trial.status != Trial.PENDING and not trial.should_recover():
            error = Path(trial.error_file).read_text(errors="replace") if trial.error_file else ""
            number = trial.config["trial"]
            log = Path(trial.config["folder"]) / f"{number:04d}" / "log.txt"
            self._coordinator.fail(number, crash_reason(error, log))
        super().on_trial_error(tune_controller, trial)

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """Called about ten times a second, so the coordinator's clock ticks here."""
        try:
            self._coordinator.take_requests()
            self._coordinator.tick()
        except Exception as error:
            self._coordinator.halt(error)
        self._end_standing_workers(tune_controller._tune_controller)
        _forget_ended(tune_controller._tune_controller)
        return super().choose_trial_to_run(tune_controller)

    def _end_standing_workers(self, controller: Any) -> None:
        """Kill the workers that stand still. To Ray they have crashed: it restarts their trials, `retries` times."""
        running = {trial.config["trial"]: trial for trial in controller.get_trials() if trial.status == Trial.RUNNING}
        for number in self._watch.standing_still(list(running)):
            if actor := controller._trial_to_actor.get(running[number]):
                # `remove_actor` would end the trial without a failure; Ray's node ends a process that stands still.
                ray.kill(controller._actor_manager._live_actors_to_ray_actors_resources[actor][0])


def _forget_ended(controller: Any) -> None:
    """Drop ended trials from Ray's controller, which keeps some 10 KB of each and visits all of them at every event.

    Ray has no interface for it. The newest trial stays: Ray's result, which nobody reads, must contain at least one.
    """
    trials: list[Trial] = controller.get_trials()
    for trial in [trial for trial in trials[:-1] if trial.is_finished() and trial not in controller._trial_to_actor]:
        trials.remove(trial)
        controller._stopped_trials.discard(trial)
        controller._failed_trials.discard(trial)
        controller._trials_to_cache.discard(trial)
        controller._trial_metadata.pop(trial.trial_id, None)


class NoProgress(TrialProgressCallback):
    """Replaces Ray's progress callback, which would print nothing here but keep every trial to the end."""

    def on_trial_result(self, *args: Any, **info: Any) -> None:
        """Do nothing."""

    on_trial_error = on_trial_complete = on_trial_result


class CoordinatorSearch(_Unpickled, Searcher):
    """Ray's searcher interface on the coordinator.

    Args:
        coordinator: hands out the assignments.
        common: the configuration that all assignments share (see `RecipeTrainable`).
    """

    def __init__(self, coordinator: Coordinator, common: dict[str, Any]) -> None:
        super().__init__()
        self._coordinator = coordinator
        self._common = common
        self._retries = coordinator.plan.spec.retries
        self._trials: dict[str, int] = {}
        self._failed_starts = Counter[int]()

    def suggest(self, trial_id: str) -> Any:
        """The configuration of the next trial; None if there is none now, `FINISHED` at the end of the sweep."""
        try:
            assignment = self._coordinator.next()
        except Exception as error:  # see the module's docstring
            self._coordinator.halt(error)
            assignment = None
        if assignment is None:
            return Searcher.FINISHED if self._coordinator.over else None
        self._trials[trial_id] = assignment.trial
        config = self._common | {
            "trial": assignment.trial,
            "settings": assignment.settings,
            "epochs": assignment.epochs,
        }
        if assignment.exclusive:  # it ran out of memory on a shared GPU
            config["resources"] = replace(config["resources"], gpus=1.0)
        return config

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Count a process that died before its trial started in it: `CoordinatorScheduler` does not hear of these.

        The process may have trained another trial just before. Ray itself restarts only trials that were running.
        """
        if error:
            number = self._trials[trial_id]
            self._failed_starts[number] += 1
            if self._failed_starts[number] > max(1, self._retries):
                self._coordinator.fail(number, "its process died repeatedly before the training started")
            else:
                self._coordinator.hand_out_again(number)

    def save(self, checkpoint_path: str) -> None:
        """Ray requires a file; a sweep is restored from its journal."""
        Path(checkpoint_path).touch()

    def restore(self, checkpoint_path: str) -> None:
        """Never called: a resumed sweep is a new experiment to Ray."""
        raise AssertionError(f"Ray restored {os.fspath(checkpoint_path)}")
