"""Boxes with their labels, drawn into a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PIL import Image, ImageDraw, ImageFont

Box = tuple[Sequence[float], str, str]
"""Corners x1 y1 x2 y2, colour, text ("" for none)."""


def draw_boxes(picture: Image.Image, boxes: Iterable[Box], scale: float = 1.0, letters: int = 11) -> None:
    """Draw `boxes` into `picture`.

    Args:
        picture: is changed.
        boxes: in pixels of the picture before it was scaled; what reaches beyond it is cut.
        scale: of the picture.
        letters: height of the labels in pixels.
    """
    draw, font, line = ImageDraw.Draw(picture), ImageFont.load_default(letters), letters + 3
    for corners, colour, text in boxes:
        edges = zip(corners, picture.size * 2, strict=True)
        left, top, right, bottom = (max(0.0, min(float(value) * scale, side)) for value, side in edges)
        draw.rectangle(
            (left, top, max(left + 1, right), max(top + 1, bottom)), outline=colour, width=max(2, letters // 6)
        )
        if not text:
            continue
        label = "".join(sign if sign.isprintable() and ord(sign) < 256 else "?" for sign in text)  # what the font has
        width = font.getlength(label)
        # Above the box, or at its foot where there is no room; never beyond the picture's right edge.
        x, y = max(0.0, min(left, picture.width - width - 4)), top - line if top >= line else bottom - line
        draw.rectangle((x, y, x + width + 4, y + line - 1), fill=colour)
        draw.text((x + 2, y), label, "black", font)
