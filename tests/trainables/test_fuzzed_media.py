"""A hundred broken files of each format of pictures and clips; see `test_fuzzed_files.py`."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.fuzzing import facts, fuzzed, read
from tests.support.mutations import broken_bytes
from trainables.slowfast import data as slowfast
from trainables.vision.decode import decode
from trainables.vision.image_facts import image_facts

# --- images --------------------------------------------------------------------------------------------------------

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "a.jpg": ("JPEG", {"quality": 90}),
    "progressive.jpg": ("JPEG", {"quality": 90, "progressive": True}),
    "a.png": ("PNG", {}),
    "a.webp": ("WEBP", {"quality": 90}),
    "a.tif": ("TIFF", {"compression": "tiff_lzw"}),
    "a.bmp": ("BMP", {}),
    "a.avif": ("AVIF", {}),
}
"""By the file's name, Pillow's name of the format, and its options."""


@lru_cache
def picture(name: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 3)).repeat(8, axis=0).repeat(8, axis=1)
    kind, options = FORMATS[name]
    stored = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stored, kind, **options)
    return stored.getvalue()


@pytest.mark.parametrize("name", FORMATS)
@fuzzed
@given(data=st.data())
def test_images(name: str, data: st.DataObject, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(data.draw(broken_bytes(picture(name))))
    image = read(lambda: image_facts(file, facts()), file)
    if image is None:
        return
    pixels = read(lambda: decode(file), file)
    if image.why:
        assert pixels is None
    else:  # what a check accepts, a training can read
        assert pixels.shape == (image.height, image.width, 3)


# --- thermal clips -------------------------------------------------------------------------------------------------


@lru_cache
def clip_file() -> bytes:
    stored = io.BytesIO()
    with h5py.File(stored, "w") as file:
        file["frames"] = np.linspace(20, 30, 4 * 3 * 5 * 6, dtype=np.float32).reshape(4, 3, 5, 6)
        file["labels"] = np.array([0, 1, 2, 0])
    return stored.getvalue()


@fuzzed
@given(content=broken_bytes(clip_file()))
def test_thermal_clips(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "train.h5"
    file.write_bytes(content)
    clips = read(lambda: slowfast.read_clips(file, 3), file)
    if clips is not None:
        assert len(clips.frames) == len(clips.labels) > 0
        assert np.isfinite(clips.frames).all()
        assert {*clips.labels.tolist()} <= {0, 1, 2}
