"""The loss of a batch of class scores."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from trainables.vision.focusing import focus


def class_loss(
    scores: Tensor, classes: Tensor, *, kind: str, gamma: float, smoothing: float, weights: Tensor
) -> Tensor:
    """Mean loss of B clips.

    Args:
        scores: (B, C), before the softmax.
        classes: (B,).
        kind: "ce"; "weighted", cross-entropy with `weights` by class; "focal" (Lin and others 2017, without alpha).
        gamma: focusing exponent of "focal".
        smoothing: share of each label that is spread over all classes.
        weights: (C,).
    """
    if kind == "focal":
        each = cross_entropy(scores, classes, reduction="none", label_smoothing=smoothing)
        right = scores.softmax(dim=1).gather(1, classes[:, None]).squeeze(1)
        return torch.mean(focus(right, gamma) * each)
    return cross_entropy(scores, classes, weight=weights if kind == "weighted" else None, label_smoothing=smoothing)
