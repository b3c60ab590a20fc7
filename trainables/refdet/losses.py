"""The losses of the RefDet few-shot guide (document 003).

Where it names a method without its formula, the source is the method's paper.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from ultralytics.utils.loss import DFLoss
from ultralytics.utils.tal import TaskAlignedAssigner, bbox2dist

from trainables.refdet.model import BINS, STRIDES, Output

ALPHA, DELTA = 1.9, 3.0
"""WIoU v3's focusing coefficients (Tong et al. 2023, table 5)."""
MOMENTUM = 0.01
"""Weight of the newest batch in WIoU v3's running mean of the loss."""
TEMPERATURE = 0.1
"""Of both contrasts: SupCon's default (Khosla et al. 2020); FSCE has 0.2."""
PROPOSAL_IOU = 0.7
"""Predicted boxes below it do not count as proposals of their object: FSCE (Sun et al. 2021)."""
MARGIN = 0.3
"""Of the triplet loss, on vectors of unit length: FaceNet has 0.2, person re-identification 0.3."""


class WiseIou(nn.Module):
    """WIoU v3: 1 - IoU, more for boxes whose centre is off, and less for outliers and for easy ones.

    How far a box is an outlier is measured against a running mean of the loss, which a checkpoint keeps.
    """

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(1.0))

    def forward(self, boxes: Tensor, targets: Tensor) -> Tensor:
        """Loss (N,) of `boxes` against `targets`, both (N, 4) as x1 y1 x2 y2."""
        loss = 1 - _paired_iou(boxes, targets)
        hull = torch.maximum(boxes[:, 2:], targets[:, 2:]) - torch.minimum(boxes[:, :2], targets[:, :2])
        offset = (boxes[:, :2] + boxes[:, 2:] - targets[:, :2] - targets[:, 2:]) / 2
        distance = (offset.square().sum(1) / hull.square().sum(1).clamp(min=1e-7).detach()).exp()
        if self.training and len(loss):
            self.mean.lerp_(loss.detach().mean(), MOMENTUM)
        outlier = loss.detach() / self.mean.clamp(min=1e-7)
        focus = outlier / (DELTA * ALPHA ** (outlier - DELTA))
        return focus * distance * loss


class Detection(NamedTuple):
    """The three detection losses, and which places stand for an object: (B, A) and their target boxes (B, A, 4)."""

    bbox: Tensor
    cls: Tensor
    dfl: Tensor
    foreground: Tensor
    targets: Tensor


class DetectionLoss(nn.Module):
    """WIoU v3, BCE and DFL on the places that Ultralytics' task-aligned assigner chooses."""

    def __init__(self) -> None:
        super().__init__()
        self.wise = WiseIou()
        self._assigner = TaskAlignedAssigner(topk=10, num_classes=1, alpha=0.5, beta=6.0, stride=list(STRIDES))
        self._dfl = DFLoss(BINS)

    def forward(self, output: Output, objects: list[Tensor]) -> Detection:
        """Losses of `output` against the boxes (M, 4) of each frame, in its pixels."""
        truth, present = _padded(objects, output.logits.device)
        boxes = output.boxes
        _, targets, scores, foreground, _ = self._assigner(
            output.logits.detach().float().sigmoid().unsqueeze(2),
            (boxes.detach() * output.strides).type(truth.dtype),
            output.points * output.strides,
            torch.zeros_like(truth[..., :1]),
            truth,
            present,
        )
        total = scores.sum().clamp(min=1.0)
        cls = functional.binary_cross_entropy_with_logits(output.logits, scores[..., 0], reduction="sum") / total
        weight = scores[..., 0][foreground]
        target_boxes = (targets / output.strides)[foreground]
        bbox = (self.wise(boxes[foreground], target_boxes) * weight).sum() / total
        distances = bbox2dist(output.points, targets / output.strides, BINS - 1)[foreground]
        dfl = (self._dfl(output.sides[foreground].view(-1, BINS), distances)[:, 0] * weight).sum() / total
        return Detection(bbox, cls, dfl, foreground, targets)


