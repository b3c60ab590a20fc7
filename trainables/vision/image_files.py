"""Checks of the image files of a data set, and a cache of what was decoded from them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from trainables.errors import DataError

SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
CACHE_BYTES = 2 * 1024**3
"""Default limit of one data set's `ImageCache`."""
DecodedT = TypeVar("DecodedT", bound="NDArray[np.uint8] | tuple[object, ...]")


class ImageCache(Generic[DecodedT]):
    """Decoded images by key (a path and how it was decoded), up to `limit` bytes.

    What no longer fits is decoded again each time. An entry is an array, or a tuple whose arrays count.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self._decoded: dict[Hashable, DecodedT] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._decoded

    def load(self, key: Hashable, decode: Callable[[], DecodedT]) -> DecodedT:
        """The entry of `key`, decoded now if it is not there."""
        if key in self._decoded:
            return self._decoded[key]
        decoded = decode()
        grown = self.bytes + _size_bytes(decoded)
        if grown <= self.limit:
            self.bytes = grown
            self._decoded[key] = decoded
        return decoded


def _size_bytes(decoded: NDArray[np.uint8] | tuple[object, ...]) -> int:
    parts = decoded if isinstance(decoded, tuple) else (decoded,)
    return sum(part.nbytes for part in parts if isinstance(part, np.ndarray))


def decoded_size(image: Path, missing: str = "add the file", broken: str = "replace or remove it") -> tuple[int, int]:
    """Width and height of the image file, once every pixel was decoded.

    Args:
        image: path of the file.
        missing: what the user can do if it is not there.
        broken: what the user can do if it cannot be decoded.

    Raises:
        DataError: one of the two.
    """
    try:
        with Image.open(image) as opened:
            opened.load()
            return opened.size
    except FileNotFoundError:
        raise DataError(f"{image}: no such image; {missing}") from None
    # ImportError: once Ultralytics is imported, its Image.open looks for a plugin before it gives a file up.
    except (OSError, SyntaxError, ImportError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"{image}: cannot be decoded ({error}); {broken}") from None


def refuse_shared(images: Iterable[Path], split: str, earlier: dict[bytes, Path]) -> None:
    """Refuse a file of `split` that an earlier split has too: in training and validation, it makes every metric a lie.

    Args:
        images: of `split`; the same file twice within it is allowed.
        split: its name.
        earlier: the images of the splits before it, by sha256; those of this one are added.

    Raises:
        DataError: naming both files.
    """
    current: dict[bytes, Path] = {}
    for image in images:
        key = hashlib.sha256(image.read_bytes()).digest()
        if key in earlier:
            raise DataError(f"{image}: is the same image as {earlier[key]}; take it out of {split} or of train")
        current[key] = image
    earlier.update(current)
