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

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from search.pruning.curve import orient

NORMAL = NormalDist()


class StudyView(optuna.storages.InMemoryStorage):
    """Optuna's storage in memory, whose trials samplers see as described above.

    Args:
        mode: "max" or "min".
        ranked: show all ended and paused trials as complete, with a score for their rank. For samplers that learn from
            complete trials only, as Gaussian processes do: most trials are stopped at a rung.
    """

    def __init__(self, mode: str, ranked: bool) -> None:
        super().__init__()
        self._mode = mode
        self._ranked = ranked
        self._distributions: dict[BaseDistribution, BaseDistribution] = {}
        # The paused trials, by Optuna's number, each with its pruned copy, or None until a sampler looks. The copies
        # are kept, because for each draw samplers look at thousands that have not changed.
        self._paused: dict[int, FrozenTrial | None] = {}

    def pause(self, number: int) -> None:
        """Trial `number` is paused."""
        self._paused[number] = None

    def refresh(self, number: int) -> None:
        """Trial `number` has one more value: if it was paused, its pruned copy is out of date."""
        if number in self._paused:
            self._paused[number] = None

    def end(self, number: int) -> None:
        """Trial `number` has ended."""
        self._paused.pop(number, None)

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """See Optuna's `BaseStorage`: equal distributions are one object, not one for each trial."""
        shared = self._distributions.setdefault(distribution, distribution)
        super().set_trial_param(trial_id, param_name, param_value_internal, shared)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """See Optuna's `BaseStorage`."""
        if not (self._paused or self._ranked) or states == (TrialState.WAITING,):
            return super().get_all_trials(study_id, deepcopy, states)
        stored = super().get_all_trials(study_id, deepcopy)
        trials = [self._as_pruned(trial) if trial.number in self._paused else trial for trial in stored]
        if self._ranked:
            trials = _with_rank_scores(trials, self._mode)
        return [trial for trial in trials if states is None or trial.state in states]

    def _as_pruned(self, trial: FrozenTrial) -> FrozenTrial:
        pruned = self._paused[trial.number]
        if pruned is None:
            pruned = self._paused[trial.number] = copy(trial)
            pruned.state = TrialState.PRUNED
        return pruned


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
