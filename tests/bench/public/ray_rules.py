"""Ray Tune's real schedulers, driven with stand-ins for its trials and its controller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ray.tune.schedulers import AsyncHyperBandScheduler, MedianStoppingRule, TrialScheduler

from search.pruning.curve import Curve
from tests.bench.public.groups import Group, grace_epochs
from tests.bench.public.virtual import Action, MakeRule, Rule

REPORTS = 25
"""Of long runs the median rule hears so many values: at each it takes all means again."""


@dataclass(frozen=True)
class StandIn:
    """As much of a Ray trial as its schedulers look at."""

    trial_id: str


class Controller:
    """As much of Ray's controller."""

    def get_live_trials(self) -> list[StandIn]:
        """No trial waits that could be given the place of another."""
        return []


class RayRule(Rule):
    """One of Ray's schedulers. Of long runs it hears `reports` times in all, if given: the median rule is slow."""

    def __init__(self, group: Group, make: Callable[..., Any], settings: dict[str, Any], reports: int | None) -> None:
        self._scheduler = make(time_attr="epoch", metric="metric", mode="max", **settings)
        self._every = max(1, group.max_epochs // reports) if reports else 1
        self._controller = Controller()
        self._trials: dict[int, StandIn] = {}

    def starts(self, trial: int) -> bool:
        self._trials[trial] = StandIn(str(trial))
        self._scheduler.on_trial_add(self._controller, self._trials[trial])
        return True

    def report(self, trial: int, curve: Curve) -> Action:
        if curve.epoch % self._every:
            return "continue"
        decided = self._scheduler.on_trial_result(self._controller, self._trials[trial], _result(curve))
        if decided != TrialScheduler.STOP:
            return "continue"
        self._scheduler.on_trial_complete(self._controller, self._trials[trial], _result(curve))
        return "stop"

    def end(self, trial: int, curve: Curve) -> None:
        self._scheduler.on_trial_complete(self._controller, self._trials[trial], _result(curve))


def _result(curve: Curve) -> dict[str, Any]:
    return {"epoch": curve.epoch, "metric": curve.points[-1].value or 0.0}  # Ray takes no None


def asha(factor: float, grace: float) -> MakeRule:
    """Stock ASHA; `grace` as a share of a training."""

    def make(group: Group) -> Rule:
        settings = {
            "max_t": group.max_epochs,
            "grace_period": grace_epochs(group, grace),
            "reduction_factor": factor,
        }
        return RayRule(group, AsyncHyperBandScheduler, settings, None)

    return make


def median(grace: float) -> MakeRule:
    """Vizier's median rule."""
    return lambda group: RayRule(group, MedianStoppingRule, {"grace_period": grace_epochs(group, grace)}, REPORTS)


def rules() -> dict[str, MakeRule]:
    """By the name in the table."""
    makers = {
        f"Ray ASHA, factor {factor}, grace {grace:.0%}": asha(factor, grace)
        for factor in (3, 4)
        for grace in (0.03, 0.05, 0.10)
    }
    return makers | {f"Ray MedianStoppingRule, grace {grace:.0%}": median(grace) for grace in (0.05, 0.10, 0.30)}
