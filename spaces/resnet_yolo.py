"""What may be searched for resnet_yolo.

The ranges go a step beyond what the ResNet-18 and YOLOv8 fixes report (document 002) tried by hand, on either side.
"""

from __future__ import annotations

from spaces.space import Draw


def space(draw: Draw) -> None:
    """Draw one resnet_yolo training; every name is a field of `ResnetYoloSettings`."""
    draw.float("lr", 1e-4, 5e-3, log=True)
    draw.float("weight_decay", 1e-5, 1e-3, log=True)
    draw.float("dropout", 0.0, 0.5)
    if draw.int("warmup_epochs", 0, 10) > 0:
        draw.float("warmup_start", 0.1, 0.6)
    draw.float("box_weight", 2.5, 12.0)
    draw.float("cls_weight", 0.2, 2.0)
    draw.float("focal_gamma", 1.0, 3.0)
    draw.float("iou_start", 0.15, 0.35)
    draw.float("iou_end", 0.4, 0.55)
    draw.int("iou_ramp_epochs", 5, 40)
    draw.choice("accumulation", [1, 2, 4])
    draw.choice("clamp", [True, False])
    draw.int("freeze_epochs", 0, 3)
    draw.float("flip", 0.0, 0.5)
    draw.float("hsv", 0.0, 1.0)
    draw.float("mosaic", 0.0, 1.0)
