"""Remarks on a new sweep that can be run, but may not do what its user means."""

from __future__ import annotations

from collections.abc import Iterator

from search.sweep.plan import Plan
from spaces.added import gives_range
from trainables.objective import ANY_METRIC, reported_as


def notes(plan: Plan) -> Iterator[str]:
    """A sentence for each thing that its user should know before it trains."""
    spec, recipe = plan.spec, plan.recipe
    others = spec.trials - len(plan.named)
    if not plan.ranges and others > 1:
        yield (
            f"no setting is searched, so {others} trials train the same settings, each with its own seed; give a "
            "setting a range (set: {lr: {low: 1e-5, high: 1e-3}}), or fewer trials"
        )
    yield from unused_ranges(plan)
    if spec.epoch_budget and spec.epoch_budget < plan.max_epochs:
        field = "total_epochs" if spec.total_epochs else "epochs"
        yield (
            f"{field} is {spec.epoch_budget}, which all trials take together, but one training has {plan.max_epochs}; "
            f"set: {{epochs: {spec.epoch_budget}}} shortens the trainings"
        )
    metric = spec.metric
    if metric is not None and metric.source is None:
        for name in metric.parts:
            if reported_as(name, recipe.reports) == ANY_METRIC:
                yield f"{recipe.name} does not say what it reports: the first epoch shows whether {name} is among it"


def unused_ranges(plan: Plan) -> Iterator[str]:
    """A sentence for each range that no trial draws: also a resume may give such a one, or the pin because of which."""
    for name, chosen in plan.spec.set.items():
        if gives_range(plan.recipe.settings_type, name, chosen) and name not in plan.ranges:
            yield f"set.{name} gives a range, but beside the other values of set no trial draws it"
