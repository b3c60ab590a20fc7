"""The held-out pictures of a data set for ultralytics, with the labels that Ultralytics reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ultralytics.nn.autobackend import check_class_names

from trainables.held_out import HeldOut
from trainables.ultralytics.data import UltralyticsData
from trainables.ultralytics.look import opened, sizes
from trainables.ultralytics.settings import UltralyticsSettings
from trainables.ultralytics.tasks import task_of
from trainables.vision.decode import decode


def held_out(settings: UltralyticsSettings, data: UltralyticsData) -> list[HeldOut]:
    """See `trainables.held_out.Shows`; of several data sets the first. What is no box has the box around it."""
    dataset = data.sets[0]
    if dataset.folders:
        folder = dataset.folders["val"]
        answered = check_class_names(dict(enumerate(dataset.names)))  # of ImageNet's codes, n01440764, the words
        by_folder = {name: str(answered[index]) for index, name in enumerate(dataset.names)}
        return [_shown(image, (by_folder[image.relative_to(folder).parts[0]],)) for image in dataset.images["val"]]
    images = opened(settings, data, "val", augment=False)
    oriented = task_of(settings.model_dump()) == "obb"
    names = dataset.trained_names(settings.single_cls)
    pairs = zip(images.labels, sizes(images, dataset), strict=True)
    return [_example(label, size, names, oriented) for label, size in pairs]


def _example(label: dict[str, Any], size: tuple[int, int], names: tuple[str, ...], oriented: bool) -> HeldOut:
    image, (width, height) = Path(label["im_file"]), size
    rows = np.asarray(label["bboxes"], dtype=np.float64).reshape(-1, 4)
    if oriented and len(label["segments"]):
        corners = [np.asarray(segment) for segment in label["segments"]]
        edges = np.array([(*points.min(axis=0), *points.max(axis=0)) for points in corners])
        edges = edges.clip(0, 1)
    else:  # not cut at the picture's edge: Ultralytics' evaluation does not cut them
        edges = np.concatenate((rows[:, :2] - rows[:, 2:] / 2, rows[:, :2] + rows[:, 2:] / 2), axis=1)
    boxes = (edges * (width, height, width, height)).astype(np.float32)
    labels = tuple(names[int(index)] for index in np.asarray(label["cls"]).reshape(-1))
    return _shown(image, labels, boxes)


def _shown(image: Path, labels: tuple[str, ...], boxes: NDArray[np.float32] | None = None) -> HeldOut:
    return HeldOut(image.name, lambda: image, labels, boxes, lambda: [decode(image)])
