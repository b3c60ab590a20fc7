"""The recipes as a user looks them up: what they train, their settings, ranges, presets and named trainings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from spaces import registry as space_registry
from spaces.space import ranges
from trainables import registry
from trainables.recipe import Recipe


def listing() -> Iterator[RenderableType]:
    """One line a recipe."""
    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for column in ("recipe", "objective", "what it trains"):
        table.add_column(column)
    for name in registry.names():
        recipe = registry.find(name)
        table.add_row(name, f"{recipe.metric} ({recipe.mode})", recipe.summary)
    yield table


def page(name: str) -> Iterator[RenderableType]:
    """Everything about one recipe."""
    recipe = registry.find(name)
    found = ranges(space_registry.find(recipe))
    yield f"{recipe.name}: {recipe.summary}"
    yield f"objective: {recipe.metric} ({recipe.mode}); baseline: {recipe.baseline}\n"
    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for column in ("setting", *recipe.presets, "searched", "what it is"):
        table.add_column(column, no_wrap=column == "setting", max_width=44 if column == "what it is" else 18)
    for field, about in recipe.settings_type.model_fields.items():
        defaults = [str(_value(recipe, preset, field)) for preset in recipe.presets]
        searched = (
            f"{found[field]}" + (f" when {found[field].when}" if found[field].when else "") if field in found else ""
        )
        table.add_row(field, *defaults, searched, about.description or "")
    yield table
    yield "\nnamed trainings:"
    for training, values in recipe.trainings.items():
        yield f"  {training}: " + ", ".join(f"{key}={value}" for key, value in values.items())


def as_json(name: str | None) -> Any:
    """The list, or one recipe in full, for machines."""
    if name is None:
        return [
            {"name": each, "metric": recipe.metric, "mode": recipe.mode, "summary": recipe.summary}
            for each, recipe in ((each, registry.find(each)) for each in registry.names())
        ]
    recipe = registry.find(name)
    found = ranges(space_registry.find(recipe))
    return {
        "name": recipe.name,
        "summary": recipe.summary,
        "metric": recipe.metric,
        "mode": recipe.mode,
        "baseline": recipe.baseline,
        "settings": {field: about.description for field, about in recipe.settings_type.model_fields.items()},
        "presets": {preset: recipe.settings(preset, {}).model_dump(mode="json") for preset in recipe.presets},
        "trainings": recipe.trainings,
        "ranges": {
            field: {
                "kind": one.kind,
                "low": one.low,
                "high": one.high,
                "log": one.log,
                "choices": one.choices,
                "when": one.when,
            }
            for field, one in found.items()
        },
    }


def _value(recipe: Recipe, preset: str, field: str) -> Any:
    return recipe.settings(preset, {}).model_dump()[field]
