"""What may be searched for slowfast: around what the thermal SlowFast report (document 004) tried by hand, and what it
proposes for rare classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from spaces.space import Draw, Space


def space_for(settings: Mapping[str, Any]) -> Space:
    """The space of a sweep with these settings: random weights are not frozen."""
    return partial(space, pretrained=False) if settings.get("weights") == "none" else space


def space(draw: Draw, pretrained: bool = True) -> None:
    """Draw one slowfast training; every name is a field of `SlowfastSettings`."""
    draw.float("lr", 1e-4, 1e-2, log=True)
    draw.float("backbone_lr_ratio", 0.01, 1.0, log=True)
    draw.int("warmup_epochs", 0, 15)
    draw.float("dropout", 0.2, 0.9)
    draw.float("weight_decay", 1e-5, 1e-1, log=True)
    draw.float("crop_scale_min", 0.5, 1.0)
    draw.float("flip", 0.0, 0.5)
    draw.float("jitter", 0.0, 0.5)
    draw.float("erasing", 0.0, 0.5)
    draw.choice("sampling", ["plain", "balanced"])
    if draw.choice("loss", ["ce", "weighted", "focal"]) == "focal":
        draw.float("focal_gamma", 0.5, 5.0)
    draw.float("label_smoothing", 0.0, 0.2)
    if pretrained:
        draw.int("freeze", 0, 4)
    draw.choice("batch", [4, 8, 16])
