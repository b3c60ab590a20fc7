"""From the detector's predictions for each cell to the boxes that are scored."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torchvision.ops import batched_nms

from trainables.resnet_yolo.model import Predictions
from trainables.vision.average_precision import MOST, Detections

OVERLAP = 0.45
"""IoU above which the weaker of two boxes of one class is dropped: YOLOv5's. The ResNet-18 and YOLOv8 fixes report
(document 002) gives none."""
CANDIDATES = 1000
"""Best-scored boxes of an image that are looked at, as in torchvision's detectors."""


def detections(predictions: Predictions, size: int, score_threshold: float) -> list[Detections]:
    """The detections in each of B images of `size` pixels a side; boxes that are not numbers are dropped."""
    scores = predictions.logits.float().sigmoid()
    return [
        _in_image(boxes.float(), values, size, score_threshold)
        for boxes, values in zip(predictions.boxes, scores, strict=True)
    ]


def _in_image(boxes: Tensor, scores: Tensor, size: int, score_threshold: float) -> Detections:
    usable = boxes.isfinite().all(dim=1, keepdim=True) & (scores >= score_threshold)  # NaN scores compare false
    cells, classes = usable.nonzero(as_tuple=True)
    values = scores[cells, classes]
    best = values.argsort(descending=True, stable=True)[:CANDIDATES]
    kept_boxes, kept_scores, kept_classes = boxes[cells[best]].clamp(0, size), values[best], classes[best]
    order = batched_nms(kept_boxes, kept_scores, kept_classes, OVERLAP)[:MOST]
    parts = [part[order].detach().cpu() for part in (kept_boxes, kept_classes, kept_scores)]
    return Detections(*(np.asarray(part) for part in parts))
