"""Held-out examples as pictures: what is there, and beside it what each model says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from search.views.drawn_boxes import Box, draw_boxes
from search.views.embedded_image import photo
from search.views.html_text import escape
from trainables.held_out import HeldOut
from trainables.judged import JudgedModel
from trainables.model_report import Mistake
from trainables.vision.predictions import DetectionPredictions

SHOWN, RIGHT = 10, 4
"""Examples with mistakes, and examples without any, in a gallery."""
WIDTH, MOST_HEIGHT = 260, 320
"""Of a picture, in pixels."""
THERE, FOUND, MISSED, FALSE = "#ffffff", "#2ecc40", "#ff9500", "#ff3b30"
"""Colours of boxes: of what is there; of what a model finds, misses, and takes for an object that is none."""
LEGEND = (
    "White: what is there. Green: found. Orange: missed. Red: a false alarm. Numbers are scores; boxes below the best"
    " threshold are not drawn."
)


def gallery(examples: Sequence[HeldOut], models: Sequence[JudgedModel]) -> Iterator[str]:
    """HTML of the examples with the worst mistakes of the first model, and of a few without any."""
    ranked = models[0].report.mistakes
    wide = (WIDTH + 12) * (1 + len(models)) * examples[0].boxed  # truth and models side by side, where there is room
    wrong = [mistake for mistake in ranked if mistake.cost > 0]
    right = [mistake for mistake in ranked if mistake.cost == 0 and examples[mistake.example].labels]
    if ranked and isinstance(models[0].predictions, DetectionPredictions):
        yield f"<p class='note'>{escape(LEGEND)}</p>"
    for title, mistakes in (("The worst mistakes first", wrong[:SHOWN]), ("Some without a mistake", right[:RIGHT])):
        if mistakes:
            rows = "".join(_row(examples[mistake.example], mistake.example, models) for mistake in mistakes)
            yield f"<h3>{title}</h3><div class='examples' style='--wide: {wide}px'>{rows}</div>"


def _row(example: HeldOut, number: int, models: Sequence[JudgedModel]) -> str:
    pictures = list(example.pictures())
    boxed, others = pictures[: example.boxed], pictures[example.boxed :]
    # A class as a whole is not drawn, so its pictures are the same for every model: once is enough.
    as_a_whole = example.boxes is None
    named = len({name for model in models for name in _names(model)}) > 1
    truth = [] if example.boxes is None else _true_boxes(example, named)
    caption = ", ".join(dict.fromkeys(example.labels)) if as_a_whole else "what is there"
    figures = [_figure(_side_by_side([_drawn(pixels, truth) for pixels in boxed]), caption)]
    figures += [_figure(_drawn(pixels, ()), "what is sought") for pixels in others]
    for model in models:
        mistake = next(mistake for mistake in model.report.mistakes if mistake.example == number)
        text = f"{model.title}: {mistake.caption}"
        if as_a_whole:
            figures.append(f"<figure class='mistake'><figcaption>{escape(text)}</figcaption></figure>")
        else:
            boxes = list(_predicted_boxes(example, number, model, mistake, named))
            figures.append(_figure(_side_by_side([_drawn(pixels, boxes) for pixels in boxed]), text))
    group = f" ({example.group})" if example.group else ""
    return f"<div><h4>{escape(example.name + group)}</h4><div class='gallery'>{''.join(figures)}</div></div>"


def _names(model: JudgedModel) -> Sequence[str]:
    return model.predictions.names


def _true_boxes(example: HeldOut, named: bool) -> list[Box]:
    """Boxes of what is there; of a single class they have no text, which would only hide them."""
    assert example.boxes is not None
    rows = zip(example.boxes.tolist(), example.labels, strict=True)
    return [(box, THERE, label if named else "") for box, label in rows]


def _predicted_boxes(example: HeldOut, number: int, model: JudgedModel, mistake: Mistake, named: bool) -> Iterator[Box]:
    assert isinstance(model.predictions, DetectionPredictions)
    assert example.boxes is not None
    detected, names = model.predictions.detected[number], model.predictions.names
    for index in mistake.misses:
        yield example.boxes[index].tolist(), MISSED, example.labels[index] if named else ""
    rows = zip(detected.boxes.tolist(), detected.classes.tolist(), detected.scores.tolist(), strict=True)
    for index, (box, kind, score) in enumerate(rows):
        if score >= (model.report.threshold or 0.0):
            text = f"{names[kind]} {score:.2f}" if named else f"{score:.2f}"
            yield box, FALSE if index in mistake.false_alarms else FOUND, text


def _drawn(pixels: NDArray[np.uint8], boxes: Iterable[Box]) -> Image.Image:
    scale = min(WIDTH / pixels.shape[1], MOST_HEIGHT / pixels.shape[0])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    picture = Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST if scale > 3 else Image.Resampling.LANCZOS)
    draw_boxes(picture, boxes, scale)
    return picture


def _side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    if len(pictures) == 1:
        return pictures[0]
    width = sum(picture.width for picture in pictures) + 4 * (len(pictures) - 1)
    joined = Image.new("RGB", (width, max(picture.height for picture in pictures)), "white")
    offset = 0
    for picture in pictures:
        joined.paste(picture, (offset, 0))
        offset += picture.width + 4
    return joined


def _figure(picture: Image.Image, caption: str) -> str:
    image = f"<img src='{photo(picture)}' width='{picture.width}' alt='{escape(caption)}'>"
    return f"<figure style='width: {picture.width}px'>{image}<figcaption>{escape(caption)}</figcaption></figure>"
