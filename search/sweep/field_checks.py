"""Fields of a sweep that are right alone and wrong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainables.errors import SettingsError

if TYPE_CHECKING:
    from search.sweep.plan import Plan


def check_together(plan: Plan) -> None:
    """Check what tracks, targets and the seeds to combine ask of the other fields.

    Raises:
        SettingsError: the first that does not fit, in one sentence.
    """
    _tracks(plan)
    _targets(plan)
    _combined(plan)


def _tracks(plan: Plan) -> None:
    """A trial needs a value by its first rung."""
    tracks = plan.spec.tracks
    objective = plan.spec.metric
    if tracks is None or objective is None or not set(objective.parts) & tracks.names().keys():
        return
    if plan.spec.scheduler != "none" and plan.rungs and plan.rungs[0] < tracks.every:
        raise SettingsError(
            f"tracks.every is {tracks.every}, but the first rung, where trials are compared "
            f"by {objective.name}, is at epoch {plan.rungs[0]}; give every: {plan.rungs[0]} or less, or a later first "
            "rung (grace_epochs)"
        )


def _targets(plan: Plan) -> None:
    if plan.spec.stop_at_targets and not plan.targets:
        raise SettingsError("stop_at_targets is true, but the sweep has no targets; give some, or leave it out")
    names = [name for name, _ in plan.named]
    for target in plan.targets:
        if target.over and target.over not in names:
            raise SettingsError(
                f"targets has '{target}', but no training of this sweep is named {target.over}: they are "
                f"{', '.join(names) or 'none'}; add it to enqueue, or name one of these"
            )


def _combined(plan: Plan) -> None:
    from trainables.held_out import Shows  # imports NumPy, which `--help` does without

    spec = plan.spec
    if not spec.combine_seeds:
        return
    if not spec.confirm_top or spec.confirm_seeds < 2:
        raise SettingsError(
            f"combine_seeds is true, with confirm_top {spec.confirm_top} and confirm_seeds {spec.confirm_seeds}; give "
            "at least 1 and 2 of them, so that there are two fresh seeds to combine, or leave combine_seeds out"
        )
    if not isinstance(plan.recipe, Shows):
        raise SettingsError(
            f"combine_seeds is true, but recipe {plan.recipe.name} shows no held-out examples to score on; leave it out"
        )
