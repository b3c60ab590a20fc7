"""A setting that a recipe's space leaves out is searched if the user gives it a range."""

from __future__ import annotations

from typing import Any

import pytest

from spaces import registry as spaces
from spaces.added import NEVER
from spaces.space import ranges
from trainables import registry as recipes
from trainables.errors import SettingsError


def searched(recipe: str, **choices: Any) -> dict[str, str]:
    space = spaces.find(recipes.find(recipe), "paper", choices)
    return {name: str(span) for name, span in ranges(space, choices).items()}


@pytest.mark.parametrize("recipe", ["resnet_yolo", "yolox", "rgbt", "refdet", "slowfast"])
def test_a_list_adds_choices_and_a_mapping_a_range(recipe: str) -> None:
    before = searched(recipe)
    fields = recipes.find(recipe).settings_type.model_fields
    numbers = [name for name, field in fields.items() if field.annotation is int and name not in (*before, *NEVER)]
    number = numbers[0]
    after = searched(recipe, **{number: [8, 16]})
    assert after == before | {number: "8 | 16"}
    assert searched(recipe, **{number: {"low": 8, "high": 32, "log": True}})[number] == "8 … 32 (log)"


def test_two_settings_are_added_at_once() -> None:
    after = searched("resnet_yolo", batch=[8, 16], image_size=[64, 96])
    assert (after["batch"], after["image_size"]) == ("8 | 16", "64 | 96")


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"image_size": {"low": 8}}, "image_size has no range of its own, so low and high must be whole numbers"),
        ({"image_size": {"low": 64.5, "high": 128}}, "so low and high must be whole numbers"),
        ({"image_size": {"low": 64, "high": 128.9, "log": True}}, "so low and high must be whole numbers"),
        ({"image_size": {"low": "a", "high": "b"}}, "image_size has no range of its own"),
        ({"image_size": [8, 8]}, "set.image_size is [8, 8]; give each value once"),
        ({"image_size": []}, "set.image_size is an empty list"),
    ],
)
def test_a_range_that_is_none_is_refused(choices: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as error:
        searched("resnet_yolo", **choices)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("recipe", "choices", "words"),
    [
        ("rgbt", {"optimizer": ["adamw", "SGD"]}, "rgbt: setting 'optimizer' is 'adamw'; it must be 'SGD' or 'AdamW'"),
        ("rgbt", {"optimizer": {"choices": [["SGD"]]}}, "rgbt: setting 'optimizer' is ['SGD']; it must be"),
        ("refdet", {"stage": [2, "all"]}, "refdet: setting 'stage' is 'all'; it must be"),
        ("yolox", {"input_size": {"choices": [[64, 65]]}}, "it must be a multiple of 32"),
    ],
)
def test_a_choice_that_a_setting_cannot_be_is_named_before_the_space_looks_at_it(
    recipe: str, choices: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError) as error:
        searched(recipe, **choices)
    assert words in str(error.value)


@pytest.mark.parametrize("name", ["epochs", "seed"])
def test_what_all_trials_share_is_never_added(name: str) -> None:
    assert name not in searched("resnet_yolo", **{name: [1, 2]})


def test_choices_may_be_spelt_out() -> None:
    assert searched("resnet_yolo", lr={"choices": [1e-3, 1e-2]})["lr"] == "0.001 | 0.01"
    assert searched("resnet_yolo", batch={"choices": [8, 16]})["batch"] == "8 | 16"
