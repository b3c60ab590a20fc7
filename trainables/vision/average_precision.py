"""Average precision as COCO defines it: the one implementation that all detectors are compared by."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST = 100
"""Detections in an image that a detector gives, of all classes together, as torchvision's and Detectron2's detectors do
for COCO. COCO's evaluation itself counts the 100 best of each class in an image: it ignores what is beyond."""


ALL_SIZES, SIZES = 0, ("small", "medium", "large")


class Objects(NamedTuple):
    """What is in an image: `boxes` (M, 4) as x1 y1 x2 y2 in pixels, `classes` (M,).

    `crowds` (C, 4) and `crowd_classes` (C,) are places of many objects of a class that are not told apart. As in COCO,
    a detection there that is none of `boxes` counts neither way.
    """

    boxes: NDArray[np.float32]
    classes: NDArray[np.int64]
    crowds: NDArray[np.float32] = np.zeros((0, 4), dtype=np.float32)
    crowd_classes: NDArray[np.int64] = np.zeros(0, dtype=np.int64)


class Detections(NamedTuple):
    """What was found in an image: `boxes` (D, 4) as x1 y1 x2 y2 in pixels, `classes` (D,), `scores` (D,) in [0, 1]."""

    boxes: NDArray[np.float32]
    classes: NDArray[np.int64]
    scores: NDArray[np.float32]


def average_precision(
    truth: Sequence[Objects], detected: Sequence[Detections], names: Sequence[str]
) -> dict[str, float]:
    """map50_95, map50, map75 and, by class, "map50_95/<name>", all in [0, 1], over the same images in both lists.

    A class without an object in `truth` has no average precision: it is left out, and so of the means.

    Raises:
        ValueError: no image holds an object, or two classes have one name, so that one number would stand for both.
    """
    precision, present = _precision(truth, detected, names)
    precision = precision[..., ALL_SIZES]
    by_class = precision.mean(axis=(0, 1))
    metrics = {"map50_95": precision.mean(), "map50": precision[0].mean(), "map75": precision[5].mean()}
    metrics |= {f"map50_95/{names[kind]}": value for kind, value in zip(present, by_class, strict=True)}
    return {name: float(value) for name, value in metrics.items()}


def by_size(truth: Sequence[Objects], detected: Sequence[Detections], names: Sequence[str]) -> dict[str, float]:
    """map50_95 of small, medium and large boxes by COCO's bounds, areas of 32² and 96² pixels; only of what is there.

    Raises as `average_precision`.
    """
    precision, _ = _precision(truth, detected, names, absent=np.nan)
    averages = {}
    for index, size in enumerate(SIZES, start=1):
        values = precision[..., index]
        if not np.isnan(values).all():  # a class without an object of this size counts for none
            averages[size] = float(np.nanmean(values))
    return averages


def _precision(
    truth: Sequence[Objects], detected: Sequence[Detections], names: Sequence[str], absent: float = 0.0
) -> tuple[NDArray[np.float64], list[int]]:
    """Precision by threshold .50 to .95, recall, class and size (all, small, medium, large); and the classes present.

    `absent` stands for the precision where there is no object.
    """
    from faster_coco_eval import COCO, COCOeval_faster  # several times faster than pycocotools, same numbers (measured)

    if doubled := next((name for index, name in enumerate(names) if name in names[:index]), None):
        raise ValueError(f"two classes are called {doubled!r}; every class needs its own name")
    dataset = COCO(_dataset(truth, names))
    evaluation = COCOeval_faster(dataset, dataset.loadRes(_results(detected)), iouType="bbox", print_function=_silent)
    evaluation.params.maxDets = [1, 10, MOST]
    evaluation.evaluate()
    evaluation.accumulate()
    present = sorted({int(kind) for objects in truth for kind in objects.classes})
    if not present:
        raise ValueError("no image holds an object; average precision needs at least one")
    precision = np.asarray(evaluation.eval["precision"][..., -1][:, :, present], dtype=np.float64)
    return np.where(precision < 0, absent, precision), present


def _silent(*_: object) -> None:
    """COCO's evaluation reports its progress line by line; nobody reads it."""


def _dataset(truth: Sequence[Objects], names: Sequence[str]) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    for image, (boxes, classes, crowds, crowd_classes) in enumerate(truth, start=1):
        singles = zip(boxes.tolist(), classes.tolist(), repeat(0, len(classes)), strict=True)
        crowd_rows = zip(crowds.tolist(), crowd_classes.tolist(), repeat(1, len(crowd_classes)), strict=True)
        for (x1, y1, x2, y2), kind, is_crowd in chain(singles, crowd_rows):
            box = [x1, y1, x2 - x1, y2 - y1]
            entry = {"image_id": image, "category_id": kind, "bbox": box, "area": box[2] * box[3], "iscrowd": is_crowd}
            annotations.append(entry | {"id": len(annotations) + 1})
    return {
        "images": [{"id": image} for image in range(1, len(truth) + 1)],
        "annotations": annotations,
        "categories": [{"id": kind, "name": name} for kind, name in enumerate(names)],
    }


def _results(detected: Sequence[Detections]) -> list[dict[str, Any]]:
    results = []
    for image, detections in enumerate(detected, start=1):
        rows = zip(detections.boxes.tolist(), detections.classes.tolist(), detections.scores.tolist(), strict=True)
        for (x1, y1, x2, y2), kind, score in rows:
            results.append({"image_id": image, "category_id": kind, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score})
    return results
