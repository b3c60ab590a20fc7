"""The settings in the form that the code of the ResNet-18 and YOLOv8 fixes report (document 002) reads."""

from __future__ import annotations

from collections.abc import Mapping
from pprint import pformat
from typing import Any

from trainables.resnet_yolo.settings import ResnetYoloSettings

MODULE = "yolov8_params.py"


def files(settings: ResnetYoloSettings) -> dict[str, str]:
    """`MODULE`: the report's `YOLOV8_PARAMS` as a Python module."""
    body = pformat(params(settings), sort_dicts=False, width=100)
    return {MODULE: f'"""{HEADER}"""\n\nYOLOV8_PARAMS = {body}\n'}


HEADER = """Written by steadytune for src/config/hyperparameters.py.

warmup_start is the s in `lr_scale = s + (1 - s) * float(epoch + 1) / float(max(1, warmup_epochs))`, epoch from 0.
The weights belong to a box loss (CIoU) that is the mean over matched cells, and a focal class loss, without alpha, that
is the sum over cells and classes by the number of objects. A code that divides otherwise needs other weights.
"""


def params(settings: ResnetYoloSettings) -> Mapping[str, Any]:
    """`settings` under the report's names, which are the first eight; what it has no name for keeps ours.

    Its code has the clamp and both thresholds as constants. They are listed all the same, so that no tuned value is
    lost. Its warm-up starts from a share of epoch 0, where nothing is trained, not of epoch 1: so `warmup_start`.
    """
    return {
        "learning_rate": settings.lr,
        "dropout": settings.dropout,
        "box_loss_weight": settings.box_weight,
        "cls_loss_weight": settings.cls_weight,
        "weight_decay": settings.weight_decay,
        "batch_size": settings.batch,
        "accumulation_steps": settings.accumulation,
        "warmup_epochs": settings.warmup_epochs,
        "warmup_start": _share_of_epoch_0(settings),
        "focal_gamma": settings.focal_gamma,
        "iou_threshold_start": settings.iou_start,
        "iou_threshold_end": settings.iou_end,
        "iou_ramp_epochs": settings.iou_ramp_epochs,
        "clamp_box_size": settings.clamp,
        "score_threshold": settings.score_threshold,
        "num_epochs": settings.epochs,
        "image_size": settings.image_size,
        "freeze_backbone_epochs": settings.freeze_epochs,
        "flip_prob": settings.flip,
        "hsv_prob": settings.hsv,
        "mosaic_prob": settings.mosaic,
        "mixed_precision": settings.mixed_precision,
        "seed": settings.seed,
    }


def _share_of_epoch_0(settings: ResnetYoloSettings) -> float:
    """Where the line through our warm-up begins an epoch earlier: the 0.5 in the report's formula (its fix #4)."""
    epochs = settings.warmup_epochs
    if epochs < 2:  # the first epoch is trained at the full rate, whatever the share
        return settings.warmup_start
    return round((settings.warmup_start - 1 / epochs) / (1 - 1 / epochs), 12)
