"""Recipes are found by name, by entry point and by place; anything else is one sentence."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

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
