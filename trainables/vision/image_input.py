"""Images that a user hands to a predictor: file or array, checked, as an RGB array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.errors import DataError
from trainables.vision.decode import decode


def planes(picture: Any, *, channels: int) -> NDArray[np.uint8]:
    """`picture` as an array (height, width, `channels`), checked.

    Raises:
        DataError: another shape or type; says which.
    """
    if not (hasattr(picture, "__array__") or hasattr(picture, "__array_interface__")):
        raise DataError(f"a picture is {str(picture)[:40]!r}; it must be an array or the path of a file")
    array = np.asarray(picture)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != channels or not array.size:
        raise DataError(
            f"a picture is an array of shape {array.shape} and type {array.dtype}; it must be (height, width,"
            f" {channels}) of uint8"
        )
    return np.ascontiguousarray(array)


def rgb(picture: Any) -> NDArray[np.uint8]:
    """An RGB array (height, width, 3) uint8, or the file of that path, as such an array.

    Raises:
        DataError: no such file, no image in it, or an array of another shape or type.
    """
    if not isinstance(picture, (str, Path)):
        return planes(picture, channels=3)
    return decode(Path(picture))
