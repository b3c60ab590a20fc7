"""Loads the model of an export: of one training, an average or an ensemble."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from search.export.manifest import ABOUT, MEMBERS, read_about
from trainables import registry
from trainables.ensemble import ensemble
from trainables.errors import SteadytuneError
from trainables.recipe import AnyRecipe, Predictor
from trainables.settings import parse_stored, read_yaml


def is_export(folder: Path) -> bool:
    """Whether `folder` is an export."""
    return (folder / ABOUT).is_file()


def load_export(folder: Path) -> tuple[str, Predictor]:
    """The recipe's name and the predictor of an exported folder; of an ensemble that of all its members.

    Raises:
        SteadytuneError: the folder is no export, holds no checkpoint, or its recipe has no predictor.
    """
    about = read_about(folder, "recipe")
    recipe: AnyRecipe = registry.find_installed(about["recipe"], about.get("declaration"))
    if MEMBERS not in about:
        return recipe.name, _predictor(recipe, folder)
    for name in about[MEMBERS]:
        if not is_export(folder / MEMBERS / name):
            raise SteadytuneError(f"{folder / MEMBERS / name}: a member of the ensemble is missing; export again")
    return recipe.name, ensemble([_predictor(recipe, folder / MEMBERS / name) for name in about[MEMBERS]])


def _predictor(recipe: AnyRecipe, folder: Path) -> Predictor:
    settings: Any = parse_stored(recipe.settings_type, read_yaml(folder / "settings.yaml"), recipe.name)
    return recipe.predictor(settings, folder / "checkpoint")
