"""What a data set for yolox holds, and what a training batch looks like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainables.look import EXAMPLES, Example, Look
from trainables.vision.average_precision import MOST
from trainables.vision.coco_layout import Picture
from trainables.vision.detection_look import Labelled, detection_look, hashes
from trainables.yolox.data import CocoData
from trainables.yolox.settings import YoloxSettings


def look(settings: YoloxSettings, data: CocoData) -> Look:
    """See `Recipe.look`."""
    high, wide = settings.input_size
    return detection_look(
        data.names,
        {"train": _labelled(data.train), "val": _labelled(data.val)},
        tuple(data.findings),
        scale=lambda width, height: min(high / height, wide / width),
        size=f"{wide}x{high} px",
        hashes=hashes,
        most=MOST,
    )


def _labelled(pictures: Sequence[Picture]) -> list[Labelled]:
    return [
        Labelled(
            picture.path,
            picture.width,
            picture.height,
            picture.classes,
            picture.boxes[:, 2:] - picture.boxes[:, :2],
        )
        for picture in pictures
    ]


def training_batch(settings: YoloxSettings, data: CocoData) -> list[Example]:
    """See `Recipe.training_batch`."""
    import torch

    from trainables.loop import seeded
    from trainables.yolox.training import experiment, training_loader

    settings = settings.model_copy(update={"workers": 0, "batch": EXAMPLES})
    with seeded(settings.seed, "look"):
        config, cpu = experiment(settings, len(data.names)), torch.device("cpu")
        pixels, targets, *_ = next(iter(training_loader(settings, config, data, cpu)))
    return [_example(planes.numpy(), rows.numpy(), data.names) for planes, rows in zip(pixels, targets, strict=True)]


def _example(planes: NDArray[np.float32], rows: NDArray[np.float32], names: Sequence[str]) -> Example:
    """BGR planes (3, H, W) to 255, and upstream's rows (M, 5), class cx cy w h, of which the unused ones are 0."""
    objects = rows[rows[:, 3] > 0]
    kind, cx, cy, w, h = objects.T
    boxes = np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1)
    pixels = np.ascontiguousarray(planes[::-1].transpose(1, 2, 0)).clip(0, 255).astype(np.uint8)
    return Example(pixels, boxes.astype(np.float32), tuple(names[int(index)] for index in kind))
