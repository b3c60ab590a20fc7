"""The space of resnet_yolo: whatever it draws is a valid training, and the user's own choices hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces import registry
from spaces.resnet_yolo import space
from spaces.space import drawn, ranges
from trainables.errors import SettingsError
from trainables.resnet_yolo.recipe import ResnetYolo
from trainables.resnet_yolo.settings import ResnetYoloSettings

RECIPE = ResnetYolo()


class Hypothesis:
    """A trial whose every answer hypothesis chooses, the ends of the ranges among them."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return self._data.draw(st.floats(low, high), label=name)

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return self._data.draw(st.integers(low, high), label=name)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._data.draw(st.sampled_from(choices), label=name)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_drawn_is_a_valid_training_of_every_preset(data: st.DataObject) -> None:
    values = drawn(space, Hypothesis(data), {})
    for preset in RECIPE.presets:
        assert RECIPE.settings(preset, values, "fixed").model_dump().items() >= values.items()
    assert ("warmup_start" in values) == (values["warmup_epochs"] > 0)


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_what_the_user_pins_or_narrows_holds(data: st.DataObject) -> None:
    choices = {"lr": {"low": 5e-4, "high": 1e-3}, "accumulation": [1, 2], "clamp": True, "warmup_epochs": 0}
    values = drawn(space, Hypothesis(data), choices)
    assert 5e-4 <= values["lr"] <= 1e-3
    assert values["accumulation"] in (1, 2)
    assert values["clamp"] is True
    assert "warmup_start" not in values


def test_the_score_threshold_and_the_budget_are_never_searched() -> None:
    assert not {"score_threshold", "epochs", "seed", "device", "image_size"} & ranges(space).keys()
    assert ranges(space).keys() <= ResnetYoloSettings.model_fields.keys()


def test_the_ranges_are_listed_with_their_conditions() -> None:
    listed = ranges(space)
    assert str(listed["lr"]) == "0.0001 … 0.005 (log)"
    assert str(listed["accumulation"]) == "1 | 2 | 4"
    assert listed["warmup_start"].when == "warmup_epochs > 0"
    assert listed["lr"].when == ""


@pytest.mark.parametrize("training", ["broken", "fixed"])
def test_both_of_the_documents_trainings_lie_inside(training: str) -> None:
    for name, value in RECIPE.trainings[training].items():
        span = ranges(space)[name]
        assert value in span.choices or span.low <= value <= span.high, name


def test_low_above_high_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"set\.lr: low 0\.01 is above high 0\.001"):
        ranges(space, {"lr": {"low": 1e-2, "high": 1e-3}})


def test_it_is_found_for_its_recipe() -> None:
    assert registry.find(RECIPE) is space


def test_a_recipe_may_bring_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(ResnetYolo):
        name = "own"

        @staticmethod
        def space(draw: object) -> None:
            """Draw nothing."""

    assert registry.find(Own()) is Own.space


def test_a_recipe_without_one_says_how_to_give_it_one() -> None:
    class Without(ResnetYolo):
        name = "without"

    with pytest.raises(SettingsError, match=r"'without'.*steadytune\.spaces"):
        registry.find(Without())
