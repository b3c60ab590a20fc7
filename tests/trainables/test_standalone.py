"""`steadytune evaluate`: what a checkpoint scores, without its training."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from trainables import registry
from trainables import standalone as single
from trainables.errors import CheckpointError, SettingsError, SteadytuneError
from trainables.recipe import Epoch, Recipe
from trainables.samples.digits import write_yolo

SETTINGS = {"epochs": 1, "image_size": 64, "widths": [8, 8, 16, 16], "neck_channels": 8}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Epoch]:
    """A data set, a checkpoint of one epoch, and that epoch."""
    folder = tmp_path_factory.mktemp("evaluate")
    data = write_yolo(folder / "digits", train=8, val=4, size=64)
    recipe = registry.find("resnet_yolo")
    epoch = next(recipe.train(recipe.settings("tiny", SETTINGS), recipe.open(data), folder))
    (folder / "epoch-0001").mkdir()
    epoch.save(folder / "epoch-0001")
    return data, folder / "epoch-0001", epoch


def test_a_checkpoint_alone_scores_what_its_epoch_did(trained: tuple[Path, Path, Epoch]) -> None:
    data, checkpoint, epoch = trained
    expected = {**epoch.metrics, **{name: value for name, value in epoch.losses.items() if name.startswith("val")}}
    assert list(single.evaluate(checkpoint, data, None, None, {})) == [
        f"{name} {value:.4f}" for name, value in expected.items()
    ]


def test_a_setting_on_top_counts(trained: tuple[Path, Path, Epoch]) -> None:
    data, checkpoint, _ = trained
    assert "map50 0.0000" in list(single.evaluate(checkpoint, data, None, None, {"score_threshold": 1.0}))


def test_settings_may_be_a_file_of_ones_own(trained: tuple[Path, Path, Epoch], tmp_path: Path) -> None:
    data, checkpoint, _ = trained
    values = yaml.safe_load((checkpoint / "settings.yaml").read_text())
    (tmp_path / "wide.yaml").write_text(yaml.safe_dump(values | {"widths": [8, 8, 16, 24]}))
    with pytest.raises(CheckpointError, match=r"epoch-0001: does not fit these settings and data"):
        list(single.evaluate(checkpoint, data, "resnet_yolo", tmp_path / "wide.yaml", {}))


def test_a_folder_without_one_is_refused(trained: tuple[Path, Path, Epoch], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no state\.pt"):
        list(single.evaluate(tmp_path, trained[0], None, None, {}))


def test_a_wrong_setting_is_refused(trained: tuple[Path, Path, Epoch]) -> None:
    with pytest.raises(SettingsError, match="unknown setting 'treshold'"):
        list(single.evaluate(trained[1], trained[0], None, None, {"treshold": 0.5}))


def test_a_recipe_that_cannot_says_how(tmp_path: Path) -> None:
    recipe = registry.find("resnet_yolo")
    with pytest.raises(SteadytuneError, match="implement its method evaluate"):
        Recipe.evaluate(recipe, recipe.settings("tiny", {}), None, tmp_path, tmp_path)
