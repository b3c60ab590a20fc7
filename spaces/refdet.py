"""What may be searched for refdet: the recommendations of the RefDet few-shot guide (document 003).

The ranges go a step beyond them. Settings that make an epoch longer (classes and frames of an episode, episodes of an
epoch) are drawn only if the user gives them a range: budgets and rungs count epochs, so longer epochs would win just by
training more.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from spaces.space import Draw, Space

NOT_THE_ENCODER = ("none", "yolov8n")
"""Values of `weights` that hold no weights for the reference encoder."""


def space_for(settings: Mapping[str, Any]) -> Space:
    """The space of a sweep with these settings: random weights are not frozen."""
    backbone = settings.get("weights") != "none"
    encoder = settings.get("reference_weights") != "none" or settings.get("weights") not in NOT_THE_ENCODER
    return space if backbone and encoder else partial(space, backbone=backbone, encoder=encoder)


def space(draw: Draw, backbone: bool = True, encoder: bool = True) -> None:
    """Draw one refdet training; every name is a field of `RefdetSettings`.

    Args:
        draw: of one trial.
        backbone: whether it starts from weights that were trained before, and so may be frozen.
        encoder: the same for the reference encoder.
    """
    draw.float("lr", 1e-5, 3e-3, log=True)
    draw.float("weight_decay", 0.005, 0.3, log=True)
    draw.int("warmup_epochs", 0, 5)
    if draw.asked("n_way"):
        draw.int("n_way", 2, 5)
    if draw.asked("n_query"):
        draw.int("n_query", 2, 10)
    if draw.asked("n_episodes"):
        draw.choice("n_episodes", [10, 20, 50, 100, 200])
    if draw.asked("curriculum"):
        draw.choice("curriculum", [False, True])
    draw.choice("gradient_accumulation", [1, 2, 4])
    draw.float("bbox_weight", 2.5, 12.0)
    draw.float("cls_weight", 0.2, 2.0)
    draw.float("dfl_weight", 0.5, 3.0)
    stage = draw.choice("stage", [2, 1, 3])
    if stage > 1:
        draw.float("supcon_weight", 0.1, 2.0)
        draw.float("cpe_weight", 0.1, 1.0)
        draw.choice("contrastive_decay", [False, True])
        batches = draw.choice("use_triplet", [False, True])
        if batches:
            draw.float("triplet_ratio", 0.1, 0.5)
        if batches or stage == 3:
            draw.float("triplet_weight", 0.05, 1.0)
            draw.choice("negative_strategy", ["mixed", "background", "cross_class"])
    if not (encoder and draw.choice("freeze_dinov2", [True, False])):
        draw.float("dinov2_factor", 0.01, 1.0, log=True)
    if not (backbone and draw.choice("freeze_backbone", [False, True])):
        draw.float("backbone_factor", 0.1, 2.0, log=True)
    draw.float("fusion_factor", 0.5, 5.0, log=True)
    draw.float("head_factor", 0.5, 5.0, log=True)
    draw.float("fliplr", 0.0, 0.5)
    draw.float("turn", 0.0, 1.0)
    draw.float("hsv", 0.0, 1.0)
