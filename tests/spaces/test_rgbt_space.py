"""The space of rgbt: whatever it draws is a valid training."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from spaces import registry
from spaces.rgbt import space
from spaces.space import drawn, ranges
from trainables.rgbt.recipe import Rgbt
from trainables.rgbt.settings import RgbtSettings

RECIPE = Rgbt()


class Random:
    """A trial that answers by chance, the ends of the ranges often among its answers."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return self._random.choice([low, high, self._random.uniform(low, high)])

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return self._random.randint(low, high)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._random.choice(choices)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_drawn_is_a_valid_training_of_every_preset(seed: int) -> None:
    values = drawn(space, Random(seed), {})
    for preset in RECIPE.presets:
        assert RECIPE.settings(preset, values, "v1.0").model_dump().items() >= values.items()
    assert ("momentum" in values) == (values["optimizer"] == "SGD") != ("beta1" in values)
    assert ("unfreeze_epoch" in values) == (values["freeze"] > 0)


def test_the_budget_is_never_searched_nor_is_auto() -> None:
    listed = ranges(space)
    assert not {"epochs", "seed", "device", "image_size", "modality"} & listed.keys()
    assert listed.keys() <= RgbtSettings.model_fields.keys()
    assert listed["optimizer"].choices == ("AdamW", "SGD")
    assert listed["momentum"].when == "optimizer is SGD"


@pytest.mark.parametrize("training", ["v1.0", "v1.1", "v1.2"])
def test_the_named_trainings_lie_inside(training: str) -> None:
    for name, value in RECIPE.trainings[training].items():
        assert name == "modality" or value in ranges(space)[name], name


@pytest.mark.parametrize(("optimizer", "usual"), [("SGD", 1e-2), ("AdamW", 2e-3), ("AdamW", 4e-3)])
def test_each_optimizer_has_its_range_and_its_usual_rates_lie_inside(optimizer: str, usual: float) -> None:
    """Ultralytics' default of SGD, what its `auto` gives AdamW, and what learns best in the tiny preset."""
    of_one, of_all = ranges(space, {"optimizer": optimizer})["lr0"], ranges(space)["lr0"]
    assert of_one.low * 10 < usual < of_one.high / 2
    assert of_all.varies
    assert not of_one.varies
    assert of_all.low <= of_one.low < of_one.high <= of_all.high


def test_a_range_that_the_user_gives_is_of_both_optimizers() -> None:
    listed = ranges(space, {"lr0": {"low": 1e-4, "high": 1e-2}})["lr0"]
    assert (listed.low, listed.high, listed.varies) == (1e-4, 1e-2, False)


def test_it_is_found_for_its_recipe() -> None:
    assert registry.find(RECIPE) is space
