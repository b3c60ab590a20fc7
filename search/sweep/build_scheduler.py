"""The scheduler that a plan asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.pruning.promoting import PromotingASHA
from search.pruning.rungs import milestones
from search.pruning.scheduler import Scheduler
from search.pruning.stopping import StoppingASHA
from search.sweep.plan import Plan
from search.sweep.seeds import derived
from spaces.cube import at_random, point

if TYPE_CHECKING:  # those who only read a sweep do not pay for Optuna
    pass


def build_scheduler(plan: Plan) -> Scheduler:
    """The scheduler that `plan` names, with its settings."""
    if plan.spec.scheduler == "freeze_thaw":
        return _freeze_thaw(plan)
    if plan.spec.scheduler == "stopping":
        return StoppingASHA(plan.grace_epochs, plan.reduction_factor, plan.max_epochs)
    nothing = plan.spec.stability.collapse_value if plan.recipe.mode == "max" else 0.0
    return PromotingASHA(plan.grace_epochs, plan.reduction_factor, plan.max_epochs, plan.spec.min_peers, nothing)


def _freeze_thaw(plan: Plan) -> Scheduler:
    from search.pruning.freeze_thaw import CANDIDATES, Configurations, FreezeThaw  # imports SciPy, which takes a second

    def draw(started: int) -> list[dict[str, Any]]:
        seeds = [derived(plan.spec.seed, f"new/{started}/{index}") for index in range(CANDIDATES)]
        drawn = [at_random(plan.space, plan.spec.set, seed) for seed in seeds]
        return [{name: value for name, value in values.items() if name in plan.ranges} for values in drawn]

    rungs = milestones(plan.grace_epochs, plan.reduction_factor, plan.max_epochs)
    return FreezeThaw(
        rungs, plan.max_epochs, plan.spec.trials, Configurations(draw, lambda values: point(values, plan.ranges))
    )