def object_vectors(output: Output, objects: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The vector at the centre of each object (N, E), of unit length, and the frame that it is in (N,)."""
    centres = output.points * output.strides
    vectors, frames = [], []
    for frame, boxes in enumerate(objects):
        for box in boxes:
            distances = (centres - (box[:2] + box[2:]) / 2).square().sum(1) + _scale_gap(output.strides, box)
            vectors.append(output.vectors[frame, distances.argmin()])
            frames.append(frame)
    return torch.stack(vectors), torch.tensor(frames, device=output.logits.device)


def supervised_contrast(vectors: Tensor, classes: Tensor) -> Tensor:
    """SupCon (Khosla et al. 2020, eq. 2) of `vectors` (N, E) by `classes` (N,); 0 if no two are of one class."""
    likeness = vectors @ vectors.T / TEMPERATURE
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    logs = likeness - likeness.masked_fill(itself, -torch.inf).logsumexp(1, keepdim=True)
    same = (classes[:, None] == classes) & ~itself
    counts = same.sum(1)
    losses = -(logs.masked_fill(~same, 0).sum(1) / counts.clamp(min=1))[counts > 0]
    return losses.mean() if len(losses) else vectors.sum() * 0


def proposal_contrast(output: Output, detection: Detection, classes: Tensor) -> Tensor:
    """CPE (FSCE, Sun et al. 2021): supervised contrast of the places whose box has IoU ≥ `PROPOSAL_IOU`."""
    frames, anchors = detection.foreground.nonzero(as_tuple=True)
    boxes = (output.boxes * output.strides)[frames, anchors].detach()
    good = _paired_iou(boxes, detection.targets[frames, anchors]) >= PROPOSAL_IOU
    chosen = output.vectors[frames[good], anchors[good]]
    return supervised_contrast(chosen, classes[frames[good]]) if len(chosen) > 1 else output.vectors.sum() * 0


def triplet(anchors: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
    """Triplet margin loss of references, their objects and what they are told from; all (N, E) of unit length."""
    return functional.triplet_margin_loss(anchors, positives, negatives, margin=MARGIN)


def background_vectors(output: Output, objects: list[Tensor], frames: Tensor) -> Tensor:
    """For each of `frames` (N,) the vector outside its objects that is most like its reference: (N, E)."""
    centres = output.points * output.strides
    chosen = []
    for frame in frames.tolist():
        boxes = objects[frame]
        inside = ((centres[:, None] > boxes[:, :2]) & (centres[:, None] < boxes[:, 2:])).all(2).any(1)
        likeness = (output.vectors[frame] @ output.references[frame]).masked_fill(inside, -torch.inf)
        chosen.append(output.vectors[frame, likeness.argmax()])
    return torch.stack(chosen)


def other_vectors(vectors: Tensor, classes: Tensor, anchors: Tensor) -> Tensor:
    """For each object the one of another class that is most like its reference: (N, E)."""
    likeness = (anchors @ vectors.T).masked_fill(classes[:, None] == classes, -torch.inf)
    return vectors[likeness.argmax(1)]


def _scale_gap(strides: Tensor, box: Tensor) -> Tensor:
    """What is added to the squared distances of places, (A,): least where the stride is a quarter of the object's side.

    It is small beside the distances, so it only decides between places that are about equally near.
    """
    side = (box[2:] - box[:2]).max()
    return (strides[:, 0].log2() - (side / 4).clamp(min=1).log2()).square()


def _paired_iou(boxes: Tensor, others: Tensor) -> Tensor:
    corners = torch.minimum(boxes[:, 2:], others[:, 2:]) - torch.maximum(boxes[:, :2], others[:, :2])
    common = corners.clamp(min=0).prod(1)
    areas = [(side[:, 2:] - side[:, :2]).clamp(min=0).prod(1) for side in (boxes, others)]
    return common / (areas[0] + areas[1] - common + 1e-7)


def _padded(objects: list[Tensor], device: torch.device) -> tuple[Tensor, Tensor]:
    """Boxes (B, M, 4) with zeros after the last of a frame, and which are real (B, M, 1)."""
    longest = max(1, *(len(boxes) for boxes in objects))
    truth = torch.zeros(len(objects), longest, 4, device=device)
    present = torch.zeros(len(objects), longest, 1, dtype=torch.bool, device=device)
    for frame, boxes in enumerate(objects):
        truth[frame, : len(boxes)] = boxes
        present[frame, : len(boxes)] = True
    return truth, present
