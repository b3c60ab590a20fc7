"""The input and output of a registered model, in Python and as JSON for `mlflow models serve`.

Where a recipe's predictor takes the path of a picture, JSON may contain the picture itself: `{"image": BASE64}`. Clips
are lists of numbers.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow.models import Model
from PIL import Image

from trainables.errors import DataError
from trainables.recipe import AnyRecipe, Recipe

IMAGE = "image"
_ANYTHING = '[{"type": "any", "required": true}]'
"""MLflow's schema of a list of anything, as it writes it of a model whose input has the type `list[Any]`."""


def described(recipe: AnyRecipe) -> tuple[Model | None, list[Any] | None]:
    """MLflow's description of a model of `recipe` with its signature, and an input example; None without a predictor.

    The signature is that of the type `list[Any]`, so that MLflow passes the list on as it is. With a signature of
    columns or tensors MLflow would first make a table or an array of it, which fails for a list of paths, of pairs or
    of pictures of different sizes.
    """
    if type(recipe).predictor is Recipe.predictor:
        return None, None
    description = {
        "signature": {"inputs": _ANYTHING, "outputs": _ANYTHING},
        "is_signature_from_type_hint": True,
        "type_hint_from_example": False,
    }
    return Model.from_dict(description), [recipe.example_input(_picture())]


def _picture() -> dict[str, str]:
    """One that is on every machine."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(file, "PNG")
    return {IMAGE: base64.b64encode(file.getvalue()).decode()}


def with_files(given: Any, folder: Path) -> Any:
    """The predictor's input for `given`: each picture that JSON contains is written to a file in `folder`.

    Raises:
        DataError: a picture is not valid base64.
    """
    if isinstance(given, Mapping):
        if given.keys() == {IMAGE}:
            return _file(given[IMAGE], folder)
        return {name: with_files(value, folder) for name, value in given.items()}
    if isinstance(given, (list, tuple)) and any(isinstance(part, Mapping) for part in given):
        return [with_files(part, folder) for part in given]
    return given


def _file(content: Any, folder: Path) -> Path:
    try:
        decoded = base64.b64decode(content, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise DataError(f"{IMAGE} is {str(content)[:40]!r}; it must be the bytes of an image file in base64") from None
    path = folder / f"image {len(list(folder.iterdir())) + 1}"
    path.write_bytes(decoded)
    return path
