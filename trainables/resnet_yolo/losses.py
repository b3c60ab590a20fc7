"""Which cells are matched with which object, and the loss of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torchvision.ops import box_iou, complete_box_iou_loss

from trainables.resnet_yolo.model import Predictions
from trainables.vision.focusing import focus

RADIUS = 1.0
"""A cell can match an object if its middle is in the object's box, within this many strides of the centre (FCOS)."""


class Target(NamedTuple):
    """The objects of one image: `boxes` (M, 4) as x1 y1 x2 y2 in input pixels, `classes` (M,) as integers."""

    boxes: Tensor
    classes: Tensor


class Losses(NamedTuple):
    """Scalars: `total` is what is minimised, `box` and `cls` are its parts before their weights."""

    total: Tensor
    box: Tensor
    cls: Tensor


def match(boxes: Tensor, target: Target, centers: Tensor, strides: Tensor, threshold: float) -> Tensor:
    """The object that each of N cells is matched with, or -1: (N,) integers.

    Of the cells near an object's centre those are matched whose predicted box has an IoU of `threshold` with it or
    more, and in any case the one with the highest: every object with a cell near its centre is matched. A cell that
    could be matched with several objects is matched with the one of the highest IoU.

    Args:
        boxes: (N, 4), predicted.
        target: M objects of the same image.
        centers: (N, 2), middles of the cells in pixels.
        strides: (N,), their sizes in pixels.
        threshold: in [0, 1]; from `schedule.matching_iou`.
    """
    if not len(target.boxes):
        return torch.full((len(boxes),), -1, dtype=torch.long, device=boxes.device)
    near = _near(target.boxes, centers, strides)
    overlap = torch.where(near, box_iou(boxes, target.boxes).nan_to_num(0.0), -1.0)
    chosen = overlap >= max(threshold, 0.0)
    best_cell = overlap.argmax(dim=0, keepdim=True)
    chosen = (chosen | torch.zeros_like(chosen).scatter_(0, best_cell, True)) & near
    highest, best_object = torch.where(chosen, overlap, -1.0).max(dim=1)
    return torch.where(highest >= 0, best_object, -1)


def _near(objects: Tensor, centers: Tensor, strides: Tensor) -> Tensor:
    """(N, M): whether a cell's middle is inside an object and close to its centre."""
    x, y = centers[:, 0, None], centers[:, 1, None]
    x1, y1, x2, y2 = objects.T
    inside = (x > x1) & (x < x2) & (y > y1) & (y < y2)
    reach = RADIUS * strides[:, None]
    near: Tensor = inside & ((x - (x1 + x2) / 2).abs() < reach) & ((y - (y1 + y2) / 2).abs() < reach)
    return near


def detection_losses(
    predictions: Predictions,
    targets: Sequence[Target],
    *,
    threshold: float,
    gamma: float,
    box_weight: float,
    cls_weight: float,
) -> Losses:
    """The loss of a batch of B images: `box_weight` · CIoU + `cls_weight` · focal (document 002's fix #6).

    CIoU is the mean over matched cells. The focal loss is the sum over all cells and classes divided by the number of
    objects: divided by matched cells, several to an object, it is so small beside 7.5 · CIoU that classes are hardly
    learnt (measured). It has no alpha, as in the ResNet-18 and YOLOv8 fixes report, which gives gamma alone.
    """
    wanted_boxes, wanted_classes, matches = [], torch.zeros_like(predictions.logits), []
    for image, target in enumerate(targets):
        with torch.no_grad():
            boxes = predictions.boxes[image]
            objects = match(boxes, target, predictions.centers, predictions.strides, threshold)
        cells = (objects >= 0).nonzero().squeeze(1)
        wanted_boxes.append(target.boxes[objects[cells]])
        wanted_classes[image, cells, target.classes[objects[cells]]] = 1.0
        matches.append(objects)
    matched = torch.stack(matches) >= 0
    box = complete_box_iou_loss(predictions.boxes[matched], torch.cat(wanted_boxes), reduction="mean")
    count = max(1, sum(len(target.boxes) for target in targets))
    cls = _focal(predictions.logits, wanted_classes, gamma) / count
    return Losses(box_weight * box + cls_weight * cls, box, cls)


def _focal(logits: Tensor, wanted: Tensor, gamma: float) -> Tensor:
    """The sum of the focal losses of `logits`, for `wanted` of 0 or 1: torchvision's, for any gamma."""
    each = binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    scores = logits.sigmoid()
    return (each * focus(scores * wanted + (1 - scores) * (1 - wanted), gamma)).sum()
