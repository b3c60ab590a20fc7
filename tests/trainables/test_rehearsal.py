"""A training starts from what another one of the same recipe left; tried with untrained models of each recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from trainables import registry
from trainables.errors import CheckpointError
from trainables.loop import read
from trainables.rehearsal import can_rehearse, other_classes, rehearse
from trainables.samples.digits import write_yolo
from trainables.start import start_digest, start_settings

pytestmark = pytest.mark.e2e  # imports all frameworks

OTHER_SHAPES: dict[str, dict[str, Any]] = {
    "refdet": {"width": 0.25},
    "resnet_yolo": {"widths": [8, 8, 16, 16]},
    "rgbt": {"model": "n"},
    "slowfast": {"stem_width": 8},
    "yolox": {"width": 0.25},
}


def weights(export: Path) -> dict[str, torch.Tensor]:
    """Of the model that a training's evaluation would see."""
    training = read(export / "checkpoint")["training"]
    return dict(training.get("ema", training["model"]))


@pytest.mark.parametrize("name", OTHER_SHAPES)
def test_a_training_begins_with_the_weights_of_the_one_it_starts_from_and_refuses_other_shapes(
    name: str, tmp_path: Path
) -> None:
    recipe: Any = registry.find(name)
    assert can_rehearse(recipe)
    data = recipe.open(recipe.sample(tmp_path / "data"))
    first, second = tmp_path / "first", tmp_path / "second"
    rehearse(recipe, recipe.settings("tiny", {"seed": 1}), data, first)
    start = start_settings(recipe, first)
    rehearse(recipe, recipe.settings("tiny", {"seed": 2, **start}), data, second)
    before, after = weights(first), weights(second)
    assert before.keys() == after.keys()
    assert [weight for weight, value in before.items() if not torch.equal(value, after[weight])] == []
    with pytest.raises(CheckpointError, match=r"but the model has|size mismatch"):
        rehearse(recipe, recipe.settings("tiny", OTHER_SHAPES[name] | start), data, tmp_path / "third")


def test_with_other_classes_all_but_the_last_layers_are_taken(tmp_path: Path) -> None:
    recipe: Any = registry.find("resnet_yolo")
    settings = recipe.settings("tiny", {})
    threes, fours = (
        recipe.open(write_yolo(tmp_path / str(digits[0]), digits=digits, train=8, val=4)) for digits in ((3, 7), (4, 9))
    )
    rehearse(recipe, settings, threes, tmp_path / "first")
    start = start_settings(recipe, tmp_path / "first")
    rehearse(recipe, recipe.settings("tiny", {"seed": 2, **start}), fours, tmp_path / "second")
    before, after = weights(tmp_path / "first"), weights(tmp_path / "second")
    differing = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert differing == {f"heads.{level}.outputs.weight" for level in range(3)}
    assert list(other_classes(fours, tmp_path / "first" / "checkpoint")) == ["new '4', '9'", "gone '3', '7'"]
    assert list(other_classes(threes, tmp_path / "first" / "checkpoint")) == []


def test_the_digest_is_of_the_files_that_a_training_starts_from(tmp_path: Path) -> None:
    recipe: Any = registry.find("resnet_yolo")
    start = start_settings(recipe, tmp_path)
    with pytest.raises(CheckpointError, match="checkpoint: is missing"):
        start_digest(tmp_path, start)
    (tmp_path / "checkpoint").mkdir()
    state = tmp_path / "checkpoint" / "state.pt"
    state.write_bytes(b"1")
    digest = start_digest(tmp_path, start)
    (tmp_path / "README.md").write_text("beside it")
    assert start_digest(tmp_path, start) == digest
    state.write_bytes(b"2")
    assert start_digest(tmp_path, start) != digest
