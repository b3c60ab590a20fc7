"""Which settings mattered: PED-ANOVA over the trials of a sweep.

PED-ANOVA (Watanabe et al., IJCAI 2023, https://arxiv.org/abs/2304.10255) compares where the best trials lie with where
all lie. It asks of a trial only whether it is among the best tenth, so trials need an order and no comparable values:
the order is the one the sweep itself made (`standing`), and those it stopped early count too. Optuna alone would
look at complete trials only, which after a sweep with rungs are a few good ones.
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
from search.state.trial_state import TrialState
from spaces.space import Range

FEWEST_TRIALS = 10
"""Below it nothing is said: a tenth of them would be less than one trial."""
MOST_TRIALS = 2000
"""Above it every second, third … in their order: where the best tenth of so many lies is known well enough."""


@dataclass(frozen=True)
class Importance:
    """Shares (summing to 1) by setting, the greatest first, and the number of trials they rest on."""

    shares: dict[str, float]
    trials: int


def ranking_key(trial: TrialState) -> tuple[bool, int, float]:
    """A trial's place among all, the better the greater: a sound one before a lost one, then by epochs, then level."""
    level = trial.curve.smoothed_value
    return (not trial.failed, trial.curve.epoch, float("-inf") if level is None else trial.curve.oriented(level))


def importance(state: SweepState) -> Importance:
    """Over the drawn trials that have ended or wait, with at least one epoch; evenly some of them if they are many."""
    used = [trial for trial in state.trials.search if trial.started.drawn and not trial.running and trial.curve.epoch]
    if len(used) < FEWEST_TRIALS:
        return Importance({}, len(used))
    used = sorted(used, key=ranking_key)[:: math.ceil(len(used) / MOST_TRIALS)]
    ranges = state.plan.ranges
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize")
    for place, trial in enumerate(used):
        drawn = {name: value for name, value in trial.started.drawn.items() if name in ranges}
        asked = {name: _distribution(ranges[name]) for name in drawn if drawn[name] in ranges[name]}
        params = {name: drawn[name] for name in asked}
        study.add_trial(optuna.create_trial(params=params, distributions=asked, value=float(place)))
    found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return Importance(dict(found), len(used))


def _distribution(asked: Range) -> BaseDistribution:
    if asked.kind == "choice":
        return CategoricalDistribution(asked.choices)
    if asked.kind == "int":
        return IntDistribution(int(asked.low), int(asked.high), log=asked.log)
    return FloatDistribution(asked.low, asked.high, log=asked.log)
