"""What of an image file no reader here takes, so that people may see another picture in it than the model does.

It is told by the file's header, and in a TIFF by those of its pages; of a file whose header Pillow cannot read, nothing
is known. The small pictures and gain maps that phones and drones put behind a JPEG (MPO) do not count, nor do the
smaller copies and masks of the picture in a Cloud Optimised GeoTIFF.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Flag, auto
from pathlib import Path
from typing import Any

from PIL import Image

from trainables.regular_file import read_regular
from trainables.vision.decode import opened_image
from trainables.vision.findings import Finding, Findings


class Unread(Flag):
    """Parts of an image file that are not taken."""

    NOTHING = 0
    PAGES = auto()
    """Pages or frames after the first."""
    PICTURE = auto()
    """The picture itself: the first page is a preview of it, as in raw photographs (DNG)."""
    PLANES = auto()
    """Planes beside grey or R G B, such as alpha or near infrared."""
    LOWER_BITS = auto()
    """All but the upper 8 bits of each number."""


PAGES = "images with several pages or frames, of which the first is used"
PICTURE = "images that begin with a preview, as raw photographs do, which is used"
TOLD = {
    Unread.PAGES: (PAGES, "holds several pages or frames; the first is used"),
    Unread.PICTURE: (PICTURE, "begins with a preview, which is used; convert it to PNG or JPEG"),
    Unread.PLANES: (
        "images with planes beside grey or RGB, such as alpha, which are not used",
        "has planes beside grey or RGB, such as alpha; they are not used",
    ),
    Unread.LOWER_BITS: (
        "images of more than 8 bits a channel, of which the upper 8 are used",
        "has more than 8 bits a channel; the upper 8 are used",
    ),
}
"""The kind of the finding, and its detail."""
ANIMATED = ("AVIF", "GIF", "PNG", "WEBP")
_NEW_SUBFILE, _BITS, _PHOTOMETRIC, _SAMPLES = 254, 258, 262, 277
"""Tags of TIFF 6.0."""
_REDUCED, _MASK = 1, 4
"""Bits of `_NEW_SUBFILE`."""
_COLOURS = {2: 3, 5: 4, 6: 3, 8: 3}
"""Planes of a colour by `_PHOTOMETRIC`: RGB, CMYK, YCbCr, CIELab; 1 of the others, grey and palettes."""
_MOST_PAGES = 32
"""That are looked at for one that is no smaller copy or mask of the first."""


def unread(opened: Image.Image, content: bytes) -> Unread:
    """What is not taken of the image file with `content`; `opened` is it, by Pillow, which then may be at another page.

    Raises whatever Pillow raises.
    """
    if opened.format == "TIFF":
        return _of_tiff(opened)
    parts = Unread.NOTHING
    if opened.format in ANIMATED and getattr(opened, "is_animated", False):
        parts |= Unread.PAGES
    elif opened.has_transparency_data:  # in an animation it says where the frame before shows through
        parts |= Unread.PLANES
    if opened.mode.startswith("I;16") or (opened.format == "PNG" and content[24] > 8):  # its IHDR's bit depth
        parts |= Unread.LOWER_BITS
    return parts


def unread_of(file: Path) -> Unread:
    """What is not taken of an image file. Raises DataError: it is no regular file, or too large."""
    content, _ = read_regular(file, "image_bytes")
    try:
        with opened_image(content) as opened:
            return unread(opened, content)
    except Exception:  # whatever a decoder raises for broken contents
        return Unread.NOTHING


def _of_tiff(opened: Any) -> Unread:
    parts, tags = Unread.NOTHING, opened.tag_v2
    if tags.get(_SAMPLES, 1) > _COLOURS.get(tags.get(_PHOTOMETRIC), 1):
        parts |= Unread.PLANES
    if max(tags.get(_BITS, (1,))) > 8:
        parts |= Unread.LOWER_BITS
    if tags.get(_NEW_SUBFILE, 0) & _REDUCED:
        parts |= Unread.PICTURE
    elif opened.is_animated and _has_further_page(opened):
        parts |= Unread.PAGES
    return parts


def _has_further_page(opened: Any) -> bool:
    for page in range(1, _MOST_PAGES):
        try:
            opened.seek(page)
        except Exception:  # there is none, or none that can be read
            return False
        if not opened.tag_v2.get(_NEW_SUBFILE, 0) & (_REDUCED | _MASK):
            return True
    return False


def note_unread(parts: Unread, file: Path, findings: Findings) -> None:
    """Note each of `parts`, of the image `file`."""
    for part in parts:
        kind, detail = TOLD[part]
        findings.add(kind, file, detail)


def unread_sentences(findings: Iterable[Finding], files: Sequence[Path]) -> Iterator[str]:
    """A sentence if some of the image `files` show people another picture than the one that is used."""
    listed = set(files)
    of_files = [finding for finding in findings if finding.file in listed]
    pages = "several pages or frames, of which only the first is used: save each that counts as its own file"
    picture = "with a preview, which is used in the place of the picture: convert them to PNG or JPEG"
    for kind, hold, content in ((PAGES, "hold", pages), (PICTURE, "begin", picture)):
        of_kind = {finding.file: None for finding in of_files if finding.kind == kind}
        if of_kind:
            verb = f"{hold}s" if len(of_kind) == 1 else hold
            yield f"{len(of_kind):,} of the {len(listed):,} image files {verb} {content} ({next(iter(of_kind))})"
