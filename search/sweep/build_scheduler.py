"""The scheduler that a plan asks for."""

from __future__ import annotations

from search.pruning.promoting import PromotingASHA
from search.pruning.scheduler import Scheduler
from search.pruning.stopping import StoppingASHA
from search.sweep.candidates import configurations
from search.sweep.plan import Plan


def build_scheduler(plan: Plan) -> Scheduler:
    """The scheduler that `plan` names, with its settings."""
    if plan.spec.scheduler == "freeze_thaw":
        from search.pruning.freeze_thaw import FreezeThaw  # imports SciPy, which takes a second

        return FreezeThaw(plan.rungs, plan.max_epochs, plan.spec.trials, configurations(plan))
    if plan.spec.scheduler == "stopping":
        return StoppingASHA(plan.grace_epochs, plan.reduction_factor, plan.max_epochs)
    nothing = plan.spec.stability.collapse_value if plan.recipe.mode == "max" else 0.0
    return PromotingASHA(
        plan.grace_epochs, plan.reduction_factor, plan.max_epochs, plan.spec.min_peers, nothing, plan.early_rungs
    )
