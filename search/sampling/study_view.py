"""The study as samplers see it: Optuna knows nothing of trials that wait, of other sweeps' scales, or of rungs.

Optuna cannot suspend a trial. As a running one it would teach nothing, or only ill (TPE takes running trials for bad
ones); once told as pruned it could not go on. So it stays running, and is shown as pruned while it waits.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from copy import copy
from statistics import NormalDist

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from search.pruning.curve import SMOOTHING_EPOCHS
from search.sampling.scale import Scale

NORMAL = NormalDist()


class StudyView(optuna.storages.InMemoryStorage):
    """Optuna's storage in memory, with the trials as samplers are to see them.

    Args:
        mode: "max" or "min".
        ranked: show all that ended or wait as complete, with a score for their rank: for samplers that learn from
            complete trials only, as Gaussian processes do, when most trials are stopped at a rung.

    Attributes:
        waiting: trials of this sweep that wait at a rung, and how samplers see each; None until they look.
        earlier: the sweep of each trial that is not of this one.
    """

    def __init__(self, mode: str, ranked: bool) -> None:
        super().__init__()
        self._sign = 1.0 if mode == "max" else -1.0
        self._ranked = ranked
        self._distributions: dict[BaseDistribution, BaseDistribution] = {}
        self.waiting: dict[int, FrozenTrial | None] = {}
        self.earlier: dict[int, str] = {}

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """See Optuna's `BaseStorage`: equal distributions are one object, where Optuna would keep one a trial."""
        kept = self._distributions.setdefault(distribution, distribution)
        super().set_trial_param(trial_id, param_name, param_value_internal, kept)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """See Optuna's `BaseStorage`."""
        if not (self.waiting or self.earlier or self._ranked) or states == (TrialState.WAITING,):
            return super().get_all_trials(study_id, deepcopy, states)
        found = super().get_all_trials(study_id, deepcopy)
        shown = [self._as_pruned(trial) if trial.number in self.waiting else trial for trial in found]
        if self.earlier:
            shown = _on_one_scale(shown, self.earlier)
        if self._ranked:
            shown = _by_rank(shown, self._sign)
        return [trial for trial in shown if states is None or trial.state in states]

    def _as_pruned(self, trial: FrozenTrial) -> FrozenTrial:
        shown = self.waiting[trial.number]
        if shown is None:  # it changes only when it goes on, and of thousands all are looked at for each draw
            shown = self.waiting[trial.number] = copy(trial)
            shown.state = TrialState.PRUNED
        return shown


def _on_one_scale(trials: list[FrozenTrial], earlier: Mapping[int, str]) -> list[FrozenTrial]:
    """Copies of `trials` whose values are standardised within their sweep."""
    sweeps: dict[str, list[FrozenTrial]] = {}
    for trial in trials:
        sweeps.setdefault(earlier.get(trial.number, ""), []).append(trial)
    scales = {sweep: _scale(members) for sweep, members in sweeps.items()}
    return [_scaled(trial, scales[earlier.get(trial.number, "")]) for trial in trials]


def _scale(trials: list[FrozenTrial]) -> Scale:
    finished = [trial.value for trial in trials if trial.state is TrialState.COMPLETE and trial.value is not None]
    partial = [
        trial.intermediate_values[max(trial.intermediate_values)] for trial in trials if trial.intermediate_values
    ]
    return Scale.of(finished, partial)


def _scaled(trial: FrozenTrial, scale: Scale) -> FrozenTrial:
    shown = copy(trial)
    if trial.value is not None:
        shown.value = scale(trial.value)
    shown.intermediate_values = {step: scale(value) for step, value in trial.intermediate_values.items()}
    return shown


def _by_rank(trials: list[FrozenTrial], sign: float) -> list[FrozenTrial]:
    """Copies of `trials`: who ended is complete, its value a score for its rank, as values of other rungs differ."""
    ended = [trial for trial in trials if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    ended.sort(key=lambda trial: _merit(trial, sign))
    scores = {one.number: NORMAL.inv_cdf((place + 0.5) / len(ended)) for place, one in enumerate(ended)}
    return [_complete(one, sign * scores[one.number]) if one.number in scores else one for one in trials]


def _merit(trial: FrozenTrial, sign: float) -> tuple[float, int, float]:
    """Who came further is better, and of those the one with the higher level; the infeasible are behind all."""
    values = [value for _, value in sorted(trial.intermediate_values.items())][-SMOOTHING_EPOCHS:]
    level = sign * sum(values) / len(values) if values else -math.inf
    return -sum(trial.constraints.values()), max(trial.intermediate_values, default=0), level


def _complete(trial: FrozenTrial, score: float) -> FrozenTrial:
    shown = copy(trial)
    shown.state, shown.value, shown.system_attrs = TrialState.COMPLETE, score, {}  # its rank tells of the constraint
    return shown
