"""Which predictions answer for which object, and what they are charged for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.ops import box_iou, complete_box_iou_loss, sigmoid_focal_loss

from trainables.resnet_yolo.model import Predictions

RADIUS = 1.0
"""Cells answer for an object if their middle is in its box and within this many strides of its centre (like FCOS)."""


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
    """For each of N cells the object that it answers for, or -1: (N,) integers.

    Of the cells near an object's middle, those answer whose predicted box reaches `threshold` IoU with it, and in any
    case the best of them, so that no object that holds a cell goes without. A cell wanted twice takes the better fit.

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
    best = overlap.argmax(dim=0, keepdim=True)
    chosen = (chosen | torch.zeros_like(chosen).scatter_(0, best, True)) & near
    value, owner = torch.where(chosen, overlap, -1.0).max(dim=1)
    return torch.where(value >= 0, owner, -1)


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
    wanted_boxes, wanted_classes, owners = [], torch.zeros_like(predictions.logits), []
    for image, target in enumerate(targets):
        with torch.no_grad():
            boxes = predictions.boxes[image]
            owner = match(boxes, target, predictions.centers, predictions.strides, threshold)
        cells = (owner >= 0).nonzero().squeeze(1)
        wanted_boxes.append(target.boxes[owner[cells]])
        wanted_classes[image, cells, target.classes[owner[cells]]] = 1.0
        owners.append(owner)
    matched = torch.stack(owners) >= 0
    box = complete_box_iou_loss(predictions.boxes[matched], torch.cat(wanted_boxes), reduction="mean")
    objects = max(1, sum(len(target.boxes) for target in targets))
    cls = sigmoid_focal_loss(predictions.logits, wanted_classes, alpha=-1, gamma=gamma, reduction="sum") / objects
    return Losses(box_weight * box + cls_weight * cls, box, cls)
