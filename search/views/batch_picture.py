"""Training batches as one picture: the baseline's and that of the strongest augmentation, side by side."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from textwrap import wrap

from PIL import Image, ImageDraw, ImageFont

from trainables.look import Example

PANEL, GAP, LINE = 640, 12, 18
"""Pixels: width of one batch, between examples (twice that between batches), height of a line of text."""
MOST_HEIGHT = 1000
"""Of a batch in pixels; examples that do not fit are left out."""
WIDE = 2.5
"""Width to height of an example from which on each has a row of its own."""
QUALITY = 90
COLOURS = ("#ffd400", "#00d5ff", "#ff4fd8", "#5dff4f", "#ff7a1a", "#b18cff", "#ff3b3b", "#ffffff")
"""Of the boxes by class; bright, since most pictures are darker."""
MOST_NAMES = 24


def batch_picture(batches: Mapping[str, Sequence[Example]]) -> bytes:
    """JPEG of `batches`, each under its title; empty if there is no example."""
    filled = {title: examples for title, examples in batches.items() if examples}
    if not filled:
        return b""
    names = sorted({name for examples in filled.values() for example in examples for name in example.labels})
    colours = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}
    panels = [_panel(title, examples, colours) for title, examples in filled.items()]
    legend = _legend(colours, PANEL * len(panels) + 2 * GAP * (len(panels) - 1)) if names else None
    height = max(panel.height for panel in panels) + (legend.height + GAP if legend else 0)
    page = Image.new("RGB", (PANEL * len(panels) + 2 * GAP * len(panels), height + 2 * GAP), "white")
    for index, panel in enumerate(panels):
        page.paste(panel, (GAP + index * (PANEL + 2 * GAP), GAP))
    if legend:
        page.paste(legend, (GAP, page.height - GAP - legend.height))
    file = io.BytesIO()
    page.save(file, "JPEG", quality=QUALITY, subsampling=0)
    return file.getvalue()


def _panel(title: str, examples: Sequence[Example], colours: Mapping[str, str]) -> Image.Image:
    head = [line for part in title.splitlines() for line in wrap(part, 88)]
    columns = 1 if examples[0].pixels.shape[1] > WIDE * examples[0].pixels.shape[0] else 2
    width = (PANEL - GAP * (columns - 1)) // columns
    tiles = [_tile(example, width, colours) for example in examples]
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    heights = [max(tile.height for tile in row) + GAP for row in rows]
    fitting = [sum(heights[: index + 1]) <= MOST_HEIGHT or index == 0 for index in range(len(rows))]
    rows, heights = rows[: sum(fitting)], heights[: sum(fitting)]
    top = LINE * len(head) + GAP
    panel = Image.new("RGB", (PANEL, top + sum(heights)), "white")
    draw = ImageDraw.Draw(panel)
    for index, line in enumerate(head):
        draw.text((0, LINE * index), _printable(line), "black", _font(15 if index == 0 else 12))
    for row, height in zip(rows, heights, strict=True):
        for index, tile in enumerate(row):
            panel.paste(tile, (index * (width + GAP), top))
        top += height
    return panel


def _tile(example: Example, width: int, colours: Mapping[str, str]) -> Image.Image:
    """The example, scaled to `width`: enlarged pixels stay squares, so that one sees what the model gets."""
    scale = width / example.pixels.shape[1]
    size = width, max(1, round(example.pixels.shape[0] * scale))
    method = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS
    tile = Image.fromarray(example.pixels).resize(size, method)
    draw = ImageDraw.Draw(tile)
    for box, name in zip(example.boxes.tolist(), example.labels, strict=True):
        left, top, right, bottom = (value * scale for value in box)
        draw.rectangle((left, top, max(left + 1, right), max(top + 1, bottom)), outline=colours[name], width=2)
    if example.caption:
        font = _font(13)
        left, top, right, bottom = draw.textbbox((4, 3), _printable(example.caption), font)
        draw.rectangle((left - 4, top - 3, right + 4, bottom + 3), "black")
        draw.text((4, 3), _printable(example.caption), "white", font)
    return tile


def _legend(colours: Mapping[str, str], width: int) -> Image.Image:
    """A line or more of coloured squares with the classes' names."""
    font, places, left, top = _font(13), [], 0, 0
    names = [*colours][:MOST_NAMES]
    texts = [*map(_printable, names)]
    if len(names) < len(colours):
        texts.append(f"and {len(colours) - len(names)} more classes")
    for text in texts:
        needed = int(font.getlength(text)) + 34
        if left and left + needed > width:
            left, top = 0, top + LINE
        places.append((left, top))
        left += needed
    legend = Image.new("RGB", (width, top + LINE), "white")
    draw = ImageDraw.Draw(legend)
    for index, (text, (x, y)) in enumerate(zip(texts, places, strict=True)):
        if index < len(names):
            draw.rectangle((x, y + 3, x + 11, y + 14), colours[names[index]], "black")
        draw.text((x + 16, y + 1), text, "black", font)
    return legend


def _printable(text: str) -> str:
    """`text` as far as Pillow's own font has its signs: those of Western European languages."""
    return "".join(sign if sign.isprintable() and ord(sign) < 256 else "?" for sign in text)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
