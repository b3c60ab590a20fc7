"""What may be searched for resnet_yolo.

The ranges go a step beyond what the report on ResNet-18 and YOLOv8 fixes (document 002) tried by hand, on either side.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from spaces.space import Draw, Space

FROZEN = [0, 1, 3, 10, 10_000]
"""How many first epochs the backbone is frozen; 10000 stands for all epochs."""


def space_for(settings: Mapping[str, Any]) -> Space:
    """The space of a sweep with these settings: random weights are not frozen."""
    return partial(space, pretrained=False) if settings.get("weights") == "none" else space


def space(draw: Draw, pretrained: bool = True) -> None:
    """Draw one resnet_yolo training; every name is a field of `ResnetYoloSettings`."""
    draw.float("lr", 1e-4, 5e-3, log=True)
    draw.float("weight_decay", 1e-5, 3e-3, log=True)
    draw.float("dropout", 0.0, 0.5)
    if draw.int("warmup_epochs", 0, 12) > 0:
        draw.float("warmup_start", 0.05, 0.8)
    draw.float("box_weight", 2.5, 12.0)
    draw.float("cls_weight", 0.2, 2.0)
    draw.float("focal_gamma", 1.0, 3.0)
    draw.float("iou_start", 0.15, 0.35)
    draw.float("iou_end", 0.35, 0.55)
    draw.int("iou_ramp_epochs", 5, 40)
    draw.choice("batch", [4, 8])
    draw.choice("accumulation", [1, 2, 4])
    draw.choice("clamp", [True, False])
    if pretrained:
        draw.choice("freeze_epochs", FROZEN)
    draw.float("flip", 0.0, 0.5)
    draw.float("hsv", 0.0, 1.0)
    draw.float("mosaic", 0.0, 1.0)
