"""The recipes as a user looks them up: what they train, their settings, ranges, presets and named trainings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from rich.console import RenderableType
from rich.table import Table

from spaces import registry as space_registry
from spaces.space import Range, ranges
from trainables import registry
from trainables.recipe import AnyRecipe


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
    yield f"{recipe.name}: {recipe.summary}"
    yield f"objective: {recipe.metric} ({recipe.mode}); baseline: {recipe.baseline}\n"
    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for column in ("setting", *recipe.presets, "searched", "what it is"):
        table.add_column(column, no_wrap=column == "setting", max_width=44 if column == "what it is" else 18)
    for row in rows(recipe):
        table.add_row(row.setting, *row.values, row.searched, row.about)
    yield table
    yield "\nnamed trainings:"
    for training, values in recipe.trainings.items():
        yield f"  {training}: " + ", ".join(f"{key}={value}" for key, value in values.items())


class Row(NamedTuple):
    """One setting in the table of a recipe's settings.

    Attributes:
        setting: its name.
        values: its value in each preset, in the order of `Recipe.presets`.
        searched: the range that a sweep draws it from, and under what condition; "" if none does.
        about: what it is.
    """

    setting: str
    values: tuple[str, ...]
    searched: str
    about: str


def rows(recipe: AnyRecipe) -> Iterator[Row]:
    """The settings of `recipe`, one a row: for the terminal, and for the table on the recipe's page."""
    found = ranges(space_registry.find(recipe))
    presets = [recipe.settings(preset, {}).model_dump() for preset in recipe.presets]
    for name, about in recipe.settings_type.model_fields.items():
        searched = f"{found[name]}{_when(found[name])}" if name in found else ""
        yield Row(name, tuple(str(values[name]) for values in presets), searched, about.description or "")


def _when(asked: Range) -> str:
    return f" when {asked.when}" if asked.when else ""


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
