"""What the detector finds of classes that it was not trained on."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import nms

from trainables.precision import Precision, full
from trainables.refdet.data import RefdetData
from trainables.refdet.episodes import loaded, stacked
from trainables.refdet.losses import DetectionLoss
from trainables.refdet.model import Refdet
from trainables.refdet.settings import RefdetSettings
from trainables.vision.average_precision import MOST, Detections, Objects, average_precision

SCORE, OVERLAP = 0.001, 0.7
"""Ultralytics' thresholds in validation."""
AT_ONCE = 16
"""Frames in a forward pass."""


@torch.no_grad()
def evaluate(
    model: Refdet, losses: DetectionLoss, data: RefdetData, settings: RefdetSettings, precision: Precision
) -> tuple[dict[str, float], dict[str, float]]:
    """Average precision over the classes of `data.val`, each its own, and "shuffled/…" with another's references."""
    model.eval()
    losses.eval()
    names = [clip.name for clip in data.val]
    encoded = [_encoded(model, data, index, settings, precision) for index in range(len(names))]
    metrics, held_out = _search(model, losses, data, settings, precision, encoded)
    half = len(encoded) // 2  # not a neighbour by name, which may be the same kind of object
    wrong, _ = _search(model, losses, data, settings, precision, encoded[half:] + encoded[:half])
    metrics |= {f"shuffled/{name}": wrong[name] for name in ("map50", "map50_95")}
    return metrics, held_out


def _search(
    model: Refdet,
    losses: DetectionLoss,
    data: RefdetData,
    settings: RefdetSettings,
    precision: Precision,
    encoded: list[Tensor],
) -> tuple[dict[str, float], dict[str, float]]:
    truth: list[Objects] = []
    detected: list[Detections] = []
    sums, batches = torch.zeros(3, dtype=torch.float64), 0
    for kind, clip in enumerate(data.val):
        frames = clip.frames
        for start in range(0, len(frames), AT_ONCE):
            parts = [loaded(data, clip, number, settings) for number in frames[start : start + AT_ONCE]]
            pixels = stacked([part[0] for part in parts]).to(precision.device).float() / 255
            with precision.autocast():
                output = full(model.search(pixels, encoded[kind].expand(len(parts), -1)))
            result = losses(output, [part[1].to(precision.device) for part in parts])
            sums += torch.stack(result[:3]).double().cpu()
            batches += 1
            boxes = (output.boxes * output.strides).cpu()
            for index, (_, objects) in enumerate(parts):
                detected.append(
                    detections(boxes[index], output.logits[index].sigmoid().cpu(), kind, settings.image_size)
                )
                truth.append(Objects(np.asarray(objects), np.full(len(objects), kind)))
    weights = torch.tensor([settings.bbox_weight, settings.cls_weight, settings.dfl_weight], dtype=torch.float64)
    parts_of = (sums / batches * weights).tolist()
    named = {"val": sum(parts_of)} | dict(zip(("val/bbox", "val/cls", "val/dfl"), parts_of, strict=True))
    return average_precision(truth, detected, [clip.name for clip in data.val]), named


def _encoded(model: Refdet, data: RefdetData, index: int, settings: RefdetSettings, precision: Precision) -> Tensor:
    """Features (1, F) of the references of a held-out class."""
    images = data.references(data.val[index], settings.reference_size)
    shots = stacked(list(images[: settings.n_reference])).to(precision.device).float() / 255
    with precision.autocast():
        return model.encode(shots[None])


def detections(boxes: Tensor, scores: Tensor, kind: int, size: int) -> Detections:
    """What is left of `boxes` (A, 4) with `scores` (A,) in a frame of `size` pixels a side, all of class `kind`."""
    usable = boxes.isfinite().all(dim=1) & (scores >= SCORE)  # NaN scores compare false
    boxes, scores = boxes[usable].clamp(0, size), scores[usable]
    order = nms(boxes, scores, OVERLAP)[:MOST]
    classes = np.full(len(order), kind, dtype=np.int64)
    return Detections(np.asarray(boxes[order]), classes, np.asarray(scores[order]))
