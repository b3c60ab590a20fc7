"""The recipes for `steadytune recipes` and the docs: settings, ranges, presets and named trainings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from rich.console import RenderableType
from rich.table import Table

from spaces import registry as space_registry
from spaces.space import ranges
from spaces.value_range import Range
from trainables import registry
from trainables.recipe import AnyRecipe


def listing() -> Iterator[RenderableType]:
    """One line per recipe."""
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
    searched_ranges = ranges(space_registry.find(recipe))
    presets = [recipe.settings(preset, {}).model_dump() for preset in recipe.presets]
    for name, field in recipe.settings_type.model_fields.items():
        searched = f"{searched_ranges[name]}{_when(searched_ranges[name])}" if name in searched_ranges else ""
        yield Row(name, tuple(str(values[name]) for values in presets), searched, field.description or "")


def _when(searched: Range) -> str:
    return f" when {searched.when}" if searched.when else ""


def as_json(name: str | None) -> Any:
    """The list of recipes, or one in full, as `steadytune recipes --json` prints it; the keys are stable."""
    if name is None:
        return [
            {"name": recipe_name, "metric": recipe.metric, "mode": recipe.mode, "summary": recipe.summary}
            for recipe_name, recipe in ((recipe_name, registry.find(recipe_name)) for recipe_name in registry.names())
        ]
    recipe = registry.find(name)
    searched_ranges = ranges(space_registry.find(recipe))
    return {
        "name": recipe.name,
        "summary": recipe.summary,
        "metric": recipe.metric,
        "mode": recipe.mode,
        "baseline": recipe.baseline,
        "settings": {name: field.description for name, field in recipe.settings_type.model_fields.items()},
        "presets": {preset: recipe.settings(preset, {}).model_dump(mode="json") for preset in recipe.presets},
        "trainings": recipe.trainings,
        "ranges": {
            name: {
                "kind": searched.kind,
                "low": searched.low,
                "high": searched.high,
                "log": searched.log,
                "choices": searched.choices,
                "when": searched.when,
            }
            for name, searched in searched_ranges.items()
        },
    }
