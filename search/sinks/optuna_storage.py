"""A sweep's search as a study in a file of Optuna's, which optuna-dashboard and Optuna itself open.

A trial's values per epoch are its intermediate values, its objective is its value. Optuna knows no paused trials: they
are running there, with the attribute `status`. Confirmations and audits are no trials of the study.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import TrialState as OptunaState

from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.views.importance import distribution


class OptunaStorage:
    """Writes a sweep to a new file.

    Args:
        file: replaced if it exists.
        name: of the study.
        mode: of the objective, "max" or "min".

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, file: Path, name: str, mode: str) -> None:
        file.unlink(missing_ok=True)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._storage = JournalStorage(JournalFileBackend(str(file)))
        direction = StudyDirection.MAXIMIZE if mode == "max" else StudyDirection.MINIMIZE
        self._study = self._storage.create_new_study([direction], name)
        self._ids: dict[int, int] = {}
        self._epochs: dict[int, int] = {}
        self._status: dict[int, str] = {}

    def update(self, state: SweepState) -> None:
        """Write what the file does not have yet. A trial that has ended in it stays as it was when it ended."""
        for trial in state.trials.search:
            if self._status.get(trial.number) == "ended":
                continue
            if trial.number in self._ids:
                self._continue(trial)
            else:
                self._add(trial, state)
            self._epochs[trial.number], self._status[trial.number] = trial.curve.epoch, trial.status

    def _add(self, trial: TrialState, state: SweepState) -> None:
        """Write a new trial as a whole: one line in the file, however many epochs it has."""
        ranges = state.plan.ranges
        drawn = {name: value for name, value in trial.started.drawn.items() if name in ranges}
        # What a named training or a user has given may lie outside of the ranges, where Optuna knows no value.
        params = {name: value for name, value in drawn.items() if value in ranges[name]}
        others = {name: value for name, value in trial.started.settings.items() if name not in params}
        outcome, value = _end(trial)
        template = optuna.create_trial(
            state=outcome,
            value=value,
            params=params,
            distributions={name: distribution(ranges[name]) for name in params},
            user_attrs={"trial": trial.number, "named": trial.started.named, "settings": others, **_attributes(trial)},
            intermediate_values=_values(trial, after=0),
        )
        self._ids[trial.number] = self._storage.create_new_trial(self._study, template)

    def _continue(self, trial: TrialState) -> None:
        trial_id = self._ids[trial.number]
        for epoch, evaluated in _values(trial, after=self._epochs[trial.number]).items():
            self._storage.set_trial_intermediate_value(trial_id, epoch, evaluated)
        if trial.status == self._status[trial.number]:
            return
        for name, text in _attributes(trial).items():
            self._storage.set_trial_user_attr(trial_id, name, text)
        if trial.decision is not None:
            outcome, value = _end(trial)
            self._storage.set_trial_state_values(trial_id, outcome, None if value is None else [value])


def _end(trial: TrialState) -> tuple[OptunaState, float | None]:
    """How Optuna calls the trial's end, and its value; a trial without a value is no complete one there."""
    if trial.decision is None:
        return OptunaState.RUNNING, None
    value = trial.curve.objective_value
    if trial.failed or value is None:
        return OptunaState.FAIL, None
    return (OptunaState.COMPLETE if trial.finished else OptunaState.PRUNED), value


def _values(trial: TrialState, after: int) -> dict[int, float]:
    points = [point for point in trial.curve.evaluated if point.epoch > after]
    return {point.epoch: point.value for point in points if point.value is not None}


def _attributes(trial: TrialState) -> dict[str, Any]:
    attributes: dict[str, Any] = {"status": trial.status}
    if trial.decision is not None:
        attributes |= {"reason": trial.decision.reason, "detail": trial.decision.detail}
    return attributes
