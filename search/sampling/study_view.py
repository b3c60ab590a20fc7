"""The study as samplers see it: Optuna knows neither paused trials nor rungs.

Optuna cannot pause a trial. If samplers saw a paused trial as running, they would learn nothing from it, or the wrong
thing (TPE takes running trials for bad ones); once told as pruned it could not be promoted. So it stays running in the
study, and samplers see it as pruned while it is paused.
"""

from __future__ import annotations

import math
from collections.abc import Container
from copy import copy
from statistics import NormalDist
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from search.pruning.curve import orient

NORMAL = NormalDist()
_PARAMETERS = ("fixed_params", "tpe:relative_params")
"""What names begin with under which Optuna keeps parameters besides a trial's own."""


class StudyView(optuna.storages.InMemoryStorage):
    """Optuna's storage in memory for one study, whose trials samplers see as described above.

    A sweep may have 10,000 trials, so what is kept of each is small: equal distributions and attributes are one object,
    and of the reported values only the last stays, which is the one that samplers look at.

    Args:
        mode: "max" or "min".
        ranked: show all ended and paused trials as complete, with a score for their rank. For samplers that learn from
            complete trials only, as Gaussian processes do: most trials are stopped at a rung.
    """

    def __init__(self, mode: str, ranked: bool) -> None:
        super().__init__()
        self._mode = mode
        self._ranked = ranked
        self._distribution: dict[BaseDistribution, BaseDistribution] = {}
        self._distributions: dict[tuple[tuple[str, BaseDistribution], ...], dict[str, BaseDistribution]] = {}
        self._attributes: dict[tuple[tuple[str, Any], ...], dict[str, Any]] = {}

    def drawn(self, number: int, values: dict[str, Any]) -> None:
        """Trial `number` has all its parameters; if they are `values`, they are kept as that object."""
        trial = self._trial(number)
        if trial.params == values:
            trial.params = values
        trial.distributions = self._distributions.setdefault(tuple(trial.distributions.items()), trial.distributions)
        trial.user_attrs = self._shared({})
        # What it was enqueued with, and what TPE tells other processes of a trial in the making, are in its parameters.
        trial.system_attrs = {
            name: value for name, value in trial.system_attrs.items() if not name.startswith(_PARAMETERS)
        }

    def report(self, number: int, epoch: int, value: float) -> None:
        """Trial `number` had reached `value` by `epoch`."""
        self._trial(number).intermediate_values = {epoch: value}

    def pause(self, number: int) -> None:
        """Trial `number` is paused: from now on it is seen as pruned."""
        self._trial(number).state = TrialState.PRUNED

    def unpause(self, number: int) -> None:
        """Trial `number` is about to be told: Optuna takes only a running one's end."""
        self._trial(number).state = TrialState.RUNNING

    def told(self, number: int) -> None:
        """Trial `number` was told."""
        trial = self._trial(number)
        if len(trial.system_attrs) == 1:  # the constraint, and nothing of the sampler's own
            trial.system_attrs = self._shared(trial.system_attrs)
        trial.datetime_complete = trial.datetime_start

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """See Optuna's `BaseStorage`: equal distributions are one object, not one for each trial."""
        shared = self._distribution.setdefault(distribution, distribution)
        super().set_trial_param(trial_id, param_name, param_value_internal, shared)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """See Optuna's `BaseStorage`."""
        if not self._ranked or states == (TrialState.WAITING,):
            return super().get_all_trials(study_id, deepcopy, states)
        trials = _with_rank_scores(super().get_all_trials(study_id, deepcopy), self._mode)
        return [trial for trial in trials if states is None or trial.state in states]

    def _trial(self, number: int) -> FrozenTrial:
        """The stored trial itself, not a copy; with one study a trial's id is its number."""
        return self.get_trial(number)

    def _shared(self, attributes: dict[str, Any]) -> dict[str, Any]:
        return self._attributes.setdefault(tuple(attributes.items()), attributes)


def _with_rank_scores(trials: list[FrozenTrial], mode: str) -> list[FrozenTrial]:
    """Marks ended trials complete, with the normal score of their rank: values of different rungs are not comparable.

    The trials are copied.
    """
    ended = [trial for trial in trials if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    ended.sort(key=lambda trial: _rank_key(trial, mode))
    scores = {trial.number: NORMAL.inv_cdf((rank + 0.5) / len(ended)) for rank, trial in enumerate(ended)}
    return [
        _complete(trial, orient(scores[trial.number], mode)) if trial.number in scores else trial for trial in trials
    ]


def _rank_key(trial: FrozenTrial, mode: str) -> tuple[float, int, float]:
    """Rises from worst to best: infeasible trials first, then by the epoch that was reached, then by value."""
    last = max(trial.intermediate_values, default=0)
    value = orient(trial.intermediate_values[last], mode) if trial.intermediate_values else -math.inf
    return -sum(trial.constraints.values()), last, value


def _complete(trial: FrozenTrial, score: float) -> FrozenTrial:
    complete = copy(trial)
    # Without its constraint, which is in system_attrs: the rank has it in already.
    complete.state, complete.value, complete.system_attrs = TrialState.COMPLETE, score, {}
    return complete
