"""The seams to Ray Tune: where it asks for trials, where it asks whether one goes on, where it tells of them.

The first two only pass on to the coordinator, which decides. An error of our own must not be swallowed by Ray's event
loop as one trial's failure: it halts the sweep, and `run` raises it again.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from search.control.coordinator import Coordinator
from search.execution.crash import died
from search.execution.trainable import CROWDED, FAILED, HALTED, REPORT
from trainables.errors import SteadytuneError


class _Unpickled:
    """Ray pickles what it is given into its own experiment state, which is never restored: no coordinator in it."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class CoordinatorScheduler(_Unpickled, FIFOScheduler):
    """Ray's scheduler interface on the coordinator."""

    def __init__(self, coordinator: Coordinator) -> None:
        super().__init__()
        self._coordinator = coordinator

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Whether `trial` goes on after this epoch."""
        try:
            return str(self._decide(trial, result))
        except Exception as error:  # ours, or the disk's: see the module's docstring
            self._coordinator.halt(error)
            return str(TrialScheduler.STOP)

    def _decide(self, trial: Trial, result: dict[str, Any]) -> str:
        if HALTED in result:
            self._coordinator.halt(SteadytuneError(result[HALTED]))
        elif CROWDED in result:
            self._coordinator.again(trial.config["trial"], alone=True)
        elif FAILED in result:
            self._coordinator.fail(trial.config["trial"], result[FAILED])
        elif self._coordinator.report(result[REPORT]):
            # If the worker's process dies, Ray starts the trial again with this configuration.
            trial.config["epochs"] = result[REPORT].epoch
            return str(TrialScheduler.CONTINUE)
        return str(TrialScheduler.STOP)

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """The trial's process died: more often than it may be restarted, or before the trial began in it."""
        if trial.status != Trial.PENDING and not trial.should_recover():
            error = Path(trial.error_file).read_text(errors="replace") if trial.error_file else ""
            number = trial.config["trial"]
            self._coordinator.fail(number, died(error, Path(trial.config["folder"]) / f"{number:04d}" / "log.txt"))
        super().on_trial_error(tune_controller, trial)

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """Called about ten times a second, whatever happens."""
        try:
            self._coordinator.tick()
        except Exception as error:
            self._coordinator.halt(error)
        _forget_ended(tune_controller._tune_controller)
        return super().choose_trial_to_run(tune_controller)


def _forget_ended(controller: Any) -> None:
    """Drop the trials that have ended, which Ray keeps: some 10 KB each, and it goes through them all at every event.

    It offers no way to. Its result, which nobody reads, has to be of one trial at least: the newest stays.
    """
    trials: list[Trial] = controller.get_trials()
    for trial in [one for one in trials[:-1] if one.is_finished() and one not in controller._trial_to_actor]:
        trials.remove(trial)
        controller._stopped_trials.discard(trial)
        controller._failed_trials.discard(trial)
        controller._trials_to_cache.discard(trial)
        controller._trial_metadata.pop(trial.trial_id, None)


class Silent(TrialProgressCallback):
    """In the place of Ray's own, which prints nothing here either, but writes each trial down to its end."""

    def on_trial_result(self, *args: Any, **info: Any) -> None:
        """Nothing."""

    on_trial_error = on_trial_complete = on_trial_result


class CoordinatorSearch(_Unpickled, Searcher):
    """Ray's searcher interface on the coordinator.

    Args:
        coordinator: hands out assignments.
        common: configuration that all assignments share (see `RecipeTrainable`).
    """

    def __init__(self, coordinator: Coordinator, common: dict[str, Any]) -> None:
        super().__init__()
        self._coordinator = coordinator
        self._common = common
        self._retries = coordinator.plan.spec.retries
        self._trials: dict[str, int] = {}
        self._unbegun = Counter[int]()

    def suggest(self, trial_id: str) -> Any:
        """The configuration of the next trial, None if there is none now, `FINISHED` at the end."""
        try:
            found = self._coordinator.next()
        except Exception as error:
            self._coordinator.halt(error)
            found = None
        if found is None:
            return Searcher.FINISHED if self._coordinator.over else None
        self._trials[trial_id] = found.trial
        own = {"trial": found.trial, "settings": found.settings, "epochs": found.epochs}
        alone = {"needs": replace(self._common["needs"], gpus=1.0)} if found.alone else {}
        return {**self._common, **own, **alone}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """An error that `CoordinatorScheduler` has not told is a process that died before the trial began in it.

        That may be one that served another trial just before. Ray restarts a trial only once it runs.
        """
        if error:
            number = self._trials[trial_id]
            self._unbegun[number] += 1
            if self._unbegun[number] > max(1, self._retries):
                self._coordinator.fail(number, "its process died before it began, again and again")
            else:
                self._coordinator.again(number)

    def save(self, checkpoint_path: str) -> None:
        """Ray insists on a file; the journal is what a sweep is restored from."""
        Path(checkpoint_path).touch()

    def restore(self, checkpoint_path: str) -> None:
        """Never called: a resumed sweep is a new experiment to Ray."""
        raise AssertionError(f"Ray restored {os.fspath(checkpoint_path)}")
