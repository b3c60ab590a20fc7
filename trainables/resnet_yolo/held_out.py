"""The held-out pictures of a data set for resnet_yolo."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from trainables.held_out import HeldOut
from trainables.resnet_yolo.data import YoloData
from trainables.resnet_yolo.settings import ResnetYoloSettings
from trainables.vision.decode import decode
from trainables.vision.detection_data import Sample


def held_out(settings: ResnetYoloSettings, data: YoloData) -> list[HeldOut]:
    """See `trainables.held_out.Shows`."""
    return [_example(sample, data.names) for sample in data.val.samples]


def _example(sample: Sample, names: tuple[str, ...]) -> HeldOut:
    pixels = partial(decode, sample.path, upright=sample.upright)
    labels, boxes = _named(sample, sample.labels, names)
    crowds = tuple(zip(*_named(sample, sample.crowds, names), strict=True))
    return HeldOut(sample.path.name, pixels, labels, boxes, lambda: [pixels()], crowds=crowds)


def _named(
    sample: Sample, labels: NDArray[np.float32], names: tuple[str, ...]
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Names of classes, and boxes in the pixels of the picture."""
    kind, cx, cy, w, h = labels.T
    edges = np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1).clip(0, 1)
    boxes = (edges * (sample.width, sample.height, sample.width, sample.height)).astype(np.float32)
    return tuple(names[int(index)] for index in kind), boxes
