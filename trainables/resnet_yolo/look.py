"""What a data set for resnet_yolo holds, and what a training batch looks like."""

from __future__ import annotations

import numpy as np

from trainables.look import EXAMPLES, Example, Look
from trainables.resnet_yolo.data import Images, YoloData
from trainables.resnet_yolo.settings import ResnetYoloSettings
from trainables.vision.average_precision import MOST
from trainables.vision.detection_look import Labelled, detection_look, hashes


def look(settings: ResnetYoloSettings, data: YoloData) -> Look:
    """See `Recipe.look`."""
    size = settings.image_size
    return detection_look(
        data.names,
        {"train": _labelled(data.train), "val": _labelled(data.val)},
        tuple(data.findings),
        scale=lambda width, height: size / max(width, height),
        size=f"{size} px",
        hashes=hashes,
        most=MOST,
    )


def _labelled(images: Images) -> list[Labelled]:
    return [Labelled.of(sample.path, (sample.width, sample.height), sample.labels) for sample in images.samples]


def training_batch(settings: ResnetYoloSettings, data: YoloData) -> list[Example]:
    """See `Recipe.training_batch`."""
    import torch

    from trainables.loop import seeded
    from trainables.resnet_yolo.training import loaders

    settings = settings.model_copy(update={"workers": 0, "batch": EXAMPLES})
    with seeded(settings.seed, "look"):
        pixels, targets = next(iter(loaders(settings, data, torch.device("cpu"))[0]))
    return [
        Example(
            np.ascontiguousarray(planes.numpy().transpose(1, 2, 0)),
            target.boxes.numpy(),
            tuple(data.names[index] for index in target.classes.tolist()),
        )
        for planes, target in zip(pixels, targets, strict=True)
    ]
