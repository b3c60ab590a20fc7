"""One decoder of image files for checks, trainings, evaluations and predictors, so that they all see the same pixels.

Pixels are those of Ultralytics' own reader: upright by the file's EXIF orientation, alpha dropped, palettes and CMYK as
RGB, 16 bits as their upper half. OpenCV decodes; Pillow decodes AVIF and HEIC, whose orientation OpenCV ignores.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from trainables.errors import DataError

SUFFIXES = frozenset(
    {".avif", ".bmp", ".dng", ".heic", ".heif", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"}
)
"""What counts as an image file, in any case: the list of Ultralytics 8.4 (`ultralytics.data.utils.IMG_FORMATS`)."""
BY_PILLOW = frozenset({".avif", ".heic", ".heif"})
SMALLEST_SIDE = 10
"""Pixels. Ultralytics leaves smaller pictures out."""
MOST_PIXELS = 178_956_970
"""Pillow's own bound on what it takes for a decompression bomb: twice `Image.MAX_IMAGE_PIXELS`."""
MOST_BYTES = 10**9
"""Of an image file. The largest real ones, orthomosaics, are cut into tiles before a detector is trained on them."""
UNREADABLE = (OSError, SyntaxError, ValueError, ImportError, UnidentifiedImageError, Image.DecompressionBombError)
"""What Pillow raises for a file that it cannot read.

ValueError: a text chunk that unpacks to too much. ImportError: once Ultralytics is imported, its Image.open looks for a
plugin before it gives a file up.
"""


class UndecodableError(DataError):
    """An image file whose pixels cannot be read. Ultralytics leaves such images out; other readers refuse the data set.

    Attributes:
        why: what is wrong with the file, without its path.
    """

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(f"{file}: {why}; replace or remove the image and its labels")
        self.why = why


def regular_file(file: Path, most_bytes: int) -> None:
    """Refuse what is no ordinary file of at most `most_bytes`, before anything is read from it.

    A pipe or a device would never end, and a sparse file may claim terabytes.

    Raises:
        DataError: no such file, a link to nothing, a folder, a pipe, a device, or too large.
    """
    try:
        status = os.stat(file)
    except FileNotFoundError:
        problem = (
            "is a link to nothing; mend or delete the link" if file.is_symlink() else "no such file; check the path"
        )
        raise DataError(f"{file}: {problem}") from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); check the path and its rights") from None
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{file}: is no regular file but {_kind(status.st_mode)}; replace or remove it")
    if status.st_size > most_bytes:
        raise DataError(
            f"{file}: has {status.st_size:,} bytes; at most {most_bytes:,} are read, so replace or remove it"
        )


def _kind(mode: int) -> str:
    for is_kind, words in ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket")):
        if is_kind(mode):
            return words
    return "a device"


def decode(file: Path, *, upright: bool = True) -> NDArray[np.uint8]:
    """The RGB pixels (height, width, 3) of an image file.

    Args:
        file: of one of `SUFFIXES`; others are tried too.
        upright: turn and mirror the pixels as the file's EXIF orientation says, as viewers and upstream's readers do.
            False gives them as they are stored, for annotations that were made of those.

    Raises:
        DataError: it is no regular file, or its pixels are floating-point or 32-bit numbers, whose range nobody knows.
        UndecodableError: it is no readable image.
    """
    pixels = _plane(file, upright)
    if pixels.ndim == 2:
        return np.ascontiguousarray(np.repeat(pixels[..., None], 3, axis=2))
    return np.ascontiguousarray(pixels[..., ::-1])


def decode_grey(file: Path) -> NDArray[np.uint8]:
    """One plane (height, width) of an image file: of several the first, as OpenCV orders them. Raises as `decode`."""
    pixels = _plane(file, upright=True)
    return np.ascontiguousarray(pixels if pixels.ndim == 2 else pixels[..., 0])


def _plane(file: Path, upright: bool) -> NDArray[np.uint8]:
    """Pixels of 8 bits: grey (height, width), or BGR (height, width, 3)."""
    regular_file(file, MOST_BYTES)
    pixels = _by_pillow(file, upright) if file.suffix.lower() in BY_PILLOW else _by_opencv(file, upright)
    if pixels.dtype == np.uint16:
        pixels = pixels >> 8
    elif pixels.dtype != np.uint8:
        raise DataError(
            f"{file}: its pixels are {pixels.dtype}, whose range is not known; save it with 8 or 16 bits a channel"
        )
    if min(pixels.shape[:2]) < SMALLEST_SIDE:
        height, width = pixels.shape[:2]
        raise UndecodableError(file, f"is {width}x{height} pixels, and both sides must be at least {SMALLEST_SIDE}")
    return np.asarray(pixels, dtype=np.uint8)


def _by_opencv(file: Path, upright: bool) -> NDArray[Any]:
    import cv2

    _refuse_bomb(file)
    flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | (0 if upright else cv2.IMREAD_IGNORE_ORIENTATION)
    try:
        pixels = cv2.imdecode(np.fromfile(file, np.uint8), flags)
    except (OSError, cv2.error) as error:
        raise _undecodable(file, str(error).strip().splitlines()[0]) from None
    if pixels is None:
        raise _undecodable(file, "truncated, empty or of a format that is not supported")
    return np.asarray(pixels)


def _by_pillow(file: Path, upright: bool) -> NDArray[Any]:
    _register_heif()
    try:
        with Image.open(file) as opened:
            turned = ImageOps.exif_transpose(opened) if upright else opened
            return np.asarray(turned.convert("RGB"))[..., ::-1]
    except UNREADABLE as error:
        raise _undecodable(file, str(error)) from None


def _refuse_bomb(file: Path) -> None:
    """By its header: OpenCV would allocate first. A format that only OpenCV knows is bounded by OpenCV's own limit."""
    try:
        with Image.open(file) as opened:
            width, height = opened.size
    except Image.DecompressionBombError as error:
        raise _undecodable(file, str(error)) from None
    except UNREADABLE:
        return
    if width * height > MOST_PIXELS:
        raise _undecodable(file, f"{width}x{height} pixels, more than {MOST_PIXELS:,}")


def _register_heif() -> None:
    """HEIC is read where one of the two libraries for it is installed."""
    for name in ("pi_heif", "pillow_heif"):
        try:
            __import__(name).register_heif_opener()
        except ImportError:
            continue
        return


def _undecodable(file: Path, why: str) -> UndecodableError:
    return UndecodableError(file, f"cannot be decoded ({why})")
