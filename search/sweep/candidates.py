"""The new configurations that a model chooses from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from search.sweep.augmentation import baseline_values
from search.sweep.plan import Plan
from search.sweep.seeds import derived
from spaces.cube import Configurations, at_random, point, stepped

CANDIDATES = 200
"""How many new configurations are compared for each choice."""


def configurations(plan: Plan) -> Configurations:
    """New configurations of the plan's space, as points of a cube: each searched setting has one or more coordinates.

    Each has about half of the baseline's augmentation values. Drawn evenly, nearly all of a dozen augmentations would
    be strong at once, and no configuration would augment lightly. If configurations to be near are given, every second
    new one has about half of the values of one of these instead, or is a few steps from it.
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
