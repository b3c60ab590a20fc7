"""A hundred broken files of each format: what is read is what the file says, or one sentence names the file.

What is repaired or left out is among the findings, so nothing differs in silence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from PIL import Image

from tests.support.fuzzing import facts, fuzzed, read
from tests.support.mutations import as_json, broken_bytes, broken_values, single_changes
from trainables.rgbt.scenes import scenes_in
from trainables.vision import label_file, yolo_layout
from trainables.vision.detection_data import read_yolo
from trainables.vision.findings import Findings

# --- YOLO labels ---------------------------------------------------------------------------------------------------

LABELS = b"0 0.5 0.5 0.2 0.4\n1 0.25 0.75 0.1 0.1\n0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n2 0.5 0.5 1.0 1.0\n"


@fuzzed
@given(content=broken_bytes(LABELS))
def test_labels(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(content)
    findings = Findings()
    labels = read(lambda: label_file.read_labels(str(file), 3, findings, facts()), file)
    kinds = {finding.kind for finding in findings}
    if labels is None:
        assert kinds == {label_file.LEFT_OUT}
        return
    lines = [line for line in content.decode("utf-8-sig").splitlines() if line.strip()]
    assert len(labels) == len(lines) or kinds & {label_file.EQUAL, label_file.EMPTY_BOX}
    for line in lines:
        numbers = [float(word) for word in line.split()]
        if len(numbers) == 5 and min(numbers[3:]) > 3 * label_file.TOLERANCE:  # so some of it is in the picture
            assert (np.abs(labels - np.array(numbers)) < 1e-6).all(axis=1).any(), line


# --- data.yaml -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def yolo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a data set of two pictures, one in each split."""
    root = tmp_path_factory.mktemp("yolo") / "data"
    for index, split in enumerate(("train", "val")):
        for kind in ("images", "labels"):
            (root / kind / split).mkdir(parents=True)
        Image.new("RGB", (20, 12), (index, 0, 0)).save(root / f"images/{split}/{split}.png")
        (root / f"labels/{split}/{split}.txt").write_text("0 0.5 0.5 0.2 0.4\n")
        (root / f"{split}.txt").write_text(f"./images/{split}/{split}.png\n")
    return root


DESCRIBED = {"path": "", "train": "images/train", "val": ["images/val"], "test": None, "nc": 2, "names": ["a", "b"]}


def check_yolo(root: Path, content: bytes) -> None:
    file = root / "data.yaml"
    file.write_bytes(content)
    data = read(lambda: read_yolo(file, Findings()), file)
    if data is not None:
        assert data.names
        assert len(set(data.names)) == len(data.names)
        for split in (data.train, data.val):
            assert {sample.path.name for sample in split} <= {"train.png", "val.png"}
            assert any(len(sample.labels) for sample in split)


@fuzzed
@given(content=broken_bytes(yaml.safe_dump(DESCRIBED).encode()))
def test_bytes_of_a_data_yaml(content: bytes, yolo: Path) -> None:
    check_yolo(yolo, content)


@fuzzed
@given(described=broken_values(DESCRIBED))
def test_values_of_a_data_yaml(described: Any, yolo: Path) -> None:
    check_yolo(yolo, as_json(described))  # JSON is YAML too


@pytest.mark.e2e  # some seconds
def test_each_value_of_a_data_yaml(yolo: Path) -> None:
    for described in single_changes(DESCRIBED):
        check_yolo(yolo, as_json(described))


@fuzzed
@given(content=broken_bytes(b"./images/train/train.png\nimages/val/val.png\n"))
def test_lists_of_images(content: bytes, yolo: Path) -> None:
    (yolo / "list.txt").write_bytes(content)
    file = yolo / "data.yaml"
    file.write_text("train: list.txt\nval: images/val\nnames: [a]\n")
    findings = Findings()

    def images() -> list[Path]:
        return yolo_layout.split_images(yolo_layout.read_layout(file, findings), "train", findings)

    listed = read(images, file)
    if listed is not None:
        words = content.decode("utf-8-sig").splitlines()
        assert len(listed) <= len([word for word in words if word.strip()])
        assert len(set(listed)) == len(listed)


# --- scenes ---------------------------------------------------------------------------------------------------------


@fuzzed
@given(content=broken_bytes(b"a,day\nb/c,night\nd,day\n"))
def test_scenes(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "scenes.csv"
    file.write_bytes(content)
    names = {name: tmp_path / name for name in ("a", "b/c", "d")}
    scenes = read(lambda: scenes_in(file, names), file)
    assert scenes is None or ({*scenes} == {*names} and {*scenes.values()} <= {"day", "night"})
