"""A checkpoint is evaluated by its classes' names, in whatever order the data list theirs.

Inputs as people report them: classes of a custom data set among COCO's 80 in random order
(https://github.com/ultralytics/ultralytics/issues/7733), a test set that lacks a class, so that those after it move up
(https://github.com/ultralytics/ultralytics/issues/13936), an export that inverts two classes
(https://github.com/roboflow/roboflow-python/issues/100), other names for all classes
(https://github.com/ultralytics/ultralytics/issues/19796).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainables.class_match import ClassMatch, match
from trainables.errors import DataError
from trainables.resnet_yolo.data import open_yolo
from trainables.rgbt.data import open_rgbt
from trainables.samples.coco_digits import write_coco
from trainables.samples.digits import write_yolo
from trainables.samples.thermal_clips import write_thermal
from trainables.samples.thermal_pairs import write_rgbt
from trainables.slowfast.data import open_thermal
from trainables.yolox.data import open_coco

COCO = ["person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck"]


@pytest.mark.parametrize(
    ("trained", "present", "classes", "numbers", "kept_rows"),
    [
        (["cow", "calf"], ["calf", "cow"], [0, 1, 1], [1, 0, 0], [0, 1, 2]),
        (COCO, ["vehicle", "motorcycle", "truck", "person"], [0, 1, 2, 3, 0], [3, 7, 0], [1, 2, 3]),
        (["0", "270", "180", "90"], ["0", "270", "90"], [0, 1, 2], [0, 1, 3], [0, 1, 2]),
        (["cow"], ["cow"], [0, 0], [0, 0], [0, 1]),
        (["cow", "calf"], ["calf", "cow"], [], [], []),
    ],
)
def test_rows_get_the_numbers_of_the_checkpoint(
    trained: list[str], present: list[str], classes: list[int], numbers: list[int], kept_rows: list[int]
) -> None:
    rows, moved = match(trained, present).rows(np.arange(len(classes)), np.array(classes, dtype=np.float32))
    assert (rows.tolist(), moved.tolist()) == (kept_rows, numbers)


def test_classes_that_only_one_has_are_named() -> None:
    missing = match(["0", "270", "180", "90"], ["0", "270", "90"])
    assert [*missing.notes()] == ["not in the data, so not evaluated: '180', which the checkpoint was trained on"]
    extra = match(["cow"], ["calf", "cow"])
    assert [*extra.notes()] == ["not known to the checkpoint, so left out of the evaluation: 'calf'"]
    assert [*match(["cow", "calf"], ["calf", "cow"]).notes()] == []


def test_classes_of_other_names_are_refused() -> None:
    with pytest.raises(DataError, match=r"the data's classes are 'class_0', the checkpoint's 'cow', 'calf'; at least"):
        match(["cow", "calf"], ["class_0"])


def objects(data: Any) -> list[list[Any]]:
    """The held-out objects or clips, by the names of their classes."""
    if hasattr(data.val, "labels"):
        return [[data.names[label]] for label in data.val.labels]
    samples = getattr(data.val, "samples", data.val)
    if hasattr(samples[0], "boxes"):
        rows = ((kind, box) for picture in samples for kind, box in zip(picture.classes, picture.boxes, strict=True))
        return [[data.names[kind], *box] for kind, box in rows]
    return [[data.names[int(row[0])], *row[1:].tolist()] for sample in samples for row in sample.labels]


@pytest.fixture(params=["resnet_yolo", "yolox", "rgbt", "slowfast"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    opened: dict[str, Any] = {
        "resnet_yolo": lambda: open_yolo(write_yolo(tmp_path / "d", train=3, val=4, size=64)),
        "yolox": lambda: open_coco(write_coco(tmp_path / "d", train=3, val=4, size=64)),
        "rgbt": lambda: open_rgbt(write_rgbt(tmp_path / "d", train=3, val=4, size=64)),
        "slowfast": lambda: open_thermal(write_thermal(tmp_path / "d", train=6, val=12)),
    }
    return opened[request.param]()


def as_text(rows: list[list[Any]]) -> list[str]:
    return [f"{row[0]} {np.round(np.array(row[1:], dtype=float), 4).tolist()}" for row in rows]


def test_each_recipe_keeps_its_objects_under_their_names(data: Any) -> None:
    names = tuple(reversed(data.names))
    moved = data.with_classes(match(names, data.names))
    assert moved.names == names
    assert as_text(objects(moved)) == as_text(objects(data))


def test_each_recipe_leaves_out_what_the_checkpoint_does_not_know(data: Any) -> None:
    trained_class = objects(data)[0][0]
    moved = data.with_classes(match(["a class of its own", trained_class], data.names))
    assert as_text(objects(moved)) == as_text([row for row in objects(data) if row[0] == trained_class])
    assert {row[0] for row in objects(moved)} == {trained_class}


def test_each_recipe_refuses_when_nothing_is_left(data: Any) -> None:
    with pytest.raises(DataError, match=r"no (object|clip) of the held-out split is of a class that the checkpoint"):
        data.with_classes(ClassMatch(("only in the training split",), data.names))
