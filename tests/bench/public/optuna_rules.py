"""Optuna's real pruners, driven through a study's ask, report and tell."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from search.pruning.curve import Curve
from tests.bench.public.groups import Group, grace_epochs
from tests.bench.public.virtual import Action, MakeRule, Rule

REPORTS = 50
"""Of long runs Optuna hears so many values: it copies all that it knows of a trial at each."""
FEW_REPORTS = 20
"""The same for the Wilcoxon pruner, which tests at each."""

Pruner = optuna.pruners.BasePruner


class OptunaRule(Rule):
    """A study with one of Optuna's pruners."""

    def __init__(self, group: Group, pruner: Pruner, reports: int) -> None:
        self._study = optuna.create_study(study_name="replay", direction="maximize", pruner=pruner)
        self._every = max(1, group.max_epochs // reports)
        self._trials: dict[int, optuna.Trial] = {}

    def starts(self, trial: int) -> bool:
        self._trials[trial] = self._study.ask()
        return True

    def report(self, trial: int, curve: Curve) -> Action:
        if curve.epoch % self._every:
            return "continue"
        asked = self._trials[trial]
        asked.report(curve.points[-1].value or 0.0, curve.epoch)
        if not asked.should_prune():
            return "continue"
        self._study.tell(asked, state=TrialState.PRUNED)
        return "stop"

    def end(self, trial: int, curve: Curve) -> None:
        self._study.tell(self._trials[trial], curve.points[-1].value or 0.0)


def pruned(make: Callable[[Group], Pruner], reports: int = REPORTS) -> MakeRule:
    """A rule of the pruner that `make` gives for a group."""
    return lambda group: OptunaRule(group, make(group), reports)


def _halving(group: Group, grace: float) -> Pruner:
    return optuna.pruners.SuccessiveHalvingPruner(grace_epochs(group, grace), 3)


def _hyperband(group: Group, grace: float) -> Pruner:
    return optuna.pruners.HyperbandPruner(grace_epochs(group, grace), group.max_epochs, 3)


def _median(group: Group, grace: float) -> Pruner:
    return optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=grace_epochs(group, grace))


def _patient(group: Group, inner: Pruner | None) -> Pruner:
    return optuna.pruners.PatientPruner(inner, REPORTS // 10)


def rules() -> dict[str, MakeRule]:
    """By the name in the table."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", module="optuna")  # experimental pruners; steps that the best trial lacks
    warnings.filterwarnings("ignore", category=ExperimentalWarning)
    makers: dict[str, MakeRule] = {}
    for grace in (0.05, 0.10):
        makers |= {
            f"Optuna SuccessiveHalving, factor 3, grace {grace:.0%}": pruned(partial(_halving, grace=grace)),
            f"Optuna Hyperband, factor 3, grace {grace:.0%}": pruned(partial(_hyperband, grace=grace)),
            f"Optuna MedianPruner, warm-up {grace:.0%}": pruned(partial(_median, grace=grace)),
        }
    inner = optuna.pruners.MedianPruner(n_startup_trials=3)
    makers["Optuna PatientPruner (10%) on MedianPruner"] = pruned(partial(_patient, inner=inner))
    makers["Optuna PatientPruner (10%) alone"] = pruned(partial(_patient, inner=None))
    makers["Optuna WilcoxonPruner, p 0.1"] = pruned(lambda _: optuna.pruners.WilcoxonPruner(), FEW_REPORTS)
    return makers
