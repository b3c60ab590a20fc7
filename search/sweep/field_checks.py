"""Checks fields of a sweep that are valid by themselves but not together, or not for its recipe."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from search.sweep.spelling import check_pairs
from trainables.declared import check_tracked
from trainables.errors import SettingsError
from trainables.objective import Mode, Reports, better, check_reported
from trainables.recipe import AnyRecipe

if TYPE_CHECKING:
    from search.sweep.plan import Plan
    from search.sweep.spec import SweepSpec


def check_together(plan: Plan) -> None:
    """Check what the fields scheduler, tracks, targets and combine_seeds require of other fields.

    Raises:
        SettingsError: the first that does not fit, in one sentence.
    """
    _freeze_thaw(plan.spec, ("rank_gp", "tpe"))  # older sweeps say tpe, the default then
    _tracks(plan)
    _targets(plan)
    _combined(plan)


def check_new(plan: Plan) -> None:
    """Check in a new sweep what would otherwise only show in its first epoch. A resumed sweep goes on as it began.

    Raises:
        SettingsError: a pair of values may be meant as a range, no training would use its GPU, a metric is not
            reported, or a target or mode asks for the worse values of a metric.
    """
    check_pairs(plan.spec.set, plan.recipe.settings_type)
    _seed(plan)
    _device(plan)
    _freeze_thaw(plan.spec, ("rank_gp",))
    _metric(plan)
    recipe = plan.recipe
    losses: Reports = dict.fromkeys(("train", "train/*", "val", "val/*"), "min")
    for target in plan.targets:
        mode = _mode_of(target.metric, f"targets has '{target}'", recipe, {**losses, recipe.metric: recipe.mode})
        sign = SIGNS.get(mode, target.sign)
        if target.sign != sign:
            raise SettingsError(
                f"targets has '{target}', but {_words(mode)} values of {target.metric} are better; write {sign}"
            )


def _seed(plan: Plan) -> None:
    if plan.spec.confirm_top and "seed" in plan.spec.set and "seed" in plan.recipe.settings_type.model_fields:
        raise SettingsError(
            f"set.seed is {plan.spec.set['seed']}, but the best configurations are trained again on fresh seeds, which "
            "a seed in set would make the same; give it as the sweep's own, seed, from which all seeds follow, or give "
            "confirm_top: 0"
        )


def _device(plan: Plan) -> None:
    """Trials that have GPUs must not train on the CPU. What a script does is not known here."""
    spec = plan.spec
    if not spec.gpus or spec.command or "device" in plan.ranges:
        return
    if plan.settings({}, spec.seed).model_dump().get("device") == "cpu":
        source = "set" if "device" in plan.pins else f"preset {spec.preset}"
        raise SettingsError(
            f"gpus is {spec.gpus}, but device is cpu (by {source}), so no training would use a GPU; give another "
            "device or preset, or leave gpus out"
        )


def _metric(plan: Plan) -> None:
    metric = plan.spec.metric
    if metric is None or metric.source:  # what a script reports is known only once it runs
        return
    if plan.spec.tracks is None:
        check_tracked(metric.parts, plan.recipe)
    for name in metric.parts:
        mode, weight = _mode_of(name, "metric", plan.recipe, {}), metric.sum.get(name, 1.0)
        favours_high = (weight > 0) == (plan.recipe.mode == "max")
        if mode and favours_high != (mode == "max"):
            fix = f"give it the weight {-weight:g}" if metric.sum else f"give mode: {mode}, or leave mode out"
            raise SettingsError(
                f"metric.{'sum' if metric.sum else 'mode'}: {_words(mode)} values of {name} are better; {fix}"
            )


SIGNS: Mapping[Mode | None, str] = {"max": ">=", "min": "<="}


def _mode_of(name: str, owner: str, recipe: AnyRecipe, besides: Reports) -> Mode | None:
    """Which values of the metric `name` are better, where that is known. Raises SettingsError: it is not reported."""
    reports = {**besides, **recipe.reports}
    check_reported(name, reports, f"{owner}: {recipe.name}")
    return better(name, reports)


def _words(mode: Mode | None) -> str:
    return "higher" if mode == "max" else "lower"


def _freeze_thaw(spec: SweepSpec, samplers: Collection[str]) -> None:
    """Freeze-thaw draws configurations by its own model: fields that it ignores must keep their defaults."""
    if spec.scheduler != "freeze_thaw":
        return
    if spec.sampler not in samplers:
        raise SettingsError(
            f"sampler is {spec.sampler}, but scheduler: freeze_thaw chooses settings by its own model; leave sampler "
            "out, or give another scheduler"
        )
    if spec.limits:
        raise SettingsError(
            f"limits has {', '.join(spec.limits)}, but scheduler: freeze_thaw keeps to no limits; leave limits out, or "
            "give another scheduler"
        )


def _tracks(plan: Plan) -> None:
    """Tracking metrics must be there by the first rung, if trials are compared by one of them."""
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
