"""From upstream's predictions to the boxes that are scored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor
from yolox.utils import postprocess

from trainables.vision.average_precision import MOST, Detections
from trainables.yolox.images import ratio
from trainables.yolox.settings import YoloxSettings


def detections(
    predictions: Tensor, sizes: Sequence[tuple[int, int]], classes: int, settings: YoloxSettings
) -> list[Detections]:
    """What `predictions` (B, N, 5 + C) say, by upstream's thresholds, in the pixels of the images on disk.

    Args:
        predictions: of the input; values that are no numbers score 0.
        sizes: width and height of each image on disk.
        classes: how many there are, C.
        settings: with both thresholds and the input's size.
    """
    predictions = predictions.nan_to_num(0.0, posinf=1e6, neginf=-1e6)
    selected = postprocess(predictions, classes, settings.score_threshold, settings.nms_threshold)
    return [_placed(rows, size, settings.input_size) for rows, size in zip(selected, sizes, strict=True)]


def _placed(rows: Tensor | None, size: tuple[int, int], fitted: tuple[int, int]) -> Detections:
    """Upstream's rows (D, 7), x1 y1 x2 y2 objectness score class, in the pixels of an image of `size`."""
    table = np.zeros((0, 7), dtype=np.float32) if rows is None else np.asarray(rows.cpu(), dtype=np.float32)
    scores = table[:, 4] * table[:, 5]
    best = np.argsort(-scores, kind="stable")[:MOST]
    edges = np.array(size * 2, dtype=np.float32)
    boxes = (table[best, :4] / ratio(*size, fitted)).clip(0, edges)
    return Detections(boxes.astype(np.float32), table[best, 6].astype(np.int64), scores[best])
