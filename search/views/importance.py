"""The importance of each setting: PED-ANOVA over the trials of a sweep.

PED-ANOVA (Watanabe et al., IJCAI 2023, https://arxiv.org/abs/2304.10255) compares where the best trials lie with where
all lie. It asks of a trial only whether it is among the best tenth, so trials need an order and no comparable values:
the order is the one of `ranking_key`, in which trials that were stopped early count too. Optuna itself would take
complete trials only, which after a sweep with rungs are a few good ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from search.state.sweep_state import SweepState
from search.views.trial_order import ranking_key
from spaces.value_range import Range

MIN_TRIALS = 10
"""With fewer trials there is no importance: a tenth of them would be less than one trial."""
MOST_TRIALS = 2000
"""Of more trials, every second, third … in their order is taken: enough to tell where the best tenth lies."""


@dataclass(frozen=True)
class Importance:
    """Shares (summing to 1) by setting, the greatest first, and the number of trials they are computed from."""

    shares: dict[str, float]
    trials: int


def importance(state: SweepState) -> Importance:
    """Importances over the trials with drawn settings and at least one epoch that are not running.

    There are no shares below `MIN_TRIALS` trials.
    """
    used = [trial for trial in state.trials.search if trial.started.drawn and not trial.running and trial.curve.epoch]
    if len(used) < MIN_TRIALS:
        return Importance({}, len(used))
    used = sorted(used, key=ranking_key)[:: math.ceil(len(used) / MOST_TRIALS)]
    ranges = state.plan.ranges
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize")
    for rank, trial in enumerate(used):
        drawn = {name: value for name, value in trial.started.drawn.items() if name in ranges}
        # A named training may lie outside the ranges, where Optuna has no distribution for its values.
        distributions = {name: distribution(ranges[name]) for name in drawn if drawn[name] in ranges[name]}
        params = {name: drawn[name] for name in distributions}
        study.add_trial(optuna.create_trial(params=params, distributions=distributions, value=float(rank)))
    shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return Importance(dict(shares), len(used))


def distribution(searched: Range) -> BaseDistribution:
    """A range as Optuna has it."""
    if searched.kind == "choice":
        return CategoricalDistribution(searched.choices)
    if searched.kind == "int":
        return IntDistribution(int(searched.low), int(searched.high), log=searched.log)
    return FloatDistribution(searched.low, searched.high, log=searched.log)
