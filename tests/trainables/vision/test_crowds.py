"""Crowds in COCO files: not trained on, and seen by every evaluation, where detections in them count neither way."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from trainables import registry
from trainables.class_match import match
from trainables.errors import DataError
from trainables.held_out import held_out
from trainables.vision.average_precision import Objects, average_precision
from trainables.vision.coco_layout import CROWD
from trainables.vision.detection_data import read_coco
from trainables.vision.findings import Findings
from trainables.vision.predictions import DetectionPredictions, of_answers

NOTHING: dict[str, Any] = {"boxes": [], "scores": [], "labels": []}
TRAININGS = {"resnet_yolo": "ResnetYoloTraining", "yolox": "YoloxTraining"}


def write(root: Path, val_crowd: dict[str, Any]) -> Path:
    """A picture of 80 by 40 pixels in each split, with a cow; in val a crowd of calves too."""
    (root / "annotations").mkdir(parents=True)
    for split, level in (("train", 50), ("val", 90)):
        (root / split).mkdir()
        Image.new("RGB", (80, 40), (level, 0, 0)).save(root / split / "a.png")
        cow = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 5, 20, 10], "area": 200, "iscrowd": 0}
        content = {
            "images": [{"id": 1, "file_name": "a.png", "width": 80, "height": 40}],
            "annotations": [cow, *[{"id": 2, "image_id": 1, "category_id": 2, **val_crowd}] * (split == "val")],
            "categories": [{"id": 1, "name": "cow"}, {"id": 2, "name": "calf"}],
        }
        (root / f"annotations/instances_{split}.json").write_text(json.dumps(content))
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "cows", {"bbox": [40, 20, 50, 20], "area": 1000, "iscrowd": 1})


def test_a_crowd_is_no_object_and_is_cut_at_the_edge(root: Path) -> None:
    findings = Findings()
    (picture,) = read_coco(root, findings).val
    assert picture.classes.tolist() == [0]
    assert picture.crowds.tolist() == [[40, 20, 80, 40, 1]]
    assert CROWD in [finding.kind for finding in findings]


def test_a_crowd_that_is_held_out_changes_the_fingerprint(root: Path, tmp_path: Path) -> None:
    before = read_coco(root, Findings()).manifest.fingerprint
    other = write(tmp_path / "others", {"bbox": [40, 20, 30, 20], "area": 600, "iscrowd": 1})
    assert read_coco(other, Findings()).manifest.fingerprint != before


def test_a_crowd_needs_a_place(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"annotations\[1\]: bbox is None; it must be four finite numbers"):
        read_coco(write(tmp_path / "cows", {"iscrowd": 1}), Findings())


@pytest.mark.parametrize("name", TRAININGS)
def test_the_evaluation_of_a_training_sees_it(name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module(f"trainables.{name}.training")
    seen: list[Objects] = []

    def scored(truth: Any, detected: Any, names: Any) -> Any:
        seen.extend(truth)
        return average_precision(truth, detected, names)

    monkeypatch.setattr(module, "average_precision", scored)
    recipe = registry.find(name)
    settings = recipe.settings("tiny", {"weights": "none"})
    getattr(module, TRAININGS[name])(settings, recipe.open(root)).evaluate(1)
    (picture,) = seen
    assert picture.crowd_classes.tolist() == [1]
    cow, crowd = picture.boxes[0], picture.crowds[0]
    scale = (cow[2] - cow[0]) / 20  # resnet_yolo scores in the pixels of its input
    assert (crowd[:2] - cow[:2]).tolist() == pytest.approx([30 * scale, 15 * scale], abs=1e-3)
    assert (crowd[2:] - crowd[:2]).tolist() == pytest.approx([40 * scale, 20 * scale], abs=1e-3)


@pytest.mark.parametrize("name", TRAININGS)
def test_a_report_sees_it(name: str, root: Path) -> None:
    recipe = registry.find(name)
    examples = held_out(recipe, recipe.settings("tiny", {}), recipe.open(root))
    answer = {"boxes": [[50, 22, 60, 30]], "scores": [0.9], "labels": ["calf"]}
    predicted = of_answers(examples, [answer])
    assert isinstance(predicted, DetectionPredictions)
    (truth,) = predicted.truth
    assert truth.crowds.tolist() == [[40, 20, 80, 40]]
    assert [predicted.names[kind] for kind in truth.crowd_classes] == ["calf"]
    of_cows = of_answers(examples, [NOTHING])
    assert isinstance(of_cows, DetectionPredictions)
    assert len(of_cows.truth[0].crowds) == 0, "nothing was found in it"


@pytest.mark.parametrize("name", TRAININGS)
def test_it_is_numbered_as_a_checkpoint_numbers_its_classes(name: str, root: Path) -> None:
    recipe = registry.find(name)
    data = recipe.open(root).with_classes(match(("goat", "calf", "cow"), ("cow", "calf")))
    (example,) = held_out(recipe, recipe.settings("tiny", {}), data)
    assert example.labels == ("cow",)
    assert [label for label, _ in example.crowds] == ["calf"]
    without_calves = recipe.open(root).with_classes(match(("cow", "goat"), ("cow", "calf")))
    (example,) = held_out(recipe, recipe.settings("tiny", {}), without_calves)
    assert (example.labels, example.crowds) == (("cow",), ())
