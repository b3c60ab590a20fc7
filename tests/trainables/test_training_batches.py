"""Each recipe shows its training batch as the model gets it: the loader's own pixels, with boxes where objects are."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.small_models import write_models
from trainables import registry
from trainables.look import EXAMPLES, Example
from trainables.recipe import AnyRecipe
from trainables.samples.ultralytics_tasks import write_tasks
from trainables.ultralytics.tasks import Task

OFF = {
    "resnet_yolo": {},
    "yolox": {"mosaic_prob": 0.0, "hsv_prob": 0.0},
    "rgbt": {},
    "slowfast": {"crop_scale_min": 1.0, "jitter": 0.0},
    "refdet": {"turn": 0.0},
    "ultralytics": dict.fromkeys(["mosaic", "translate", "scale", "fliplr", "hsv_h", "hsv_s", "hsv_v"], 0.0),
}
"""What turns the augmentation of the tiny presets off."""


@pytest.fixture(scope="module", params=registry.BUILT_IN)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[AnyRecipe, Any]:
    recipe = registry.find(request.param)
    return recipe, recipe.open(recipe.sample(tmp_path_factory.mktemp("samples") / request.param))


def strongest(recipe: AnyRecipe) -> dict[str, Any]:
    fields = {"high": {"flip": 0.5, "fliplr": 0.5, "degrees": 20.0, "shear": 2.0, "scale_max": 2.0, "translate": 0.3}}
    lows = {"scale_min": 0.1, "crop_scale_min": 0.5}
    return {
        name: lows[name] if end == "low" else fields["high"].get(name, 0.5) for name, end in recipe.augmentation.items()
    }


def test_the_examples_show_objects_where_the_boxes_are(opened: tuple[AnyRecipe, Any]) -> None:
    recipe, data = opened
    examples = recipe.training_batch(recipe.settings("tiny", OFF[recipe.name]), data)
    assert len(examples) == EXAMPLES
    for example in examples:
        check(example)
    if recipe.name == "slowfast":
        assert all(example.caption in data.names for example in examples)
        return
    contrast = [_contrast(example) for example in examples]
    # Digits are brighter than what is around them; in refdet's frames there are others beside the one to find.
    assert min(contrast) > (0 if recipe.name == "refdet" else 20)


def check(example: Example) -> None:
    height, width, channels = example.pixels.shape
    assert example.pixels.dtype == np.uint8
    assert channels == 3
    assert example.boxes.shape == (len(example.labels), 4)
    assert (example.boxes >= -1).all()
    assert (example.boxes[:, 2] <= width + 1).all()
    assert (example.boxes[:, 3] <= height + 1).all()
    assert (example.boxes[:, :2] < example.boxes[:, 2:]).all()


def _contrast(example: Example) -> float:
    """Mean brightness inside the boxes less outside; of RGB and thermal pairs and of frames only the right half."""
    brightness, boxes = example.pixels.mean(axis=2), example.boxes
    if brightness.shape[1] == 2 * brightness.shape[0]:
        side = brightness.shape[0]
        brightness, boxes = brightness[:, side:], (boxes - (side, 0, side, 0))[boxes[:, 0] >= side - 1]
    inside = np.zeros(brightness.shape, dtype=bool)
    for x1, y1, x2, y2 in boxes.clip(0).round().astype(int):
        inside[y1:y2, x1:x2] = True
    return float(brightness[inside].mean() - brightness[~inside].mean())


def test_the_same_settings_show_the_same_batch_and_strong_ones_another(opened: tuple[AnyRecipe, Any]) -> None:
    recipe, data = opened
    usual = recipe.settings("tiny", {})
    first, again = (recipe.training_batch(usual, data) for _ in range(2))
    assert all(np.array_equal(picture.pixels, other.pixels) for picture, other in zip(first, again, strict=True))
    strong = recipe.training_batch(recipe.settings("tiny", strongest(recipe)), data)
    for example in strong:
        check(example)
    assert not all(np.array_equal(picture.pixels, other.pixels) for picture, other in zip(first, strong, strict=True))


def test_looking_leaves_the_random_numbers_of_others_alone(opened: tuple[AnyRecipe, Any]) -> None:
    import torch

    def states() -> tuple[Any, str, str]:
        return random.getstate(), repr(np.random.get_state()), repr(torch.get_rng_state().tolist())

    recipe, data = opened
    recipe.training_batch(recipe.settings("tiny", {}), data)  # imports, which may draw numbers
    before = states()
    recipe.training_batch(recipe.settings("tiny", {}), data)
    assert states() == before


@pytest.mark.parametrize("task", ["detect", "obb"])
def test_a_picture_without_objects_has_no_boxes(task: Task, tmp_path: Path) -> None:
    data = write_tasks(tmp_path, train=6, val=1).parents[1] / task / "data.yaml"
    for labels in sorted(data.parent.glob("labels/train/*.txt"))[1:]:
        labels.write_text("")
    recipe = registry.find("ultralytics")
    settings = recipe.settings("tiny", {**OFF["ultralytics"], "model": write_models(tmp_path / "models")[task]})
    examples = recipe.training_batch(settings, recipe.open(data))
    assert sum(len(example.boxes) == 0 for example in examples) == len(examples) - 1
    for example in examples:
        check(example)


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_each_augmentation_is_a_setting(name: str) -> None:
    recipe = registry.find(name)
    assert recipe.augmentation
    assert set(recipe.augmentation) <= set(recipe.settings_type.model_fields)


def test_what_a_sample_holds_is_told(opened: tuple[AnyRecipe, Any], tmp_path: Path) -> None:
    recipe, data = opened
    look = recipe.look(recipe.settings("tiny", {}), data)
    titles = {
        "slowfast": ["Clips", "Sizes"],
        "refdet": ["Videos"],
        "rgbt": ["Pictures and objects", "Sizes", "Duplicates", "Scenes"],
    }.get(recipe.name, ["Pictures and objects", "Sizes", "Duplicates"])
    assert [table.title for table in look.tables] == titles
    for table in look.tables:
        assert all(len(row) == len(table.columns) for row in table.rows)
    warned = {"slowfast": ("few clips or none in a split: rising, coming closer",)}
    assert look.warnings == warned.get(recipe.name, ())
    assert bool(look.guesses) == (recipe.name == "slowfast"), "a detector's guess finds nothing"


def test_guessing_is_told_of_pictures_with_a_class_each(tmp_path: Path) -> None:
    recipe = registry.find("ultralytics")
    recipe.sample(tmp_path)
    data = recipe.open(tmp_path / "classify")
    look = recipe.look(recipe.settings("tiny", {"model": "yolo26n-cls.yaml"}), data)
    counts = [int(row[2].replace(",", "")) for row in look.tables[0].rows]
    majority = look.guesses["majority class"]
    assert majority["metrics/accuracy_top1"] in [count / counts[-1] for count in counts[:-1]]
    assert majority["fitness"] == (majority["metrics/accuracy_top1"] + majority["metrics/accuracy_top5"]) / 2


def test_classes_that_a_split_of_whole_pictures_lacks_are_told(tmp_path: Path) -> None:
    recipe = registry.find("ultralytics")
    recipe.sample(tmp_path)
    folder = tmp_path / "classify"
    for picture in [*(folder / "val/3").iterdir()]:
        picture.unlink()
    for picture in sorted((folder / "train/7").iterdir())[5:]:
        picture.unlink()
    look = recipe.look(recipe.settings("tiny", {"model": "yolo26n-cls.yaml"}), recipe.open(folder))
    assert look.warnings == (
        "no picture of val shows 3, so the metric says nothing about it",
        "at most 10 training pictures show 7",
    )
