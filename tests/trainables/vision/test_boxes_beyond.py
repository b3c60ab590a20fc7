"""Boxes that reach beyond their picture, and boxes without area: told by every recipe, and scored as upstream does."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.yolo_folders import write
from trainables import registry
from trainables.file_facts import FileFacts
from trainables.held_out import held_out
from trainables.vision.findings import Findings
from trainables.vision.label_file import BEYOND, EMPTY_BOX, read_labels

INSIDE = "0 0.5 0.5 0.25 0.5\n"
LEFT = "0 0.1 0.5 0.6 0.5\n"
"""A fifth of the picture's width is beyond its left edge."""
ROUNDED = "0 0.2 0.5 0.41 0.5\n"
RECIPES = ("resnet_yolo", "yolox", "rgbt", "ultralytics")


def data_set(root: Path, recipe: str, val: str = INSIDE) -> Path:
    """Two pictures to train on, of 64 by 48 pixels, and one held out; two boxes of train reach beyond them."""
    pixels = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), dtype=np.uint8)
    texts = {"train": [INSIDE + LEFT + "0 0.5 1.0 0.5 0.5\n", ROUNDED], "val": [val]}
    for split, labels in texts.items():
        for index, text in enumerate(labels):
            write(root / f"labels/{split}/{index}.txt", text)
            for kind in ("images", "thermal"):
                file = root / kind / split / f"{index}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                picture = Image.fromarray(pixels[index - (split == "val")])
                (picture if kind == "images" else picture.convert("L")).save(file)
    folders = {split: f"images/{split}" for split in texts}
    if recipe == "rgbt":
        folders = {
            split: f"{{rgb: images/{split}, thermal: thermal/{split}, labels: labels/{split}}}" for split in texts
        }
    return write(root / "data.yaml", f"train: {folders['train']}\nval: {folders['val']}\nnames: [cow]\n")


@pytest.mark.parametrize("name", RECIPES)
def test_boxes_that_reach_beyond_their_picture_are_told(name: str, tmp_path: Path) -> None:
    recipe = registry.find(name)
    settings, data = recipe.settings("tiny", {}), recipe.open(data_set(tmp_path, name))
    (sentence,) = [warning for warning in recipe.look(settings, data).warnings if "beyond" in warning]
    assert sentence.startswith("2 boxes reach beyond their pictures: the training has what is inside")
    assert f"{tmp_path}/labels/train/0.txt: 2 boxes reach beyond the image, by up to 25% of its side" in sentence
    assert ("whole ones are asked for" in sentence) == (name in ("rgbt", "ultralytics"))


@pytest.mark.parametrize("name", RECIPES)
def test_nothing_is_told_of_boxes_that_rounding_moves_beyond(name: str, tmp_path: Path) -> None:
    file = data_set(tmp_path, name)
    write(tmp_path / "labels/train/0.txt", ROUNDED)
    recipe = registry.find(name)
    warnings = recipe.look(recipe.settings("tiny", {}), recipe.open(file)).warnings
    assert not any("beyond" in warning for warning in warnings)


def test_ultralytics_check_tells_of_boxes_beyond_and_of_those_without_area(tmp_path: Path) -> None:
    recipe = registry.find("ultralytics")
    data = recipe.open(data_set(tmp_path, "ultralytics", val=INSIDE + "0 0.5 0.5 0 0.5\n"))
    recipe.check(recipe.settings("tiny", {}), data)
    told = [str(finding) for finding in data.findings]
    assert f"{tmp_path}/labels/train/0.txt: 2 boxes reach beyond the image, by up to 25% of its side" in told
    assert f"{tmp_path}/labels/val/0.txt: 1 boxes have a side of 0 within the image; remove them" in told


def test_what_is_told_is_told_again_of_a_file_that_is_not_read_again(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", LEFT * 2 + "0 0.5 0.5 0 0.1\n0 0.5 0.5 0.1 0\n" + INSIDE)
    os.utime(file, (10**9, 10**9))
    facts, told = FileFacts(tmp_path / "facts.db", clock=lambda: time.time_ns() + 10**12), []
    for _ in range(2):
        findings = Findings()
        read_labels(str(file), 1, findings, facts)
        told.append([(finding.kind, finding.detail, finding.count) for finding in findings])
    assert facts.read_count == 1
    assert told[0] == told[1]
    assert [(kind, count) for kind, _, count in told[0]][1:] == [(EMPTY_BOX, 2), (BEYOND, 1)]


@pytest.mark.parametrize("name", ["resnet_yolo", "yolox", "rgbt"])
def test_a_box_of_which_single_precision_leaves_nothing_is_left_out_and_told(name: str, tmp_path: Path) -> None:
    """In a letterbox this one has no width; nothing can match it, so the metric would never be 1."""
    recipe = registry.find(name)
    data: Any = recipe.open(data_set(tmp_path, name, val=INSIDE + "0 0.001 0.5 0.00000001 0.5\n"))
    (example,) = held_out(recipe, recipe.settings("tiny", {}), data)
    assert len(example.labels) == 1
    assert f"{tmp_path}/labels/val/0.txt: 1 boxes have a side of 0 within the image; removed" in map(str, data.findings)


def test_a_report_of_rgbt_asks_for_the_boxes_that_its_evaluation_asks_for(tmp_path: Path) -> None:
    """Ultralytics scores against whole boxes, so the evaluation of a training does, and so must a report."""
    from ultralytics.cfg import get_cfg

    from trainables.rgbt.augment import PairedImages
    from trainables.rgbt.evaluation import _objects
    from trainables.rgbt.training import arguments

    recipe = registry.find("rgbt")
    settings: Any = recipe.settings("tiny", {})
    data: Any = recipe.open(data_set(tmp_path, "rgbt", val=LEFT))
    images = PairedImages(
        data.val, data.names, get_cfg(overrides=arguments(settings)), hsv=0.0, clahe=False, augment=False
    )
    size = settings.image_size
    (scored,) = _objects(images.collate_fn([images[0]]), size)
    (example,) = held_out(recipe, settings, data)
    scale, top = size / 64, (size - size * 48 / 64) / 2
    assert example.boxes is not None
    assert example.boxes.tolist() == [pytest.approx([-12.8, 12, 25.6, 36], abs=1e-4)]
    assert scored.boxes[0].tolist() == pytest.approx((example.boxes[0] * scale + [0, top, 0, top]).tolist(), abs=1)


def test_a_report_of_ultralytics_asks_for_the_boxes_that_ultralytics_asks_for(tmp_path: Path) -> None:
    recipe = registry.find("ultralytics")
    (example,) = held_out(recipe, recipe.settings("tiny", {}), recipe.open(data_set(tmp_path, "ultralytics", val=LEFT)))
    assert example.boxes is not None
    assert example.boxes.tolist() == [pytest.approx([-12.8, 12, 25.6, 36], abs=1e-4)]
