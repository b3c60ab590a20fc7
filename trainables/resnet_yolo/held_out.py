"""The held-out pictures of a data set for resnet_yolo."""

from __future__ import annotations

from functools import partial

import numpy as np

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
    kind, cx, cy, w, h = sample.labels.T
    edges = np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1).clip(0, 1)
    boxes = (edges * (sample.width, sample.height, sample.width, sample.height)).astype(np.float32)
    labels = tuple(names[int(index)] for index in kind)
    return HeldOut(sample.path.name, pixels, labels, boxes, lambda: [pixels()])
