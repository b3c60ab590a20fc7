"""A cache of decoded images, bounded in bytes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

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
