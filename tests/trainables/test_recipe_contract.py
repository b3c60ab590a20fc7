"""What a recipe is: with its types named or not, and as a package of modules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from trainables import registry
from trainables.errors import CheckpointError, SteadytuneError
from trainables.loop_recipe import PackageRecipe
from trainables.recipe import Epoch, Recipe
from trainables.refdet.recipe import Refdet
from trainables.settings import Settings, parse, read_yaml, to_yaml


class OldSettings(Settings):
    """Those of `Old`."""

    epochs: int = 1
    rate: float = 1e-3


class Old(Recipe):  # type: ignore[type-arg]
    """Written before `Recipe` had type parameters."""

    name: ClassVar[str] = "old"
    summary: ClassVar[str] = "an older recipe"
    metric: ClassVar[str] = "score"
    settings_type: ClassVar[type[Settings]] = OldSettings  # type: ignore[misc]
    baseline: ClassVar[str] = "none"
    presets: ClassVar[dict[str, dict[str, Any]]] = {"tiny": {"epochs": 2}}

    def open(self, path: Path) -> Any:
        return path

    def sample(self, directory: Path) -> Path:
        return directory

    def train(self, settings: Settings, data: Any, workdir: Path, resume: Path | None = None) -> Iterator[Epoch]:
        assert isinstance(settings, OldSettings)
        for epoch in range(1, settings.epochs + 1):
            yield Epoch(epoch, "main", {"score": 1.0}, {}, {}, {}, save=lambda _: None)

    def export(self, settings: Settings, directory: Path) -> list[Path]:
        return []


def test_a_recipe_without_type_parameters_works_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.BUILT_IN, "old", f"{__name__}:Old")
    monkeypatch.setattr(registry, "load", lambda *_: Old)
    recipe = registry.find("old")
    assert [epoch.epoch for epoch in recipe.train(recipe.settings("tiny", {}), None, tmp_path)] == [1, 2]


def test_settings_written_as_yaml_read_back_the_same(tmp_path: Path) -> None:
    settings = OldSettings(epochs=3, rate=2e-5)
    (tmp_path / "settings.yaml").write_text(to_yaml(settings))
    assert parse(OldSettings, read_yaml(tmp_path / "settings.yaml"), "old") == settings


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_a_built_in_recipe_writes_its_settings_beside_its_native_files(name: str, tmp_path: Path) -> None:
    recipe = registry.find(name)
    assert isinstance(recipe, PackageRecipe)
    settings = recipe.settings("tiny", {})
    *native, last = recipe.export(settings, tmp_path / "new" / "folder")
    assert native
    assert last.name == "settings.yaml"
    assert sorted([*native, last]) == sorted((tmp_path / "new" / "folder").iterdir())
    assert recipe.settings("tiny", read_yaml(last)) == settings


def test_a_subclass_elsewhere_uses_the_modules_of_the_recipe(tmp_path: Path) -> None:
    class Own(Refdet):
        name = "own"

    assert [path.name for path in Own().export(Own().settings("tiny", {}), tmp_path)] == ["train.sh", "settings.yaml"]


def test_a_package_that_writes_no_onnx_says_so(tmp_path: Path) -> None:
    recipe = registry.find("ultralytics")
    with pytest.raises(SteadytuneError, match="recipe ultralytics writes no ONNX"):
        recipe.onnx(recipe.settings("tiny", {}), tmp_path, tmp_path)


@pytest.mark.parametrize("name", ["resnet_yolo", "rgbt", "yolox", "refdet", "slowfast"])
def test_first_weights_are_fetched_before_a_sweep_or_asked_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    monkeypatch.setattr("torch.hub.urlopen", no_network)
    monkeypatch.setattr("yolox.models.yolox.HOME", tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    recipe = registry.find(name)
    with pytest.raises(CheckpointError, match=r"download.*no route to host.*; fetch"):
        recipe.fetch(recipe.settings("paper", {}))
    recipe.fetch(recipe.settings("tiny", {}))


@pytest.mark.parametrize("name", ["refdet", "resnet_yolo", "rgbt", "slowfast", "yolox"])
def test_first_weights_that_are_not_here_are_refused_before_a_sweep(name: str, tmp_path: Path) -> None:
    recipe = registry.find(name)
    (tmp_path / "here.pt").touch()
    for sound in ("none", str(tmp_path / "here.pt"), str(tmp_path), recipe.presets["paper"]["weights"]):
        recipe.check(recipe.settings("tiny", {"weights": sound}), None)
    with pytest.raises(CheckpointError, match=rf"{name}: weights gone\.pt: no such file; give none, .* or a check"):
        recipe.check(recipe.settings("tiny", {"weights": "gone.pt"}), None)


def test_a_misspelt_name_of_first_weights_is_known() -> None:
    recipe = registry.find("yolox")
    with pytest.raises(CheckpointError, match=r"weights yolox-l: no such file; did you mean 'yolox_l'\?"):
        recipe.check(recipe.settings("tiny", {"weights": "yolox-l"}), None)
