"""The cache of decoded images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainables.vision.image_cache import ImageCache


def test_an_image_is_decoded_once() -> None:
    cache: ImageCache[NDArray[np.uint8]] = ImageCache(100)
    calls = []

    def decode() -> NDArray[np.uint8]:
        calls.append(1)
        return np.zeros(60, dtype=np.uint8)

    assert cache.load(("a.png", 96), decode) is cache.load(("a.png", 96), decode)
    assert len(calls) == 1


def test_what_does_not_fit_is_decoded_each_time() -> None:
    cache: ImageCache[tuple[NDArray[np.uint8], tuple[int, int]]] = ImageCache(100)
    for name in ("first", "second"):
        cache.load(name, lambda: (np.zeros(60, dtype=np.uint8), (4, 6)))
    cache.load("small", lambda: (np.zeros(40, dtype=np.uint8), (4, 6)))
    assert [name in cache for name in ("first", "second", "small")] == [True, False, True]
    assert cache.bytes == cache.limit
