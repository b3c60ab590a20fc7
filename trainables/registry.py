"""Recipes by name: the built-in ones, those that other packages register, and any class given as "module:Class"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, get_args

from trainables import libraries
from trainables.address import load
from trainables.declared import declared
from trainables.errors import SettingsError, nearest
from trainables.objective import Mode
from trainables.recipe import AnyRecipe, Recipe

GROUP = "steadytune.recipes"
"""Entry point group in which a package registers its recipes, each as name = "module:Class"."""
BUILT_IN = {
    "refdet": "trainables.refdet.recipe:Refdet",
    "resnet_yolo": "trainables.resnet_yolo.recipe:ResnetYolo",
    "rgbt": "trainables.rgbt.recipe:Rgbt",
    "slowfast": "trainables.slowfast.recipe:Slowfast",
    "ultralytics": "trainables.ultralytics.recipe:Ultralytics",
    "yolox": "trainables.yolox.recipe:Yolox",
}
DECLARED = {"command": "trainables.command.recipe:Command"}
"""Recipes whose trainings a sweep file declares."""
TEXTS = ("name", "summary", "metric", "baseline")
"""Attributes of each recipe that are texts."""


def names() -> list[str]:
    """Every name that `find` takes, besides `module:Class`."""
    return sorted({*BUILT_IN, *DECLARED, *(entry.name for entry in entry_points(group=GROUP))})


def find(name: str, declaration: Mapping[str, Any] | None = None) -> AnyRecipe:
    """The recipe called `name`: built-in, registered in `GROUP`, or "module:Class".

    Args:
        name: of the recipe.
        declaration: the fields of a sweep file that concern the recipe; see `trainables.declared`.

    Raises:
        SettingsError: no such name, a module that cannot be imported, something that is no recipe or no whole one, or a
            wrong field.
    """
    address = BUILT_IN.get(name) or DECLARED.get(name) or (name if ":" in name else _registered(name))
    loaded = load(address, f"recipe {name!r}")
    if not (isinstance(loaded, type) and issubclass(loaded, Recipe)):
        raise SettingsError(
            f"recipe {name!r}: {address} is {loaded!r}; it must be a subclass of trainables.recipe.Recipe"
        )
    missing = sorted(getattr(loaded, "__abstractmethods__", ()))
    if missing:
        raise SettingsError(f"recipe {name!r}: {address} lacks {', '.join(missing)}; implement every abstract method")
    recipe: AnyRecipe = loaded()
    _check_attributes(recipe, f"recipe {name!r}: {address}")
    return declared(recipe, declaration) if declaration else recipe


def _check_attributes(recipe: AnyRecipe, owner: str) -> None:
    """Refuse a recipe without what every sweep asks of it, or whose mode would be taken for another."""
    lacking = [name for name in TEXTS if not isinstance(getattr(recipe, name, None), str)]
    if not isinstance(getattr(recipe, "settings_type", None), type):
        lacking.append("settings_type")
    if lacking:
        raise SettingsError(f"{owner} lacks {', '.join(lacking)}; give the class these attributes (docs/own-recipe.md)")
    if recipe.mode not in get_args(Mode):
        raise SettingsError(f"{owner}: mode is {recipe.mode!r}; it must be 'max' or 'min'")


def find_installed(name: str, declaration: Mapping[str, Any] | None = None) -> AnyRecipe:
    """`find`, for those who open its data or train with it.

    Raises:
        SettingsError: see `find`; or libraries of the recipe are not installed.
    """
    recipe = find(name, declaration)
    extra = libraries.extra_of(name)
    if missing := libraries.missing(extra):
        raise SettingsError(
            f"recipe {name!r} needs what is not installed here: {', '.join(missing)}; "
            f"pip install '.[{extra}]' in a clone installs it (docs/install.md)"
        )
    return recipe


def _registered(name: str) -> str:
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            return entry.value
    if _ULTRALYTICS_MODEL.match(name):
        raise SettingsError(f"recipe {name!r} is a model of Ultralytics, not a recipe; {_for_ultralytics(name)}")
    raise SettingsError(f"unknown recipe {name!r}; {nearest(name, names())}, or module:Class")


_ULTRALYTICS_MODEL = re.compile(r"(yolo(v?\d|e-|_?world|-nas|_nas)|rtdetr|rt-detr|sam\d?_|fastsam)", re.IGNORECASE)


def _for_ultralytics(model: str) -> str:
    """How to train a model of Ultralytics' own."""
    if "ultralytics" in BUILT_IN:
        file = model if model.endswith((".pt", ".yaml")) else f"{model}.pt"
        return f"give recipe: ultralytics, and the model with set: {{model: {file}}}"
    return (
        "train it with your own script and `recipe: command` (docs/own-script.md), or its YOLO26 on pairs of images "
        "with recipe: rgbt"
    )
