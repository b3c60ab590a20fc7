"""The held-out pictures of a data set for yolox."""

from __future__ import annotations

from functools import partial

import numpy as np

from trainables.held_out import HeldOut
from trainables.vision.coco_layout import Picture
from trainables.vision.decode import decode
from trainables.yolox.data import CocoData
from trainables.yolox.settings import YoloxSettings


def held_out(settings: YoloxSettings, data: CocoData) -> list[HeldOut]:
    """See `trainables.held_out.Shows`."""
    return [_example(picture, tuple(data.names)) for picture in data.val]


def _example(picture: Picture, names: tuple[str, ...]) -> HeldOut:
    pixels = partial(decode, picture.path, upright=picture.upright)
    labels = tuple(names[int(index)] for index in picture.classes)
    crowds = tuple((names[int(row[4])], row[:4].astype(np.float32)) for row in picture.crowds)
    boxes = picture.boxes.astype(np.float32)
    return HeldOut(picture.path.name, pixels, labels, boxes, lambda: [pixels()], crowds=crowds)
