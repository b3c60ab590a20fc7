"""What is frozen: nothing random, and for as long as a document would."""

from __future__ import annotations

import pytest

from spaces import registry
from spaces.space import ranges
from trainables import registry as recipes

RANDOM = {"resnet_yolo": "freeze_epochs", "rgbt": "freeze", "slowfast": "freeze", "yolox": "freeze"}
"""The setting that freezes, by recipe."""


@pytest.mark.parametrize(("name", "setting"), RANDOM.items())
def test_random_weights_are_not_frozen_unless_asked_for(name: str, setting: str) -> None:
    recipe = recipes.find(name)
    searched = [ranges(registry.find(recipe, "paper", choices), choices) for choices in ({}, {"weights": "none"})]
    assert [setting in names for names in searched] == [True, False]
    choices = {"weights": "none", setting: [1, 2] if name != "yolox" else ["backbone", "none"]}
    assert setting in ranges(registry.find(recipe, "paper", choices), choices)


@pytest.mark.parametrize("name", ["resnet_yolo", "rgbt", "slowfast"])
def test_the_tiny_presets_start_at_random(name: str) -> None:
    assert RANDOM[name] not in ranges(registry.find(recipes.find(name), "tiny"))


@pytest.mark.parametrize(
    ("choices", "frozen"),
    [
        ({}, {"freeze_dinov2", "freeze_backbone"}),
        ({"weights": "none"}, {"freeze_dinov2"}),
        ({"reference_weights": "none"}, {"freeze_backbone"}),
        (
            {"reference_weights": "none", "weights": "stage2/checkpoints/epoch-0100"},
            {"freeze_dinov2", "freeze_backbone"},
        ),
        ({"weights": "none", "reference_weights": "none"}, set()),
    ],
)
def test_refdets_encoder_and_backbone_are_frozen_where_they_were_trained(
    choices: dict[str, str], frozen: set[str]
) -> None:
    searched = ranges(registry.find(recipes.find("refdet"), "paper", choices), choices)
    assert {name for name in searched if name.startswith("freeze_")} == frozen
    assert {"dinov2_factor", "backbone_factor"} <= searched.keys()


def test_a_backbone_may_be_frozen_for_the_whole_training() -> None:
    searched = {name: ranges(registry.find(recipes.find(name))) for name in ("rgbt", "resnet_yolo")}
    assert 0 in searched["rgbt"]["unfreeze_epoch"].choices, "0: never"
    assert max(map(int, searched["resnet_yolo"]["freeze_epochs"].choices)) >= 10_000


TRIED: dict[str, dict[str, tuple[float, ...]]] = {
    "resnet_yolo": {
        **{"lr": (5e-4, 1e-3, 2e-3), "weight_decay": (5e-4, 1e-3), "dropout": (0.3, 0.4), "warmup_epochs": (10,)},
        **{"warmup_start": (0.1, 0.55), "box_weight": (5.0, 7.5, 10.0), "cls_weight": (0.5, 1.0)},
        **{"focal_gamma": (2.0, 2.5), "iou_start": (0.2, 0.25), "iou_end": (0.4, 0.45), "iou_ramp_epochs": (20, 30)},
    },
    "yolox": {
        "lr": (3e-4,),
        "warmup_epochs": (3,),
        "no_aug_epochs": (8,),
        "mosaic_prob": (0.2,),
        "mixup_prob": (0.15,),
    },
    "slowfast": {"lr": (0.00125, 0.005), "warmup_epochs": (10,), "dropout": (0.8,)},
    "refdet": {"lr": (5e-5, 1e-4, 5e-4, 1e-3), "weight_decay": (0.05, 0.1), "bbox_weight": (7.5, 10.0)},
    "rgbt": {"lr0": (1e-2,)},
}
"""Good and bad values of the documents. (Shares that are 1 there lie at an end, which is theirs.)"""


@pytest.mark.parametrize("name", sorted(TRIED))
def test_what_the_documents_tried_lies_strictly_inside(name: str) -> None:
    searched = ranges(registry.find(recipes.find(name)))
    for setting, values in TRIED[name].items():
        for value in values:
            assert searched[setting].low < value < searched[setting].high, setting


def test_document_002s_batches_are_drawn() -> None:
    assert {4, 8} <= set(ranges(registry.find(recipes.find("resnet_yolo")))["batch"].choices)
