"""What a data set's reader must know of an image file: its digest, its size, and whether its pixels can be read.

Of a PNG and of most JPEG files the header is read, and whether the rest is there: the checksums of a PNG, the markers
and the end of a JPEG. That is more than Ultralytics looks at, and enough to know that the pixels can be decoded. Other
formats, progressive JPEG, and whatever looks odd are decoded: so what a check accepts, a training can read.

A JPEG whose pixels are damaged is decoded to what is left of it, by Ultralytics' reader and by this project's. Such an
image is trained on, as Ultralytics does, and is among the findings.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from trainables.file_facts import IMAGE, FileFacts, stamp_of
from trainables.regular_file import check_regular, read_regular
from trainables.vision.decode import BY_PILLOW, UndecodableError, check_size, decode_bytes, opened_image
from trainables.vision.findings import Findings
from trainables.vision.jpeg_markers import JpegBody, jpeg_body
from trainables.vision.unread import Unread, note_unread, unread

DAMAGED = "images with damaged pixels, used as they are decoded"
_FACTS = struct.Struct("<32sII???B")
_FOREIGN = (b"GIF8", *(b"P%d" % number for number in range(1, 7)), b"\x59\xa6\x6a\x95")
"""How files of GIF, of the PPM family and of Sun begin."""
_SIDES_SWAPPED = {5, 6, 7, 8}
"""The orientations in EXIF that turn a picture by a quarter."""
_ORIENTATION = 0x0112
_HEADER_TELLS = ("JPEG", "MPO", "PNG")
"""Formats of which no pixels are decoded where header and end are whole."""


@dataclass(frozen=True)
class ImageFacts:
    """What is known of an image file.

    Attributes:
        digest: SHA-256 of the file.
        width, height: in pixels, upright; 0 if it cannot be decoded.
        turned: whether the pixels are stored with width and height swapped.
        damaged: whether some of the pixels are not what was written.
        foreign: whether it is a GIF, PPM or Sun file, whatever its suffix; OpenCV, and so YOLOX, reads these, and
            Ultralytics leaves them out.
        unread: what of it is not taken, though people may see it.
        why: what is wrong with the file, without its path; "" if it can be decoded.
    """

    digest: bytes
    width: int
    height: int
    turned: bool
    damaged: bool = False
    foreign: bool = False
    unread: Unread = Unread.NOTHING
    why: str = ""


def image_facts(file: Path, facts: FileFacts, findings: Findings | None = None) -> ImageFacts:
    """What is known of the image `file`, which is read unless `facts` has it.

    Damage, and what of it is not taken, are added to `findings`.

    Raises:
        DataError: it is no regular file, too large, or its pixels are floating-point or 32-bit numbers.
    """
    path = os.path.abspath(file)
    fact = facts.recall(path, IMAGE, stamp_of(check_regular(file, "image_bytes")))
    image = _unpacked(fact) if fact is not None else None
    # A library that is installed since may decode what Pillow alone could not.
    if image is None or (image.why and file.suffix.lower() in BY_PILLOW):
        content, status = read_regular(file, "image_bytes")
        image = _examined(file, content)
        facts.keep(path, IMAGE, status, _packed(image))
    image = _checked(file, image)
    if findings is not None and not image.why:
        if image.damaged:
            findings.add(DAMAGED, file, "a marker stands among its pixels; used as it is decoded, or replace it")
        note_unread(image.unread, file, findings)
    return image


def _examined(file: Path, content: bytes) -> ImageFacts:
    digest = hashlib.sha256(content).digest()
    body = jpeg_body(content) if content.startswith(b"\xff\xd8") else None
    header = _header(content, body)
    damaged, foreign = body is JpegBody.DAMAGED, content.startswith(_FOREIGN)
    if header.size is not None:
        return ImageFacts(digest, *header.size, header.turned, damaged, unread=header.unread)
    try:
        height, width = decode_bytes(content, file).shape[:2]
        stored = decode_bytes(content, file, upright=False).shape[:2] if header.turned else (height, width)
    except UndecodableError as error:
        return ImageFacts(digest, 0, 0, False, why=error.why)
    turned = stored == (width, height) != (height, width)
    return ImageFacts(digest, width, height, turned, damaged, foreign, header.unread)


@dataclass(frozen=True)
class _Header:
    """What the header of an image file and the file's end tell.

    Attributes:
        size: width and height, upright; None if only decoding can tell.
        turned: whether the pixels are stored with the two swapped; also if only decoding can tell.
        unread: what is not taken.
    """

    size: tuple[int, int] | None = None
    turned: bool = True
    unread: Unread = Unread.NOTHING


def _header(content: bytes, body: JpegBody | None) -> _Header:
    """`body` is what the markers of a JPEG file tell."""
    try:
        with opened_image(content) as opened:
            (width, height), kind = opened.size, opened.format
            has_late_exif = kind == "PNG" and b"eXIf" in content  # it may come after the pixels
            turned = has_late_exif or _is_turned(opened)
            unread_parts = unread(opened, content)
            is_whole = kind == "PNG" or (
                kind in _HEADER_TELLS and content.endswith(b"\xff\xd9") and body is not JpegBody.UNSURE
            )
            if has_late_exif or not is_whole:
                return _Header(None, turned, unread_parts)
            if kind == "PNG":
                opened.verify()
            return _Header((height, width) if turned else (width, height), turned, unread_parts)
    except Exception:  # whatever a decoder raises for broken contents
        return _Header()


def _is_turned(opened: Any) -> bool:
    """Whether the pixels of Pillow's `opened` are stored with the sides swapped; also if only decoding can tell."""
    if opened.format == "TIFF":
        return opened.tag_v2.get(_ORIENTATION) in _SIDES_SWAPPED
    exif = opened.info.get("exif")
    if opened.format in _HEADER_TELLS:
        return exif is not None and _orientation(exif) in _SIDES_SWAPPED
    return exif is not None or "xmp" in opened.info


def _orientation(exif: bytes) -> int:
    """Of EXIF alone: OpenCV does not read the one in XMP that Pillow falls back to."""
    tags = Image.Exif()
    tags.load(exif)
    return int(tags.get(_ORIENTATION, 1))


def _checked(file: Path, facts: ImageFacts) -> ImageFacts:
    """With `why` also for a size that is refused: its bounds are settings, so this is not kept."""
    if facts.why:
        return facts
    try:
        check_size(file, facts.width, facts.height)
    except UndecodableError as error:
        return ImageFacts(facts.digest, 0, 0, False, why=error.why)
    return facts


def _packed(facts: ImageFacts) -> bytes:
    fields = facts.digest, facts.width, facts.height, facts.turned, facts.damaged, facts.foreign, facts.unread.value
    return _FACTS.pack(*fields) + facts.why.encode()


def _unpacked(value: bytes) -> ImageFacts:
    digest, width, height, turned, damaged, foreign, parts = _FACTS.unpack_from(value)
    why = value[_FACTS.size :].decode()
    return ImageFacts(digest, width, height, turned, damaged, foreign, Unread(parts), why)
