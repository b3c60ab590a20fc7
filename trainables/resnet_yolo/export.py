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
    return {MODULE: f'"""Written by steadytune for src/config/hyperparameters.py."""\n\nYOLOV8_PARAMS = {body}\n'}


def params(settings: ResnetYoloSettings) -> Mapping[str, Any]:
    """`settings` under the report's names, which are the first eight; what it has no name for keeps ours.

    Its code starts warm-up from a share of epoch 0, not of epoch 1, and has the clamp and both thresholds as constants.
    They are listed all the same, so that no tuned value is lost.
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
        "warmup_start": settings.warmup_start,
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
        "seed": settings.seed,
    }
