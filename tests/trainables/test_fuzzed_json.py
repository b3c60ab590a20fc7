"""A hundred broken files of each format in JSON: what is read is what the file says, or one sentence names the file.

What is repaired or left out is among the findings, so nothing differs in silence.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.fuzzing import facts, fuzzed, read
from tests.support.mutations import as_json, broken_bytes, broken_values, single_changes
from trainables.refdet import data as refdet
from trainables.slowfast import data as slowfast
from trainables.ultralytics.ndjson import KINDS, converted
from trainables.vision import coco_layout
from trainables.vision.findings import Findings

# --- COCO ----------------------------------------------------------------------------------------------------------

COCO = {
    "images": [{"id": number, "file_name": f"{number}.png", "width": 20, "height": 12} for number in (1, 2)],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 5, "bbox": [2, 3, 10, 6], "area": 60, "iscrowd": 0},
        {"id": 2, "image_id": 1, "category_id": 9, "bbox": [0.5, 0.5, 4.0, 4.0], "segmentation": [[1, 2, 3, 4, 5, 6]]},
        {"id": 3, "image_id": 2, "category_id": 9, "bbox": [1, 1, 2, 2], "area": 4, "iscrowd": 1},
    ],
    "categories": [{"id": 5, "name": "a"}, {"id": 9, "name": "b"}],
}


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("coco") / "data"
    (root / "annotations").mkdir(parents=True)
    (root / "train").mkdir()
    for number in (1, 2):
        Image.new("RGB", (20, 12), (number, 0, 0)).save(root / f"train/{number}.png")
    return root


def check_coco(root: Path, content: bytes) -> None:
    file = root / "annotations" / "instances_train.json"
    file.write_bytes(content)
    findings = Findings()
    split = read(lambda: coco_layout.read_split(root, "train", findings, facts()), file.parent)
    if split is None:
        return
    stated = json.loads(content.decode("utf-8-sig"))
    left_out = [
        finding for finding in findings if finding.kind in (coco_layout.CROWD, coco_layout.NO_AREA, coco_layout.OUTSIDE)
    ]
    box_count = sum(len(picture.boxes) for picture in split.pictures)
    assert box_count + len(left_out) == len(stated["annotations"])
    assert len(split.pictures) == len(stated["images"])
    assert sorted(split.names) == sorted(str(entry["name"]) for entry in stated["categories"])
    cut = any(finding.kind == coco_layout.CUT for finding in findings)
    boxes = [box for picture in split.pictures for box in picture.boxes.tolist()]
    given_boxes = [entry.get("bbox") for entry in stated["annotations"]]
    for x1, y1, x2, y2 in boxes:
        assert cut or any(np.allclose(box, [x1, y1, x2 - x1, y2 - y1], atol=1) for box in given_boxes if _is_box(box))


def _is_box(box: Any) -> bool:
    return isinstance(box, list) and len(box) == 4 and all(isinstance(value, (int, float)) for value in box)


@fuzzed
@given(content=broken_bytes(as_json(COCO)))
def test_bytes_of_a_coco_file(content: bytes, coco: Path) -> None:
    check_coco(coco, content)


@fuzzed
@given(content=broken_values(COCO))
def test_values_of_a_coco_file(content: Any, coco: Path) -> None:
    check_coco(coco, as_json(content))


@pytest.mark.e2e  # some seconds
def test_each_value_of_a_coco_file(coco: Path) -> None:
    for content in single_changes(COCO):
        check_coco(coco, as_json(content))


# --- NDJSON --------------------------------------------------------------------------------------------------------

NDJSON: dict[str, list[Any]] = {
    "detect": [
        {"type": "dataset", "task": "detect", "class_names": {"0": "a", "1": "b"}, "path": "."},
        {
            "file": "0.png",
            "split": "train",
            "annotations": {"boxes": [[0, 0.5, 0.5, 0.25, 0.25], [1, 0.2, 0.2, 0.1, 0.1]]},
        },
        {"file": "1.png", "split": "val", "annotations": {"segments": [[1, 0.1, 0.1, 0.5, 0.1, 0.5, 0.5]]}},
    ],
    "classify": [
        {"type": "dataset", "task": "classify", "class_names": {"0": "a", "1": "b"}},
        {"file": "0.png", "split": "train", "annotations": {"classification": [0]}},
        {"file": "1.png", "split": "val", "annotations": {"classification": [1]}},
    ],
}


@pytest.fixture(scope="module")
def ndjson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ndjson") / "data"
    root.mkdir()
    for number in (0, 1):
        Image.new("RGB", (20, 12), (number, 0, 0)).save(root / f"{number}.png")
    return root


def check_ndjson(root: Path, content: bytes) -> None:
    file = root / "export.ndjson"
    file.write_bytes(content)
    findings = Findings()
    result = read(lambda: converted(file, findings), file)
    if result is None:
        return
    stated = [json.loads(line) for line in content.decode("utf-8-sig").split("\n") if line.strip()]
    if result.is_dir():
        linked = [path for path in result.rglob("*") if path.is_symlink()]
        assert len(linked) == len(stated) - 1 or len(findings) == 1
    else:
        lines = sum(len(path.read_text().splitlines()) for path in result.parent.rglob("labels/*/*.txt"))
        annotations = [record.get("annotations") or {} for record in stated[1:]]
        assert lines == sum(len(by_kind.get(kind) or []) for by_kind in annotations for kind in KINDS)
    shutil.rmtree(result if result.is_dir() else result.parent)


@pytest.mark.parametrize("task", NDJSON)
@fuzzed
@given(data=st.data())
def test_bytes_of_ndjson(task: str, data: st.DataObject, ndjson: Path) -> None:
    content = b"\n".join(map(as_json, NDJSON[task]))
    check_ndjson(ndjson, data.draw(broken_bytes(content)))


@pytest.mark.e2e  # some seconds
@pytest.mark.parametrize("task", NDJSON)
def test_each_value_of_ndjson(task: str, ndjson: Path) -> None:
    for lines in single_changes(NDJSON[task]):
        check_ndjson(ndjson, b"\n".join(map(as_json, lines)))


# --- boxes in videos, class mappings -------------------------------------------------------------------------------

BOX = {"frame": 3, "x1": 1, "y1": 2.5, "x2": 10, "y2": 8}
VIDEOS = [
    {"video_id": name, "annotations": [{"bboxes": [BOX, BOX | {"frame": 4}]}, {"bboxes": [BOX | {"frame": 9}]}]}
    for name in ("Backpack_0", "Person_1")
]


def check_videos(root: Path, content: bytes) -> None:
    for name in ("Backpack_0", "Person_1"):
        (root / "samples" / name).mkdir(parents=True, exist_ok=True)
    file = root / "annotations" / "annotations.json"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    boxes = read(lambda: refdet.annotated_boxes(root), file)
    if boxes is not None:
        stated = json.loads(content.decode("utf-8-sig"))
        rows = [row for entry in stated for track in entry["annotations"] for row in track["bboxes"]]
        assert sum(len(frame_boxes) for frames in boxes.values() for frame_boxes in frames.values()) == len(rows)


@fuzzed
@given(content=broken_bytes(as_json(VIDEOS)))
def test_bytes_of_boxes_in_videos(content: bytes, tmp_path: Path) -> None:
    check_videos(tmp_path, content)


@pytest.mark.e2e  # some seconds
def test_each_value_of_boxes_in_videos(tmp_path: Path) -> None:
    for content in single_changes(VIDEOS):
        check_videos(tmp_path, as_json(content))


MAPPING = {"standing": 1, "sitting": 0, "falling": 2}


def check_mapping(root: Path, content: bytes) -> None:
    file = root / "class_mapping.json"
    file.write_bytes(content)
    names = read(lambda: slowfast.class_names(file), file)
    if names is not None:
        assert {name: index for index, name in enumerate(names)} == json.loads(content.decode("utf-8-sig"))


@fuzzed
@given(content=broken_bytes(as_json(MAPPING)))
def test_bytes_of_a_class_mapping(content: bytes, tmp_path: Path) -> None:
    check_mapping(tmp_path, content)


@pytest.mark.e2e  # some seconds
def test_each_value_of_a_class_mapping(tmp_path: Path) -> None:
    for content in single_changes(MAPPING):
        check_mapping(tmp_path, as_json(content))
