"""What can be checked about stages before the first one runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from search.check import check
from search.stages.fit import check_fit
from search.stages.stages import Stages
from search.stages.start import refuse_own_start, refuse_storage, started
from search.sweep.field_checks import check_new
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan, corners, make_plan
from search.sweep.spec import SweepSpec
from search.sweep.uri import is_uri
from trainables.errors import SteadytuneError
from trainables.settings import parse
from trainables.start import start_settings


def check_ahead(stages: Stages, root: Path) -> tuple[list[Plan], list[str]]:
    """The plans of all stages, and what the user should know of how they follow one another.

    The first is checked as a sweep alone is. Of the others, what only their start tells is left for then: whether
    their winner's checkpoint is there, and its shapes where the search varies them.

    Raises:
        SteadytuneError: at the first problem; says in which stage.
    """
    first, *others = stages.specs
    for spec in others:
        with _named(stages.short(spec)):
            refuse_storage(spec)
    with _named(stages.short(first)):
        first = started(first, root)
        plans = [check(first, SweepFolder(root, first.name).store(first))]
    for spec in others:
        with _named(stages.short(spec)):
            plans.append(_later(spec, plans[0], SweepFolder(root, str(spec.starts_from)).best))
    export = SweepFolder(root, first.starts_from).best if first.starts_from else None
    later = (_as_given(plan, spec) for plan, spec in zip(plans[1:], others, strict=True))
    return plans, [*_unconfirmed(stages), *check_fit([plans[0], *later], export)]


@contextmanager
def _named(stage: str) -> Iterator[None]:
    """Mistakes in the block begin with the name of the `stage`."""
    try:
        yield
    except SteadytuneError as error:
        raise type(error)(f"stage {stage}: {error}") from None


def _unconfirmed(stages: Stages) -> Iterator[str]:
    for before, spec in pairwise(stages.specs):
        if not before.confirm_top:
            yield (
                f"confirm_top of stage {stages.short(before)} is 0, so stage {stages.short(spec)} starts from a winner "
                "that was not trained on fresh seeds: it may have been luck."
            )


def as_checked(stages: Stages, plans: list[Plan]) -> Stages:
    """`stages` as their plans have them: paths found, defaults of the recipe set."""
    specs = (_as_given(plan, spec).spec for plan, spec in zip(plans, stages.specs, strict=True))
    return Stages(stages.name, tuple(specs))


def _as_given(plan: Plan, spec: SweepSpec) -> Plan:
    """`plan` without where it starts, which its launch fills in."""
    filled_in = {"set": spec.set, "earlier_stages": spec.earlier_stages}
    return replace(plan, spec=plan.spec.model_copy(update=filled_in))


def _later(spec: SweepSpec, first: Plan, export: Path) -> Plan:
    """The plan of a stage that will start from `export`, which is not there yet."""
    start = start_settings(first.recipe, export)
    refuse_own_start(spec, start)
    plan = make_plan(spec.model_copy(update={"set": {**spec.set, **start}}))
    check_new(plan)
    if is_uri(plan.spec.data):
        return plan
    data = plan.recipe.open(Path(plan.spec.data))
    begun = first.named[0][1] if first.named else first.settings({}, 0).model_dump()
    named = [parse(plan.recipe.settings_type, settings, name) for name, settings in plan.named]
    for settings in [*named, *corners(plan)]:  # with first weights that are there
        plan.recipe.check(settings.model_copy(update={name: begun[name] for name in start}), data)
    return replace(plan, findings=tuple(getattr(data, "findings", ())))
