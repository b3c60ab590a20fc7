"""The new configurations that a model chooses from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from search.sweep.augmentation import baseline_values
from search.sweep.plan import Plan
from search.sweep.seeds import derived
from spaces.cube import Configurations, at_random, point, stepped

CANDIDATES = 200
"""New configurations that are compared for each choice."""


def configurations(plan: Plan) -> Configurations:
    """Those of the plan's space, as points of a cube with a coordinate or more for each searched setting.

    Each has about half of the baseline's augmentation. Its effects add up: of a dozen kinds drawn evenly, nearly all
    are strong at once, and no configuration augments lightly. Every second one has, where some to be near are given,
    about half of the values of one of these instead, or is a few steps from it.
    """
    augmentation = baseline_values(plan)

    def draw(started: int, near: Sequence[Mapping[str, Any]], by_steps: bool) -> Iterator[dict[str, Any]]:
        for index in range(CANDIDATES):
            seed = derived(plan.spec.seed, f"new/{started}/{index}")
            usual = near[index % len(near)] if near and index % 2 else None
            if usual and by_steps:
                values = stepped(plan.space, plan.spec.set, seed, usual)
            else:
                values = at_random(plan.space, plan.spec.set, seed, usual or augmentation)
            yield {name: value for name, value in values.items() if name in plan.ranges}

    return Configurations(draw, lambda values: point(values, plan.ranges))
