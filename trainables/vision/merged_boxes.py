"""Boxes that several detectors found in one picture, as one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.ops import batched_nms, box_iou

SAME = 0.6
"""IoU above which two boxes of one class are of one object. From 0.5 to 0.7 little differs, see
`tests/bench/documents/seeds_together.md`; weighted boxes fusion has 0.55."""
LEAST = 1e-9
"""Weight of a box whose score is 0."""


def merged_boxes(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The boxes of all `answers`, of which there is at least one, without those that are of the same object.

    torchvision's non-maximum suppression finds the surest box of each object. Its corners become the mean of all boxes
    of that object, weighted by their scores (box voting, Gidaris and Komodakis 2015), its score the mean over all
    detectors of the surest box that each has of the object, 0 where it has none: what one alone finds counts little.
    Whatever else an answer has of each box, such as masks, is the surest one's.
    """
    labels = [label for answer in answers for label in answer["labels"]]
    corners = torch.from_numpy(_joined("boxes", answers).reshape(-1, 4))
    scores = torch.from_numpy(_joined("scores", answers))
    numbers = {name: number for number, name in enumerate(sorted(set(labels)))}
    kinds = torch.tensor([numbers[label] for label in labels], dtype=torch.int64)
    survivors = batched_nms(corners, scores, kinds, SAME)
    agrees = (box_iou(corners[survivors], corners) > SAME) & (kinds[survivors, None] == kinds)
    agrees[torch.arange(len(survivors)), survivors] = True  # a box without an area has no IoU with itself
    agreed = torch.where(agrees, scores, 0.0)
    weights = torch.where(agrees, scores.clamp(min=LEAST), 0.0)
    ends = np.cumsum([len(answer["labels"]) for answer in answers]).tolist()
    surest = [agreed[:, start:end].amax(dim=1) for start, end in pairwise([0, *ends]) if end > start]
    means = torch.stack(surest).sum(dim=0) / len(answers) if surest else scores
    order = means.argsort(descending=True, stable=True)
    boxes = (weights @ corners / weights.sum(dim=1, keepdim=True))[order]
    rows = survivors[order].tolist()
    others = {name: _rows(name, answers, rows) for name in dict.fromkeys(name for answer in answers for name in answer)}
    return others | {
        "boxes": np.asarray(boxes),
        "scores": np.asarray(means[order], dtype=np.float32),
        "labels": [labels[row] for row in rows],
    }


def _joined(name: str, answers: Sequence[Mapping[str, Any]]) -> NDArray[np.float32]:
    return np.concatenate([np.asarray(answer[name], dtype=np.float32) for answer in answers])


def _rows(name: str, answers: Sequence[Mapping[str, Any]], rows: Sequence[int]) -> Any:
    """What the answers have of the boxes `rows` under `name`; one without boxes may lack it."""
    values = [value for answer in answers for value in answer.get(name, ())]
    chosen = [values[row] for row in rows]
    is_array = any(isinstance(answer.get(name), np.ndarray) for answer in answers)
    return np.asarray(chosen) if is_array else chosen
