"""The cache of decoded images, and the checks of image files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from trainables.errors import DataError
from trainables.vision.image_files import ImageCache, decoded_size, refuse_shared


def image_file(path: Path, seed: int = 0) -> Path:
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)).save(path)
    return path


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


def test_an_image_is_checked_to_its_last_pixel(tmp_path: Path) -> None:
    path = image_file(tmp_path / "a.png")
    assert decoded_size(path) == (6, 4)
    path.write_bytes(path.read_bytes()[:70])
    with pytest.raises(DataError, match=r"a\.png: cannot be decoded .*; replace or remove it"):
        decoded_size(path)
    path.unlink()
    with pytest.raises(DataError, match=r"a\.png: no such image; delete its entries"):
        decoded_size(path, missing="delete its entries")


def test_an_image_in_two_splits_is_refused_and_twice_in_one_is_not(tmp_path: Path) -> None:
    first, same, other = (image_file(tmp_path / f"{name}.png", seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    earlier: dict[bytes, Path] = {}
    refuse_shared([first, same], "train", earlier)
    refuse_shared([other], "val", earlier)
    with pytest.raises(DataError, match=r"a\.png: is the same image as .*b\.png; take it out of val or of train"):
        refuse_shared([first], "val", earlier)
