"""Pictures of other than one or three planes as Ultralytics reads them: all of their planes, as they are stored.

Of a TIFF whose grey pages have one size, the pages are the planes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from ultralytics.utils.patches import imread

from trainables.errors import DataError
from trainables.regular_file import check_regular

UPRIGHT = (None, 1)
"""Orientations in EXIF that leave a picture as it is stored."""
_ORIENTATION = 0x0112


def stored_planes(file: Path, count: int) -> NDArray[np.uint8]:
    """The pixels (height, width, `count`) of an image file, colours as B G R.

    Raises:
        DataError: it has another number of planes, or its pixels have more than 16 bits.
    """
    check_regular(file, "image_bytes")
    pixels = imread(str(file), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape[2:] != (count,):
        shape = "no image" if pixels is None else f"an image of the shape {pixels.shape}"
        raise DataError(f"{file}: is {shape}; it must be (height, width, {count}), as `channels` of the data YAML says")
    if pixels.dtype != np.uint8:
        raise DataError(
            f"{file}: its pixels are {pixels.dtype}, whose range is not known; save it with 8 or 16 bits a channel"
        )
    return np.asarray(pixels)


def check_planes(images: Sequence[Path], count: int) -> None:
    """Whether the first of `images` has `count` planes, and all of them are stored upright.

    Ultralytics does not turn such pictures, so boxes that were drawn on what viewers show would be elsewhere.

    Raises:
        DataError: the first one has not, or one is not upright.
    """
    stored_planes(images[0], count)
    for image in images:
        orientation = None
        with suppress(Exception), Image.open(image, formats=("PNG", "WEBP")) as opened:
            orientation = opened.getexif().get(_ORIENTATION)
        if orientation not in UPRIGHT:
            raise DataError(
                f"{image}: is turned by its EXIF tag, which Ultralytics does not heed in pictures of {count} planes; "
                "save it upright, without the tag"
            )
