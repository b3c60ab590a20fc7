"""Spaces by recipe: the built-in ones, those that other packages register, and a recipe's own."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, cast

from spaces.added import check_choices, with_added
from spaces.declared import space_of
from spaces.space import Space
from trainables.address import load
from trainables.errors import SettingsError
from trainables.recipe import AnyRecipe

GROUP = "steadytune.spaces"
"""Entry point group in which a package registers spaces, each as the recipe's name = "module:function"."""
MAKERS = {
    name: f"spaces.{name}:space_for" for name in ("refdet", "resnet_yolo", "rgbt", "slowfast", "ultralytics", "yolox")
}
"""The built-in spaces, which depend on a sweep's settings: functions of these that return the space, by recipe."""

ADD_THEMSELVES = frozenset({"ultralytics"})
"""Recipes whose space already contains the settings to which the user gave a range."""


def find(recipe: AnyRecipe, preset: str = "paper", choices: Mapping[str, Any] | None = None) -> Space:
    """What may be searched for `recipe`: built-in, registered in `GROUP`, declared by its `parameters`, or its `space`.

    A setting that this space leaves out is added to it if `choices` give it a range.

    `parameters` are those of a sweep file, by name; `space` is a static method.

    Args:
        recipe: whose space.
        preset: of the sweep.
        choices: what the user pinned or narrowed.

    Raises:
        SettingsError: there is none, it cannot be imported or called, or `choices` has what a setting cannot be.
    """
    owner = f"space of recipe {recipe.name!r}"
    check_choices(recipe.settings_type, choices or {}, recipe.name)
    if recipe.name in MAKERS:
        settings = {**recipe.presets.get(preset, {}), **(choices or {})}
        built_in = cast(Space, load(MAKERS[recipe.name], owner)(settings))
        return built_in if recipe.name in ADD_THEMSELVES else with_added(built_in, recipe.settings_type, choices or {})
    registered = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    address = registered.get(recipe.name)
    parameters = getattr(recipe, "parameters", None)
    space_of_recipe = getattr(recipe, "space", None) if parameters is None else space_of(parameters)
    space = load(address, owner) if address else space_of_recipe
    if space is None:
        fix = f"give it a static method space(draw), or an entry point in {GROUP}"
        raise SettingsError(f"{owner}: there is none; {fix}")
    if not callable(space):
        raise SettingsError(f"{owner}: is a {type(space).__name__}; it must be a function of a Draw")
    return with_added(cast(Space, space), recipe.settings_type, choices or {})
