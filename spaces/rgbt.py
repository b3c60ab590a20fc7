"""What may be searched for rgbt: ranges around Ultralytics' defaults.

The RGB and thermal YOLO26x report (document 000) gives no numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from spaces.space import Draw, Space

UNFREEZE = [0, 2, 5, 10, 30]
"""Epochs after which the backbone is trained too; 0: never, which document 000 weighs for its 536 images."""


RATES = {"AdamW": (1e-5, 1e-2), "SGD": (1e-4, 1e-1)}
"""Range of lr0 by optimizer. Ultralytics starts SGD at 1e-2 and, by `auto`, AdamW at 2e-3 for a single class, less for
more. So SGD has ten times the rates of AdamW, and both defaults lie inside."""


DISTILL_WEIGHTS = [0.0, 1.5, 3.0, 6.0, 12.0]
"""Weights of a teacher's features: Ultralytics' default of 6, its half, quarter and double, and none."""


FUSIONS = ["concat", "gated"]
"""Of the four; `set: {fusion: [...]}` draws the others too. Two streams were 7 points ahead of concat on the sample
pairs (tests/bench/documents/document_000_v2.md), but from random weights, with a third more time and half as many
parameters again. And their weights fit no other fusion: a later stage could not start its baseline, v1.0, from them."""


def space_for(settings: Mapping[str, Any]) -> Space:
    """The space of a sweep with these settings: random weights are not frozen, and only a teacher has a weight."""
    conditions = {"pretrained": settings.get("weights") != "none", "taught": settings.get("teacher", "none") != "none"}
    return space if conditions == {"pretrained": True, "taught": False} else partial(space, **conditions)


def space(draw: Draw, pretrained: bool = True, taught: bool = False) -> None:
    """Draw one rgbt training; every name is a field of `RgbtSettings`."""
    optimizer = draw.choice("optimizer", ["AdamW", "SGD"])
    draw.float("lr0", *RATES[optimizer], log=True)
    draw.float("lrf", 0.01, 1.0, log=True)
    draw.int("warmup_epochs", 0, 5)
    if optimizer == "SGD":
        draw.float("momentum", 0.6, 0.98)
    else:
        draw.float("beta1", 0.6, 0.98)
    draw.float("weight_decay", 1e-5, 1e-2, log=True)
    draw.float("mosaic", 0.0, 1.0)
    draw.float("mixup", 0.0, 0.3)
    draw.float("cutmix", 0.0, 0.3)
    draw.float("hsv", 0.0, 0.9)
    draw.float("fliplr", 0.0, 0.5)
    draw.int("close_mosaic", 0, 15)
    if pretrained and draw.choice("freeze", [0, 5, 11]):
        draw.choice("unfreeze_epoch", UNFREEZE)
    draw.choice("thermal_init", ["zero", "mean"])
    draw.choice("fusion", FUSIONS)
    draw.float("modality_dropout", 0.0, 0.5)
    draw.float("box", 2.0, 12.0)
    draw.float("cls", 0.2, 2.0)
    draw.float("l1", 0.2, 6.0)
    draw.float("multi_scale", 0.0, 0.5)
    draw.choice("thermal_clahe", [False, True])
    if taught:
        draw.choice("distill_weight", DISTILL_WEIGHTS)
