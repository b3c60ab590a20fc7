"""slowfast's presets, named trainings, settings, space and export."""

from __future__ import annotations

import runpy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from spaces import registry
from spaces.slowfast import space
from spaces.space import drawn, ranges
from trainables.errors import SettingsError
from trainables.settings import read_yaml
from trainables.slowfast.recipe import Slowfast

RECIPE = Slowfast()


@pytest.mark.parametrize("preset", ["paper", "tiny"])
@pytest.mark.parametrize("training", [None, "thermal", "balanced", "weighted"])
def test_every_preset_takes_every_training(preset: str, training: str | None) -> None:
    settings = RECIPE.settings(preset, {}, training)
    assert set(RECIPE.presets[preset]) == set(type(settings).model_fields), "a preset gives every value"


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ({"drop": 0.5}, "unknown setting 'drop'; did you mean 'dropout'?"),
        ({"lr": 0}, "setting 'lr' is 0; it must be greater than 0"),
        ({"loss": "hinge"}, "setting 'loss' is 'hinge'"),
        ({"depth": 34}, "setting 'depth' is 34"),
        ({"frames": 15}, "frames 15 is no multiple of alpha 4; make it one"),
        ({"dropout": 1.0}, "setting 'dropout' is 1.0; it must be less than 1"),
    ],
)
def test_a_wrong_setting_is_one_sentence(overrides: Mapping[str, Any], complaint: str) -> None:
    with pytest.raises(SettingsError) as raised:
        RECIPE.settings("tiny", overrides)
    assert str(raised.value).startswith("slowfast: ")
    assert complaint in str(raised.value)


def test_the_export_loads_as_python_with_the_documents_values(tmp_path: Path) -> None:
    settings = RECIPE.settings("paper", {})
    module, native = RECIPE.export(settings, tmp_path)
    values = runpy.run_path(str(module))
    backbone, head = values["model"]["backbone"], values["model"]["cls_head"]
    assert backbone["type"] == "ResNet3dSlowFast"
    assert (backbone["slow_pathway"]["base_channels"], backbone["fast_pathway"]["base_channels"]) == (64, 8)
    assert (head["dropout_ratio"], head["in_channels"]) == (0.8, 2304)
    assert values["train_dataloader"]["batch_size"] == 4
    assert values["optim_wrapper"]["optimizer"]["lr"] == 0.00125
    assert values["optim_wrapper"]["paramwise_cfg"]["custom_keys"]["backbone"]["lr_mult"] == 0.1
    steps = {step["type"]: step for step in values["train_pipeline"]}
    assert steps["RandomResizedCrop"]["area_range"] == (0.7, 1.0)
    assert steps["RandomErasing"]["erase_prob"] == 0.25
    assert (steps["ColorJitter"]["brightness"], steps["ColorJitter"]["contrast"]) == (0.3, 0.3)
    assert steps["Resize"]["scale"] == (384, 256)
    assert values["param_scheduler"][0]["end"] == 10
    assert RECIPE.settings("tiny", read_yaml(native)) == settings


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
@examples(max_examples=60, deadline=None)
def test_whatever_is_drawn_is_a_valid_training_of_every_preset(data: st.DataObject) -> None:
    values = drawn(space, Hypothesis(data), {})
    for preset in RECIPE.presets:
        assert RECIPE.settings(preset, values, "thermal").model_dump().items() >= values.items()
    assert ("focal_gamma" in values) == (values["loss"] == "focal")


def test_it_is_found_for_its_recipe() -> None:
    assert ranges(space)["focal_gamma"].when == "loss is focal"
    assert registry.find(RECIPE) is space
