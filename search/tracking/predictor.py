"""An exported training as an MLflow model: `mlflow.pyfunc.load_model("models:/NAME@champion").predict(images)`.

MLflow imports this module by its name and calls `_load_pyfunc` with the exported folder; steadytune must be installed.

This module must keep its path, `search.tracking.predictor`, for ever: `search.tracking.champion` writes it into every
registered model as its `loader_module`. Models in other people's registries would not load any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from search.export.manifest import read_about
from trainables import registry
from trainables.errors import SteadytuneError
from trainables.recipe import Predictor
from trainables.settings import parse_stored, read_yaml


class Model:
    """The model object that MLflow calls."""

    def __init__(self, predict: Predictor) -> None:
        self._predict = predict

    def predict(self, images: Sequence[Any], params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """One dictionary per image; see `trainables.recipe.Predictor`."""
        if isinstance(images, (str, Path, Mapping)):
            raise SteadytuneError(f"predict takes a list of images, not {images!r} alone; call predict([image])")
        return self._predict(images)


def load(folder: Path) -> Predictor:
    """The predictor of an exported folder.

    Raises:
        SteadytuneError: the folder is no export, holds no checkpoint, or its recipe has no predictor.
    """
    about = read_about(folder, "recipe")
    recipe = registry.find_installed(about["recipe"], about.get("declaration"))
    settings = parse_stored(recipe.settings_type, read_yaml(folder / "settings.yaml"), recipe.name)
    return recipe.predictor(settings, folder / "checkpoint")


def _load_pyfunc(path: str) -> Model:
    return Model(load(Path(path)))
