"""The model that predicts: a checkpoint, an export, or a model of an MLflow registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from search.export.loaded import is_export, load_export
from search.sweep.uri import sqlite_file
from search.tracking.store_check import check_store
from trainables import standalone
from trainables.errors import SteadytuneError
from trainables.recipe import Predictor

URI = "models:/"


@dataclass(frozen=True)
class LoadedModel:
    """A model.

    Attributes:
        recipe: name of its recipe.
        predict: what it finds.
    """

    recipe: str
    predict: Predictor


def load(model: str, store: str) -> LoadedModel:
    """The model that a person names.

    Args:
        model: the directory of a checkpoint, an export or an ensemble, or such as "models:/NAME@champion".
        store: MLflow tracking URI of the registry.

    Raises:
        SteadytuneError: there is none, or its recipe has no predictor.
    """
    folder = _downloaded(model, store) if model.startswith(URI) else Path(model)
    if not folder.is_dir():
        raise SteadytuneError(
            f"model is {model}; give a checkpoint such as epoch-0007, an export, or {URI}NAME@champion"
        )
    if is_export(folder):
        return LoadedModel(*load_export(folder))
    recipe, settings = standalone.read_checkpoint(folder)
    return LoadedModel(recipe.name, recipe.predictor(settings, folder))


def _downloaded(model: str, store: str) -> Path:
    check_store(store)
    file = sqlite_file(store)
    if file and not file.is_file():
        raise SteadytuneError(
            f"store is {store}; there is no such file; give the store of the sweep whose model it is with --store"
        )
    from search.tracking.sync import prepare_environment

    prepare_environment()
    from search.tracking.registered import download  # imports MLflow, which takes seconds

    return download(model, store)
