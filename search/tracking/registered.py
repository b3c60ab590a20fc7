"""Registered models as the exports that they were made of."""

from __future__ import annotations

from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from search.export.manifest import ABOUT
from trainables.errors import SteadytuneError, first_line


def download(model: str, store: str) -> Path:
    """The export of a registered model, in a temporary folder or where it is.

    Args:
        model: such as "models:/NAME@champion".
        store: tracking URI of the registry.

    Raises:
        SteadytuneError: there is no such model, or another program registered it.
    """
    mlflow.set_tracking_uri(store)
    mlflow.set_registry_uri(store)
    try:
        folder = Path(mlflow.artifacts.download_artifacts(model))
    except (MlflowException, OSError) as error:
        raise SteadytuneError(f"model is {model}; {store} does not give it ({first_line(error)})") from None
    exports = sorted(path.parent for path in folder.rglob(ABOUT))
    if not exports:
        raise SteadytuneError(f"model is {model}; it is no model that steadytune registered")
    return exports[0]
