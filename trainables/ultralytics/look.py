"""What a data set for ultralytics holds, and what a training batch looks like, both as Ultralytics reads them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics.cfg import get_cfg

from trainables.file_facts import file_facts
from trainables.look import EXAMPLES, Example, Look, LookTable, remark
from trainables.loop import seeded
from trainables.ultralytics.check import note_boxes, read_split
from trainables.ultralytics.data import SPLITS, DataSet, UltralyticsData
from trainables.ultralytics.settings import UltralyticsSettings
from trainables.ultralytics.tasks import task_of
from trainables.ultralytics.upstream import arguments, contained
from trainables.vision.detection_look import Labelled, class_warnings, detection_look, hashes
from trainables.vision.findings import Findings
from trainables.vision.guessing import guesses
from trainables.vision.image_facts import image_facts
from trainables.vision.unread import unread_sentences


def look(settings: UltralyticsSettings, data: UltralyticsData) -> Look:
    """See `Recipe.look`; of several data sets the first."""
    dataset, task = data.sets[0], task_of(settings.model_dump())
    if dataset.folders:
        counts = _class_counts(dataset)
        guessed = {
            name: {
                "fitness": (guess.top1 + guess.top5) / 2,
                "metrics/accuracy_top1": guess.top1,
                "metrics/accuracy_top5": guess.top5,
            }
            for name, guess in guesses(*counts).items()
        }
        classes = _class_table(dataset, *counts)
        files = [image for members in dataset.images.values() for image in members]
        warnings = (*class_warnings(classes), *unread_sentences(data.findings, files))
        return Look((classes,), warnings, guesses=guessed)
    images = {split: opened(settings, data, split, augment=False) for split in SPLITS}
    findings = Findings()
    for of_split in images.values():
        note_boxes(of_split, task, findings)
    return detection_look(
        dataset.trained_names(settings.single_cls),
        {split: _labelled(of_split, dataset) for split, of_split in images.items()},
        tuple(dict.fromkeys((*data.findings, *findings))),  # the labels may have been checked before
        scale=lambda width, height: settings.imgsz / max(width, height),
        size=f"{settings.imgsz} px, for {task}",
        hashes=hashes,
        scored_whole=True,
    )


def _class_counts(dataset: DataSet) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pictures of each class in train and in val."""
    counts = {
        split: Counter(image.relative_to(dataset.folders[split]).parts[0] for image in dataset.images[split])
        for split in SPLITS
    }
    train, val = (np.array([counts[split][name] for name in dataset.names], dtype=np.int64) for split in SPLITS)
    return train, val


def _class_table(dataset: DataSet, train: NDArray[np.int64], val: NDArray[np.int64]) -> LookTable:
    pairs = list(zip(train.tolist(), val.tolist(), strict=True))
    rows = [
        (name, f"{of_train:,}", f"{of_val:,}", remark(of_train, of_val))
        for name, (of_train, of_val) in zip(dataset.names, pairs, strict=True)
    ]
    rows.append(("all", f"{train.sum():,}", f"{val.sum():,}", ""))
    return LookTable("Pictures", ("class", "train", "val", ""), tuple(rows))


def opened(settings: UltralyticsSettings, data: UltralyticsData, split: str, augment: bool) -> Any:
    """Ultralytics' own data set of a split of the first data set."""
    args = get_cfg(overrides=arguments(settings, data="", save_dir=Path()))
    with TemporaryDirectory() as folder, contained(data.scans):
        source = data.sets[0].for_trainer(Path(folder))
        return read_split(data.sets[0], split, source, args, augment)


def _labelled(images: Any, dataset: DataSet) -> list[Labelled]:
    pictures = []
    for label, (width, height) in zip(images.labels, sizes(images, dataset), strict=True):
        sides = np.asarray(label["bboxes"], dtype=np.float64)[:, 2:4] * (width, height)
        classes = np.asarray(label["cls"]).reshape(-1).astype(np.int64)
        pictures.append(Labelled(Path(label["im_file"]), width, height, classes, sides))
    return pictures


def sizes(images: Any, dataset: DataSet) -> list[tuple[int, int]]:
    """Width and height of each picture of `images`, from `opened`, as it is decoded.

    Ultralytics' own differ where XMP alone says that a picture is turned, and where a PNG says so after its pixels.
    """
    if not dataset.is_read_as_usual:
        return [(int(label["shape"][1]), int(label["shape"][0])) for label in images.labels]
    with file_facts() as facts:
        examined = [image_facts(Path(label["im_file"]), facts) for label in images.labels]
    return [(image.width, image.height) for image in examined]


def training_batch(settings: UltralyticsSettings, data: UltralyticsData) -> list[Example]:
    """See `Recipe.training_batch`; without `multi_scale`, which changes the size of whole batches."""
    with seeded(settings.seed, "look"):
        images = opened(settings, data, "train", augment=True)
        chosen = torch.randperm(len(images))[:EXAMPLES].tolist()
        names = data.sets[0].trained_names(settings.single_cls)
        return [_example(images[index], names) for index in chosen]


def _example(item: Mapping[str, Any], names: tuple[str, ...]) -> Example:
    planes = item["img"]
    pixels = planes.numpy() if planes.dtype == torch.uint8 else (planes.numpy() * 255).clip(0, 255).round()
    picture = np.ascontiguousarray(pixels.transpose(1, 2, 0)[..., :3].astype(np.uint8))
    if "bboxes" not in item:
        return Example(picture, np.zeros((0, 4), dtype=np.float32), (), caption=names[int(item["cls"])])
    height, width = picture.shape[:2]
    shares = item["bboxes"].numpy().astype(np.float64)
    rows = shares.reshape(-1, shares.shape[-1])
    boxes = np.array([enclosing(row, width, height) for row in rows], dtype=np.float32).reshape(-1, 4)
    inside: NDArray[np.bool_] = np.all(boxes[:, :2] < boxes[:, 2:], axis=1)
    labels = [names[int(index)] for index in item["cls"].reshape(-1).tolist()]
    return Example(
        picture, boxes[inside], tuple(label for label, keep in zip(labels, inside.tolist(), strict=True) if keep)
    )


def enclosing(row: NDArray[np.float64], width: int, height: int) -> tuple[float, float, float, float]:
    """The upright box, as x1 y1 x2 y2 in pixels inside the picture, of one in shares of it, oriented or not."""
    cx, cy, w, h = row[:4] * (width, height, width, height)
    if len(row) == 5:
        cosine, sine = abs(math.cos(row[4])), abs(math.sin(row[4]))
        w, h = w * cosine + h * sine, w * sine + h * cosine
    edges = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
    low, high = (0.0, 0.0, 0.0, 0.0), (float(width), float(height)) * 2
    return tuple(np.clip(edges, low, high).tolist())
