"""No recipe has a setting that is left out of the test of its effect, of the export, or of the search.

The trainings that prove each effect take minutes and are marked e2e. That none is missing is seen without training.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import spaces.registry
from spaces.space import ranges
from trainables import registry
from trainables.settings import Settings, earlier_values, parse

HERE = Path(__file__).parent

ON_A_GPU = {"channels_last", "tf32", "cudnn_benchmark"}
"""Settings that change the speed, and on a CPU not a number."""

NO_EFFECT = {
    "refdet": {"device", "num_workers", "weights", "reference_weights", "reference_model", *ON_A_GPU},
    "resnet_yolo": {"device", "workers", "weights", *ON_A_GPU},
    "rgbt": {"device", "workers", "weights", "teacher", "distill_weight", *ON_A_GPU},
    "slowfast": {"device", "workers", "weights", *ON_A_GPU},
    "yolox": {"device", "workers", "weights", "multiscale", *ON_A_GPU},
}
"""Not in the table `CHANGES` of the recipe's training test: where it runs, and what has a test of its own."""

PASSED_ON = {"ultralytics"}
"""Recipes that pass all of their settings on to a trainer of others, which has them under the same names."""

NOT_NATIVE = {
    "refdet": {
        *("backbone_factor", "dinov2_factor", "fusion_factor", "head_factor", "freeze_backbone", "freeze_dinov2"),
        *("embedding", "width", "norm_momentum", "n_reference", "image_size", "contrastive_decay", "curriculum"),
        *("fliplr", "hsv", "turn", "warmup_epochs", "seed", "device", "weights", "reference_scale", *ON_A_GPU),
    },
    "resnet_yolo": {"neck_channels", "norm_momentum", "device", "workers", "weights", *ON_A_GPU},
    "rgbt": {"batch_parts", *ON_A_GPU},
    "slowfast": {"device", "batch_parts", *ON_A_GPU},
    "yolox": {"device", "batch_parts", *ON_A_GPU},
}
"""What the recipe's native files do not hold: its own training code has no such setting. `settings.yaml` has it."""

BRANCHES: dict[str, dict[str, Any]] = {
    "rgbt": {"teacher": "yolo26x", "distill_weight": 6.0},
    "slowfast": {"loss": "focal"},
}
"""Settings under which an export has more in it."""


def tried(recipe: str) -> set[str]:
    """The keys of the table `CHANGES` in the recipe's training test, which is read, not imported: it needs torch."""
    source = (HERE / recipe / f"test_{recipe}_training.py").read_text(encoding="utf-8")
    tables = (node for node in ast.parse(source).body if isinstance(node, ast.AnnAssign))
    table = next(node.value for node in tables if isinstance(node.target, ast.Name) and node.target.id == "CHANGES")
    assert isinstance(table, ast.Dict)
    return set(_keys(table))


def _keys(table: ast.Dict) -> list[str]:
    keys: list[str] = []
    for key, value in zip(table.keys, table.values, strict=True):
        if key is None:  # **{…}
            assert isinstance(value, ast.Dict)
            keys += _keys(value)
        else:
            keys.append(ast.literal_eval(key))
    return keys


def exported(recipe: str) -> set[str]:
    """The settings that the recipe's export reads, for any of its presets and named trainings."""
    chosen, read = registry.find(recipe), set[str]()
    model: type[Settings] = chosen.settings_type

    class Recording(model):  # type: ignore[misc, valid-type]
        def __getattribute__(self, name: str) -> Any:
            if name in type(self).__pydantic_fields__:
                read.add(name)
            return super().__getattribute__(name)

    export = import_module(f"trainables.{recipe}.export")
    for preset in chosen.presets:
        for training in [None, *chosen.trainings]:
            for branch in ({}, BRANCHES.get(recipe, {})):
                export.files(Recording.model_validate(chosen.settings(preset, branch, training).model_dump()))
    return read


def test_no_recipe_is_left_out() -> None:
    assert NO_EFFECT.keys() == NOT_NATIVE.keys() == registry.BUILT_IN.keys() - PASSED_ON


@pytest.mark.parametrize("recipe", NO_EFFECT)
def test_each_setting_has_a_change_that_its_training_must_notice(recipe: str) -> None:
    model = registry.find(recipe).settings_type
    assert tried(recipe) | NO_EFFECT[recipe] == set(model.model_fields)
    assert not tried(recipe) & NO_EFFECT[recipe]


@pytest.mark.parametrize("recipe", NO_EFFECT)
def test_each_setting_is_exported_or_has_no_native_name(recipe: str) -> None:
    model = registry.find(recipe).settings_type
    assert exported(recipe) | NOT_NATIVE[recipe] == set(model.model_fields)
    assert not exported(recipe) & NOT_NATIVE[recipe]


@pytest.mark.parametrize("recipe", NO_EFFECT)
def test_each_name_of_the_space_is_a_setting_that_is_tried(recipe: str) -> None:
    space = spaces.registry.find(registry.find(recipe))
    assert ranges(space).keys() <= tried(recipe) | {"multiscale"}


@pytest.mark.parametrize("recipe", registry.BUILT_IN)
def test_what_older_trainings_had_in_effect_is_a_value_of_its_field(recipe: str) -> None:
    chosen = registry.find(recipe)
    for name, value in earlier_values(chosen.settings_type).items():
        parse(chosen.settings_type, {**next(iter(chosen.presets.values())), name: value}, f"Earlier of {name}")
