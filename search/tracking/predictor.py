"""An exported training as an MLflow model: `mlflow.pyfunc.load_model("models:/NAME@champion").predict(images)`.

MLflow imports this module by its name and calls `_load_pyfunc` with the exported folder; steadytune must be installed.

This module must keep its path, `search.tracking.predictor`, for ever: `search.tracking.champion` writes it into every
registered model as its `loader_module`. Models in other people's registries would not load any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from mlflow.exceptions import MlflowException

from search.export.loaded import load_export
from search.tracking.served import with_files
from trainables.errors import SteadytuneError
from trainables.recipe import Predictor


class Model:
    """The model object that MLflow calls."""

    def __init__(self, predict: Predictor) -> None:
        self._predict = predict
        self._one_at_a_time = Lock()  # a server asks from several threads; the networks keep state of a call

    def predict(self, images: Sequence[Any], params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """One dictionary per image; see `trainables.recipe.Predictor`, and `search.tracking.served` for JSON.

        Raises:
            MlflowException: what cannot be predicted on, in one sentence; a server answers with it and HTTP 400.
        """
        with TemporaryDirectory() as folder:
            try:
                if isinstance(images, (str, bytes, Path, Mapping)) or not isinstance(images, Iterable):
                    raise SteadytuneError(
                        f"predict takes a list of images, not {images!r} alone; call predict([image])"
                    )
                opened = [with_files(image, Path(folder)) for image in images]
                with self._one_at_a_time:
                    return self._predict(opened)
            except SteadytuneError as error:
                reason = str(error).replace(f"{folder}/", "")
                raise MlflowException.invalid_parameter_value(reason) from None


def load(folder: Path) -> Predictor:
    """The predictor of an exported folder.

    Raises:
        SteadytuneError: the folder is no export, holds no checkpoint, or its recipe has no predictor.
    """
    _, predictor = load_export(folder)
    return predictor


def _load_pyfunc(path: str) -> Model:
    return Model(load(Path(path)))
