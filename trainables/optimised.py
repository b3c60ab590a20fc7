"""A recipe with another objective than its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from trainables.look import Look
from trainables.objective import Bounds, Objective
from trainables.recipe import AnyRecipe, Epoch


def optimising(
    recipe: AnyRecipe, objective: Objective, seldom: Collection[str] = (), bounds: Mapping[str, Bounds] | None = None
) -> AnyRecipe:
    """`recipe` with another objective, whose value is added to the metrics of each evaluated epoch and of guesses.

    Args:
        recipe: reports the metrics.
        objective: what is optimised.
        seldom: metrics that not every evaluated epoch has; one that lacks them gets no value.
        bounds: of metrics that are not among the recipe's own.
    """
    kind, owner = type(recipe), recipe.name

    def train(instance: AnyRecipe, *arguments: Any, **named: Any) -> Iterator[Epoch]:
        with closing(kind.train(instance, *arguments, **named)) as epochs:  # type: ignore[type-var]  # a generator
            for epoch in epochs:
                if any(name in seldom and name not in epoch.metrics for name in objective.parts):
                    yield epoch
                else:
                    yield replace(epoch, metrics=objective.with_value(epoch.metrics, owner))

    def look(instance: AnyRecipe, settings: Any, data: Any) -> Look:
        seen = kind.look(instance, settings, data)
        guesses = {
            guess: metrics if (value := objective.value(metrics)) is None else {objective.name: value, **metrics}
            for guess, metrics in seen.guesses.items()
        }
        return replace(seen, guesses=guesses)

    own_metric = {kind.metric: kind.mode}
    members = {"reports": {**own_metric, **kind.reports}, **objective.of_recipe({**kind.bounds, **(bounds or {})})}
    members |= {"train": train, "look": look}
    optimised: AnyRecipe = type(kind.__name__, (kind,), members)()
    return optimised
