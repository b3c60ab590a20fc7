"""What may be searched for yolox: around what the YOLOX stability report (document 001) tried, and the augmentation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from spaces.space import Draw, Space


def space_for(settings: Mapping[str, Any]) -> Space:
    """The space of a sweep with these settings: random weights are not frozen."""
    return partial(space, pretrained=False) if settings.get("weights") == "none" else space


def space(draw: Draw, pretrained: bool = True) -> None:
    """Draw one yolox training; every name is a field of `YoloxSettings`."""
    draw.float("lr", 1e-5, 1e-3, log=True)
    draw.choice("schedule", ["three_phase", "yoloxwarmcos"])
    draw.int("warmup_epochs", 0, 5)
    draw.float("min_lr_ratio", 0.01, 0.3, log=True)
    draw.int("no_aug_epochs", 1, 10)
    draw.float("mosaic_prob", 0.0, 1.0)
    draw.float("mixup_prob", 0.0, 1.0)
    draw.float("hsv_prob", 0.0, 1.0)
    draw.float("flip_prob", 0.0, 0.5)
    draw.float("degrees", 0.0, 20.0)
    draw.float("translate", 0.0, 0.3)
    draw.float("scale_min", 0.1, 1.0)
    draw.float("scale_max", 1.0, 2.0)
    if pretrained:
        draw.choice("freeze", ["backbone+neck", "backbone", "none"])
    draw.choice("batch", [32, 16, 8])
    draw.float("weight_decay", 1e-5, 1e-2, log=True)
    draw.choice("ema", [True, False])
    draw.float("reg_weight", 2.0, 10.0)
    draw.float("conf_weight", 0.3, 3.0, log=True)
    draw.float("cls_weight", 0.3, 3.0, log=True)
    draw.float("l1_weight", 0.3, 3.0, log=True)
    draw.float("multiscale", 0.0, 0.25)
