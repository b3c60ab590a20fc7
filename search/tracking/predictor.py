"""An exported training as an MLflow model: `mlflow.pyfunc.load_model("models:/NAME@champion").predict(images)`.

MLflow imports this module by its name and calls `_load_pyfunc` with the exported folder; steadytune must be installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from search.export.manifest import read_about
from trainables import registry
from trainables.errors import SteadytuneError
from trainables.recipe import Predictor
from trainables.settings import parse, read_yaml


class Model:
    """What MLflow calls."""

    def __init__(self, predict: Predictor) -> None:
        self._predict = predict

    def predict(self, images: Sequence[Any], params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """One dictionary a picture; see `trainables.recipe.Predictor`."""
        if isinstance(images, (str, Path, Mapping)):
            raise SteadytuneError(f"predict takes a list of pictures, not {images!r} alone; give predict([picture])")
        return self._predict(images)


def load(folder: Path) -> Predictor:
    """The predictor of an exported folder.

    Raises:
        SteadytuneError: the folder is no export, holds no checkpoint, or its recipe has no predictor.
    """
    recipe = registry.find(read_about(folder, "recipe")["recipe"])
    settings = parse(recipe.settings_type, read_yaml(folder / "settings.yaml"), recipe.name)
    return recipe.predictor(settings, folder / "checkpoint")


def _load_pyfunc(path: str) -> Model:
    return Model(load(Path(path)))
