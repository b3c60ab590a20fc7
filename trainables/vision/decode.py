"""One decoder of image files for checks, trainings, evaluations and predictors, so that they all see the same pixels.

Pixels are those of Ultralytics' own reader: upright by the file's EXIF orientation, alpha dropped, palettes and CMYK as
RGB, 16 bits as their upper half. OpenCV decodes; Pillow decodes AVIF and HEIC, whose orientation OpenCV ignores.
"""

from __future__ import annotations

import io
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from trainables.errors import DataError, first_line
from trainables.limits import limits, variable
from trainables.regular_file import read_regular

SUFFIXES = frozenset(
    {".avif", ".bmp", ".dng", ".heic", ".heif", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"}
)
"""What counts as an image file, in any case: the list of Ultralytics 8.4 (`ultralytics.data.utils.IMG_FORMATS`)."""
BY_PILLOW = frozenset({".avif", ".heic", ".heif"})
UNKNOWN = "truncated, empty or of a format that is not supported"
_AVIF = (b"avif", b"avis")
"""The brand of an AVIF file, which begins as a HEIC file does."""
SMALLEST_SIDE = 10
"""Pixels. Ultralytics leaves smaller pictures out."""
FORMATS = ("AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "PNG", "PPM", "SUN", "TIFF", "WEBP")
"""Pillow's names of what it may take a file for. One of its others, EPS, has Ghostscript run what the file says."""


class UndecodableError(DataError):
    """An image file whose pixels cannot be read. Ultralytics leaves such images out; other readers refuse the data set.

    Attributes:
        why: what is wrong with the file, without its path; "" if the error comes from another process.
    """

    def __init__(self, file: Path | str, why: str = "") -> None:
        # torch's loaders raise an error of their processes again from its message alone.
        super().__init__(f"{file}: {why}; replace or remove the image and its labels" if why else str(file))
        self.why = why


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
    pixels = decode_bytes(_content(file), file, upright=upright)
    if pixels.ndim == 2:
        return np.ascontiguousarray(np.repeat(pixels[..., None], 3, axis=2))
    return np.ascontiguousarray(pixels[..., ::-1])


def decode_grey(file: Path) -> NDArray[np.uint8]:
    """One plane (height, width) of an image file: of several the first, as OpenCV orders them. Raises as `decode`."""
    pixels = decode_bytes(_content(file), file)
    return np.ascontiguousarray(pixels if pixels.ndim == 2 else pixels[..., 0])


def _content(file: Path) -> bytes:
    return read_regular(file, "image_bytes")[0]


def thumbnail(content: bytes, file: Path, width: int, height: int, least: int) -> NDArray[np.uint8]:
    """An image of `width` by `height` pixels in grey and small (h, w), for comparisons; each side at least `least`.

    JPEG is decoded at a half, a quarter or an eighth of its size, which takes a fraction of the time; the others whole.
    `content` was read from `file`. Raises as `decode`.
    """
    import cv2

    flags = {8: cv2.IMREAD_REDUCED_GRAYSCALE_8, 4: cv2.IMREAD_REDUCED_GRAYSCALE_4, 2: cv2.IMREAD_REDUCED_GRAYSCALE_2}
    share = next((share for share in flags if min(width, height) // share >= least), 1)
    if share > 1 and file.suffix.lower() in (".jpg", ".jpeg"):
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags[share])
        if pixels is not None:
            return np.asarray(pixels, dtype=np.uint8)
    pixels = decode_bytes(content, file)
    return np.asarray(pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def decode_bytes(content: bytes, file: Path, *, upright: bool = True) -> NDArray[np.uint8]:
    """Pixels of 8 bits, grey (height, width) or BGR (height, width, 3), from `content`, which was read from `file`.

    Raises as `decode`.
    """
    by_pillow = file.suffix.lower() in BY_PILLOW
    pixels = _by_pillow(content, file, upright) if by_pillow else _by_opencv(content, file, upright)
    if pixels.dtype == np.uint16:
        pixels = pixels >> 8
    elif pixels.dtype != np.uint8:
        raise DataError(
            f"{file}: its pixels are {pixels.dtype}, whose range is not known; save it with 8 or 16 bits a channel"
        )
    check_size(file, pixels.shape[1], pixels.shape[0])
    return np.asarray(pixels, dtype=np.uint8)


def check_size(file: Path, width: int, height: int) -> None:
    """Refuse an image that is too small to train on, or so large that it may be a decompression bomb.

    Raises:
        UndecodableError: a side is below `SMALLEST_SIDE`, or there are more pixels than the limit.
    """
    if min(width, height) < SMALLEST_SIDE:
        raise UndecodableError(file, f"is {width}x{height} pixels, and both sides must be at least {SMALLEST_SIDE}")
    if width * height > limits().image_pixels:
        most = f"more than {limits().image_pixels:,}, the limit {variable('image_pixels')}"
        raise UndecodableError(file, f"is {width}x{height} pixels, {most}")


def _by_opencv(content: bytes, file: Path, upright: bool) -> NDArray[Any]:
    import cv2

    if not content:
        raise UndecodableError(file, "is empty")
    _refuse_bomb(content, file)
    flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | (0 if upright else cv2.IMREAD_IGNORE_ORIENTATION)
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as error:
        raise _undecodable(file, str(error).strip().splitlines()[0]) from None
    if pixels is None:
        raise _undecodable(file, UNKNOWN)
    return np.asarray(pixels)


def _by_pillow(content: bytes, file: Path, upright: bool) -> NDArray[Any]:
    _register_heif()
    try:
        with opened_image(content) as opened:
            check_size(file, *opened.size)
            turned = ImageOps.exif_transpose(opened) if upright else opened
            return np.asarray(turned.convert("RGB"))[..., ::-1]
    except UndecodableError:
        raise
    except (UnidentifiedImageError, ImportError):  # Pillow's words hold an address; Ultralytics' open asks for pi_heif
        is_heif = content[4:8] == b"ftyp" and content[8:12] not in _AVIF
        lacks_reader = is_heif and "HEIF" not in Image.OPEN
        raise _undecodable(file, "`pip install pi-heif` adds HEIC" if lacks_reader else UNKNOWN) from None
    except Exception as error:  # whatever a decoder raises for broken contents
        raise _undecodable(file, first_line(error)) from None


def _refuse_bomb(content: bytes, file: Path) -> None:
    """By its header: OpenCV would allocate first. A format that only OpenCV knows is bounded by OpenCV's own limit."""
    try:
        with opened_image(content) as opened:
            size = opened.size
    except Image.DecompressionBombError:
        most = f"more than {limits().image_pixels:,} pixels, the limit {variable('image_pixels')}"
        raise UndecodableError(file, f"has {most}") from None
    except Exception:  # OpenCV reads some files that Pillow does not
        return
    check_size(file, *size)


def opened_image(content: bytes) -> Image.Image:
    """Pillow's image of `content`, of which only the header has been read. Raises whatever its decoders raise."""
    Image.init()
    # Pillow's bound is for all that use it, so it is only ever raised; ours is in `check_size`.
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS or 0, limits().image_pixels)
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of broken tags, and of sizes below our own bound
    return Image.open(io.BytesIO(content), formats=[name for name in FORMATS if name in Image.OPEN])


@cache
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
