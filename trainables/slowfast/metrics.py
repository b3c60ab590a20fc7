"""Accuracy of class scores, also over classes that are rare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def confusion(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Clips by true class (row) and predicted class (column), (C, C), from `scores` (N, C) and `labels` (N,)."""
    table = np.zeros((scores.shape[1], scores.shape[1]), dtype=np.int64)
    np.add.at(table, (labels, scores.argmax(axis=1)), 1)
    return table


def accuracy(scores: NDArray[np.float64], labels: NDArray[np.int64], names: Sequence[str]) -> dict[str, float]:
    """mean_class_accuracy, top1, top5 and, by class, "accuracy/<name>", all in [0, 1].

    A class without a clip in `labels` has no accuracy: it is left out, and so of the mean.
    """
    table = confusion(scores, labels)
    clips = table.sum(axis=1)
    present = np.flatnonzero(clips)
    by_class = table.diagonal()[present] / clips[present]
    five = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    metrics = {
        "mean_class_accuracy": float(by_class.mean()),
        "top1": float(table.trace() / clips.sum()),
        "top5": float((five == labels[:, None]).any(axis=1).mean()),
    }
    return metrics | {
        f"accuracy/{names[int(kind)]}": float(value) for kind, value in zip(present, by_class, strict=True)
    }
