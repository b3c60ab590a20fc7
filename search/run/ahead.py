"""What can be checked about stages before the first one runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from search.check import check
from search.stages.fit import check_fit
from search.stages.stages import Stages
from search.stages.start import refuse_own_start, refuse_storage
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan, corners, make_plan
from search.sweep.spec import SweepSpec
from search.sweep.spelling import check_pairs
from search.sweep.uri import is_uri
from trainables.settings import parse
from trainables.start import start_settings


def check_ahead(stages: Stages, root: Path) -> tuple[list[Plan], list[str]]:
    """The plans of all stages, and what the user should know of how they follow one another.

    The first is checked as a sweep alone is. Of the others, what only their start tells is left for then: whether
    their winner's checkpoint is there, and its shapes where the search varies them.

    Raises:
        SteadytuneError: at the first problem.
    """
    first, *others = stages.specs
    plans = [check(first, SweepFolder(root, first.name).store(first))]
    for spec in others:
        plans.append(_later(spec, plans[0], SweepFolder(root, str(spec.starts_from)).best))
    return plans, check_fit([plans[0], *(_as_given(plan, spec) for plan, spec in zip(plans[1:], others, strict=True))])


def as_checked(stages: Stages, plans: list[Plan]) -> Stages:
    """`stages` as their plans have them: paths found, defaults of the recipe set."""
    specs = (_as_given(plan, spec).spec for plan, spec in zip(plans, stages.specs, strict=True))
    return Stages(stages.name, tuple(specs))


def _as_given(plan: Plan, spec: SweepSpec) -> Plan:
    """`plan` without the start that `_later` made up."""
    return replace(plan, spec=plan.spec.model_copy(update={"set": spec.set}))


def _later(spec: SweepSpec, first: Plan, export: Path) -> Plan:
    """The plan of a stage that will start from `export`, which is not there yet."""
    start = start_settings(first.recipe, export)
    refuse_own_start(spec, start)
    refuse_storage(spec)
    plan = make_plan(spec.model_copy(update={"set": {**spec.set, **start}}))
    check_pairs(spec.set, plan.recipe.settings_type)
    if is_uri(plan.spec.data):
        return plan
    data = plan.recipe.open(Path(plan.spec.data))
    begun = first.named[0][1] if first.named else first.settings({}, 0).model_dump()
    named = [parse(plan.recipe.settings_type, settings, name) for name, settings in plan.named]
    for settings in [*named, *corners(plan)]:  # with first weights that are there
        plan.recipe.check(settings.model_copy(update={name: begun[name] for name in start}), data)
    return replace(plan, findings=tuple(getattr(data, "findings", ())))
