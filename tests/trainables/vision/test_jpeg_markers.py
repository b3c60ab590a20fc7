"""What the markers tell of a JPEG file, against what decoding it gives."""

from __future__ import annotations

import io
import random

import cv2
import numpy as np
import pytest
from PIL import Image

from trainables.vision.jpeg_markers import JpegBody, jpeg_body


def stored(mode: str = "RGB", size: tuple[int, int] = (64, 48), **options: object) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(cv2.resize(pixels, size)).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


USUAL = {
    "usual": stored(),
    "grey": stored("L"),
    "CMYK": stored("CMYK"),
    "tables of its own": stored(optimize=True),
    "no subsampling": stored(subsampling=0),
    "half of the columns": stored(subsampling=1),
    "restarts": stored(restart_marker_blocks=2),
    "a comment and EXIF": stored(comment="a cow", exif=b"Exif\0\0" + bytes(20)),
}


@pytest.mark.parametrize("kind", USUAL)
def test_whole_files_are_whole(kind: str) -> None:
    assert jpeg_body(USUAL[kind]) is JpegBody.WHOLE


def test_of_a_progressive_file_only_decoding_can_tell() -> None:
    assert jpeg_body(stored(progressive=True)) is JpegBody.UNSURE


def test_a_marker_among_the_pixels_is_damage() -> None:
    whole = USUAL["usual"]
    middle = len(whole) * 3 // 4
    assert jpeg_body(whole[:middle] + b"\xff\x01" + whole[middle + 2 :]) is JpegBody.DAMAGED


@pytest.mark.parametrize("cut", [2, 3, 20, 100, 300, 600])
def test_a_cut_header_is_odd(cut: int) -> None:
    assert jpeg_body(USUAL["usual"][:cut]) is JpegBody.UNSURE


@pytest.mark.parametrize("kind", USUAL)
def test_what_is_not_odd_can_be_decoded(kind: str) -> None:
    """2,400 damaged files in all, most of them in their tables."""
    draw = random.Random(kind)
    sure = 0
    for _ in range(300):
        content = bytearray(USUAL[kind])
        for _ in range(draw.randint(1, 3)):
            offset = draw.randrange(2, min(len(content), 700))
            if draw.random() < 0.6:
                content[offset] = draw.randrange(256)
            elif draw.random() < 0.5:
                del content[offset : offset + draw.randint(1, 20)]
            else:
                content[offset:offset] = draw.randbytes(draw.randint(1, 20))
        if jpeg_body(bytes(content)) is not JpegBody.UNSURE:
            sure += 1
            assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) is not None
    assert sure > 30
