"""The space of yolox: whatever it draws is a valid training, and the document's trainings lie inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces import registry
from spaces.space import drawn, ranges
from spaces.yolox import space
from trainables.yolox.recipe import Yolox
from trainables.yolox.settings import YoloxSettings

RECIPE = Yolox()


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
        assert RECIPE.settings(preset, values, "stable-v3").model_dump().items() >= values.items()


def test_only_settings_are_searched_and_never_the_budget_or_the_score() -> None:
    assert ranges(space).keys() <= YoloxSettings.model_fields.keys()
    assert not {"epochs", "seed", "device", "score_threshold", "nms_threshold", "lr_scale"} & ranges(space).keys()


@pytest.mark.parametrize("training", ["clean-v2", "smooth", "stable-v3"])
def test_the_documents_trainings_lie_inside(training: str) -> None:
    for name, value in RECIPE.trainings[training].items():
        if name != "epochs":
            assert value in ranges(space)[name], name


def test_it_is_found_for_its_recipe() -> None:
    assert registry.find(RECIPE) is space
