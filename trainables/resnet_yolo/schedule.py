"""What changes from epoch to epoch: the learning rate and the matching threshold. Epochs count from 1."""

from __future__ import annotations

import math

FLOOR = 0.01
"""Share of the learning rate at the end. Ours: the ResNet-18 and YOLOv8 fixes report (document 002) does not say
what follows warm-up."""


def rate_share(epoch: int, *, epochs: int, warmup_epochs: int, warmup_start: float) -> float:
    """Share of the learning rate in `epoch`, in (0, 1].

    Rises evenly from `warmup_start` in epoch 1 to 1 in epoch `warmup_epochs`, as both schedules of the report do:
    0.1, 0.2, … 1 before its fix #4 and 0.55, 0.6, … 1 after it. Then half a cosine falls to `FLOOR` in the last epoch.
    """
    if epoch <= warmup_epochs:
        return 1.0 if warmup_epochs == 1 else warmup_start + (1 - warmup_start) * (epoch - 1) / (warmup_epochs - 1)
    done = (epoch - warmup_epochs) / max(1, epochs - warmup_epochs)
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * done))


def matching_iou(epoch: int, *, start: float, end: float, ramp_epochs: int) -> float:
    """IoU from which a prediction counts as matched in `epoch`: the report's fix #2, which counts epochs from 0."""
    return start + min((epoch - 1) / ramp_epochs, 1.0) * (end - start)
