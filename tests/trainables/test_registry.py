"""Recipes are found by name, by entry point and by place; anything else is one sentence."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from trainables import registry
from trainables.errors import SettingsError
from trainables.resnet_yolo.recipe import ResnetYolo


def test_a_built_in_recipe_is_found_by_its_name() -> None:
    assert isinstance(registry.find("resnet_yolo"), ResnetYolo)
    assert "resnet_yolo" in registry.names()


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_a_recipe_knows_its_own_name(name: str) -> None:
    recipe = registry.find(name)
    assert recipe.name == name
    assert recipe.baseline in recipe.trainings
    assert {"paper", "tiny"} <= recipe.presets.keys()


def test_any_class_is_found_by_its_place() -> None:
    assert isinstance(registry.find("trainables.resnet_yolo.recipe:ResnetYolo"), ResnetYolo)


def test_a_registered_recipe_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("mine", "trainables.resnet_yolo.recipe:ResnetYolo", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry] if group == registry.GROUP else [])
    assert isinstance(registry.find("mine"), ResnetYolo)
    assert "mine" in registry.names()


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("resnet_yolos", "did you mean 'resnet_yolo'"),
        ("no.such.module:Recipe", "no.such.module cannot be imported"),
        ("trainables.resnet_yolo.recipe:ResnetYol", "did you mean 'ResnetYolo'"),
        ("trainables.errors:nearest", "must be a subclass of trainables.recipe.Recipe"),
        ("trainables.errors:DataError", "must be a subclass of trainables.recipe.Recipe"),
        ("trainables.recipe:Recipe", "lacks export, open, sample, train"),
    ],
)
def test_what_is_no_recipe_is_refused(name: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        registry.find(name)


def test_a_module_that_breaks_on_import_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_recipe_module.py").write_text("1 / 0\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(SettingsError, match="broken_recipe_module cannot be imported"):
        registry.find("broken_recipe_module:Recipe")


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"mode": "maximize"}, r"mode is 'maximize'; it must be 'max' or 'min'"),
        ({"metric": None, "baseline": None}, r"lacks metric, baseline; give the class these attributes"),
        ({"settings_type": None}, r"lacks settings_type; give the class these attributes"),
    ],
)
def test_a_recipe_that_is_not_whole_is_refused(
    changed: dict[str, Any], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mode that is not "max" was taken for "min", and so the worst trial for the winner."""
    module = ModuleType("half_a_recipe")
    module.__dict__["Half"] = type("Half", (ResnetYolo,), changed)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(SettingsError, match=rf"recipe 'half_a_recipe:Half': half_a_recipe:Half:? ?{complaint}"):
        registry.find("half_a_recipe:Half")


def test_a_file_of_presets_without_any_is_named(tmp_path: Path) -> None:
    file = tmp_path / "presets.yaml"
    file.write_text("tiny: {epochs: 1}\n")
    recipe = type("Mine", (ResnetYolo,), {"presets_file": file})()
    with pytest.raises(SettingsError, match=r"presets\.yaml: presets is missing; it must map names of presets"):
        recipe.settings("tiny", {})
