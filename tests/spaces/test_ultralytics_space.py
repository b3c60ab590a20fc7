"""The space of the recipe ultralytics: that of `model.tune`, cut to the task, and what the user's ranges add."""

from __future__ import annotations

import pytest

from spaces import registry
from spaces.space import ranges
from spaces.value_range import Range
from trainables.errors import SettingsError
from trainables.ultralytics.recipe import Ultralytics

ALL = {"optimizer", "lr0", "lrf", "momentum", "weight_decay", "warmup_epochs", "warmup_momentum"}
ONLY = {"segment": {"copy_paste"}, "pose": {"pose", "kobj", "rle"}, "obb": {"angle", "copy_paste"}, "detect": set()}


def searched(**choices: object) -> dict[str, Range]:
    return ranges(registry.find(Ultralytics(), "tiny", choices), choices)


@pytest.mark.parametrize(("ending", "task"), [("", "detect"), ("-seg", "segment"), ("-pose", "pose"), ("-obb", "obb")])
def test_each_task_is_searched_in_what_it_reads(ending: str, task: str) -> None:
    drawn = searched(model=f"yolo26n{ending}.pt")
    assert drawn.keys() >= ALL | {"box", "cls", "dfl", "mosaic", "close_mosaic"} | ONLY[task]
    others = set().union(*ONLY.values()) - ONLY[task]
    assert not drawn.keys() & others


def test_classification_has_neither_boxes_nor_mosaic() -> None:
    drawn = searched(model="yolo26n-cls.pt")
    assert drawn.keys() >= ALL | {"erasing", "auto_augment", "dropout", "hsv_h", "fliplr"}
    assert not drawn.keys() & {"box", "dfl", "mosaic", "degrees", "copy_paste"}


def test_the_warm_up_of_the_momentum_is_for_optimizers_that_have_one() -> None:
    assert searched()["warmup_momentum"].when == "optimizer is SGD or MuSGD"
    assert "warmup_momentum" not in searched(optimizer="AdamW")


def test_learning_rates_go_with_the_optimizer() -> None:
    assert str(searched(optimizer="AdamW")["lr0"]) == "5e-05 … 0.01 (log)"
    assert str(searched(optimizer="SGD")["lr0"]) == str(searched(optimizer="MuSGD")["lr0"]) == "0.001 … 0.1 (log)"
    assert searched()["lr0"].varies


def test_auto_leaves_rate_and_momentum_alone() -> None:
    assert not searched(optimizer="auto").keys() & {"lr0", "momentum", "warmup_momentum"}


def test_any_other_setting_is_searched_if_it_is_given_a_range() -> None:
    drawn = searched(model=["yolo26n.pt", "yolo26s.pt"], imgsz=[320, 640], nbs={"low": 16, "high": 64})
    assert drawn["model"].choices == ("yolo26n.pt", "yolo26s.pt")
    assert drawn["imgsz"].choices == (320, 640)
    assert (drawn["nbs"].kind, drawn["nbs"].low, drawn["nbs"].high) == ("int", 16, 64)


def test_what_all_trials_share_is_not_searched() -> None:
    drawn = searched(epochs=[10, 20], seed={"low": 0, "high": 9}, unknown=[1])
    assert not drawn.keys() & {"epochs", "seed", "unknown"}


def test_a_range_that_adds_a_setting_must_be_whole() -> None:
    with pytest.raises(SettingsError, match=r"set.nbs is {'low': 16}; nbs has no range of its own, so low and high"):
        searched(nbs={"low": 16})


def test_a_range_of_the_users_replaces_the_bounds() -> None:
    assert str(searched(lr0={"low": 1e-4, "high": 1e-3})["lr0"]) == "0.0001 … 0.001 (log)"
