"""What is said about a data set for detectors, read from disk by the recipe's own reader."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.trainables.vision.test_near_duplicates import scene
from trainables.look import Look, LookTable
from trainables.resnet_yolo.data import open_yolo
from trainables.resnet_yolo.look import look as yolo_look
from trainables.resnet_yolo.recipe import ResnetYolo

BOX = "0.5 0.5 0.25 0.25"


def data_set(root: Path, names: str, labels: dict[str, list[str]]) -> Path:
    """Pictures of 320 by 240 pixels, as many in each split as there are texts of labels for it."""
    seed = 0
    for split, texts in labels.items():
        for folder in ("images", "labels"):
            (root / folder / split).mkdir(parents=True)
        for index, text in enumerate(texts):
            seed += 1
            Image.fromarray(scene(seed)).convert("RGB").save(root / "images" / split / f"{split}{index}.png")
            (root / "labels" / split / f"{split}{index}.txt").write_text(text)
    (root / "data.yaml").write_text(f"train: images/train\nval: images/val\nnames: {names}\n")
    return root / "data.yaml"


def looked(file: Path, **settings: Any) -> Look:
    return yolo_look(ResnetYolo().settings("tiny", settings), open_yolo(file))


def table(look: Look, title: str) -> LookTable:
    return next(table for table in look.tables if table.title == title)


def test_pictures_and_objects_are_counted_by_class_and_odd_classes_are_marked(tmp_path: Path) -> None:
    train = [f"0 {BOX}\n0 0.2 0.2 0.1 0.1\n"] * 11 + [f"1 {BOX}\n", f"3 {BOX}\n", ""]
    val = [f"0 {BOX}\n1 {BOX}\n", f"2 {BOX}\n", ""]
    look = looked(data_set(tmp_path, "[cow, calf, dog, cat, mole]", {"train": train, "val": val}))
    assert table(look, "Pictures and objects").rows == (
        ("cow", "11", "22", "1", "1", ""),
        ("calf", "1", "1", "1", "1", "rare"),
        ("dog", "0", "0", "1", "1", "not in train"),
        ("cat", "1", "1", "0", "0", "not in val"),
        ("mole", "0", "0", "0", "0", "in no split"),
        ("all", "14", "24", "3", "3", ""),
        ("without an object", "1", "", "1", "", ""),
    )
    assert look.warnings == (
        "no training picture shows dog, which val asks for",
        "no picture of val shows cat, so the metric says nothing about it",
        "no picture shows mole",
        "at most 10 training pictures show calf",
    )


def test_objects_are_measured_at_the_input_of_the_training(tmp_path: Path) -> None:
    """A box of 80 by 60 pixels in 320 by 240: at an input of 96, of 24 by 18; at 640, of 160 by 120."""
    file = data_set(tmp_path, "[cow]", {"train": [f"0 {BOX}\n", "0 0.5 0.5 0.05 0.05\n"], "val": [f"0 {BOX}\n"]})
    small, large = (table(looked(file, image_size=size), "Sizes") for size in (96, 640))
    assert small.rows == (
        ("pictures on disk", "all 320x240", "all 320x240"),
        ("small objects", "2 (100%)", "1 (100%)"),
        ("medium objects", "0 (0%)", "0 (0%)"),
        ("large objects", "0 (0%)", "0 (0%)"),
    )
    assert [row[1:] for row in large.rows[1:]] == [("1 (50%)", "0 (0%)"), ("0 (0%)",) * 2, ("1 (50%)", "1 (100%)")]
    assert "at an input of 640 px" in large.note


def test_objects_that_the_input_leaves_a_few_pixels_of_are_told(tmp_path: Path) -> None:
    file = data_set(tmp_path, "[cow]", {"train": ["0 0.5 0.5 0.02 0.02\n"] * 2, "val": [f"0 {BOX}\n"]})
    assert "100% of the training objects are below 8x8 pixels at 96 px: try a larger input" in looked(file).warnings
    assert not any("larger input" in sentence for sentence in looked(file, image_size=640).warnings)


def test_more_objects_than_detections_count_are_told(tmp_path: Path) -> None:
    full = "".join(f"0 {0.01 + 0.009 * column} 0.5 0.1 0.1\n" for column in range(101))
    file = data_set(tmp_path, "[cow]", {"train": [full], "val": [f"0 {BOX}\n", full]})
    sentence = "1 of the 2 pictures of val hold more than 100 objects, up to 101: the surest 100 detections"
    assert any(warning.startswith(sentence) for warning in looked(file).warnings)


def test_pictures_of_nearly_one_brightness_are_told(tmp_path: Path) -> None:
    """Temperatures in hundredths of a kelvin, in 16 bits: the upper 8 hold 2.56 K each."""
    file = data_set(tmp_path, "[cow]", {"train": [f"0 {BOX}\n"] * 3, "val": [f"0 {BOX}\n"]})
    assert not any("grey levels" in warning for warning in looked(file).warnings)
    kelvin = np.linspace(28500, 31000, 320 * 240).reshape(240, 320).astype(np.uint16)
    for index in (0, 2):
        Image.fromarray(kelvin + index).save(tmp_path / f"images/train/train{index}.png")
    assert any(
        warning.startswith("2 of the 3 pictures of train have less than 16 of 256 grey levels")
        for warning in looked(file).warnings
    )


def test_copies_on_both_sides_of_the_split_are_told(tmp_path: Path) -> None:
    labels = {"train": [f"0 {BOX}\n"] * 4, "val": [f"0 {BOX}\n"] * 5}
    file = data_set(tmp_path, "[cow]", labels)
    train, val = tmp_path / "images/train", tmp_path / "images/val"
    shutil.copy(train / "train0.png", val / "val0.png")
    with Image.open(train / "train1.png") as opened:
        opened.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(val / "val1.png")
        opened.save(train / "train2.png", compress_level=0)
    (train / "train3.png").rename(train / "7_aug_1.png")
    (val / "val2.png").rename(val / "7_aug_3.png")
    look = looked(file)
    assert table(look, "Duplicates").rows == (
        ("within train", "0", "1"),
        ("within val", "0", "0"),
        ("val, like one of train", "1", "1"),
        ("val, named like a copy of one", "", "1"),
    )
    assert any(sentence.startswith("3 of the 5 pictures of val look like one of train") for sentence in look.warnings)
    assert {line.partition(": ")[0].rpartition("/")[2] for line in look.details} == {
        *("train2.png", "val0.png", "val1.png", "7_aug_3.png")
    }


@pytest.mark.parametrize("count", [1, 7])
def test_many_odd_classes_are_counted_in_one_sentence(count: int, tmp_path: Path) -> None:
    names = ["cow", *(f"c{index}" for index in range(count))]
    labels = {"train": [f"0 {BOX}\n"] * 12, "val": ["".join(f"{index} {BOX}\n" for index in range(count + 1))]}
    (sentence,) = looked(data_set(tmp_path, str(names), labels)).warnings
    more = " and 2 more" if count == 7 else ""
    assert sentence == f"no training picture shows {', '.join(names[1:6])}{more}, which val asks for"
