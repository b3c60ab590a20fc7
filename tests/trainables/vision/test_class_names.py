"""Class names that YAML takes for something else: read as Ultralytics reads them and told, or kept where quoted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.yolo_folders import write
from trainables import registry
from trainables.errors import DataError
from trainables.ultralytics_import import isolated
from trainables.vision.yolo_layout import CHANGED_NAMES

RECIPES = ("resnet_yolo", "yolox", "rgbt", "ultralytics")
CHANGED = {
    "007": "7",
    "010": "8",
    "0x1F": "31",
    "1_000": "1000",
    "12:30": "750",
    "1.10": "1.1",
    "yes": "True",
    "off": "False",
    "null": "None",
    "2024-01-01T10:00:00": "2024-01-01 10:00:00",
    "+5": "5",
}
"""Names as they are written and as YAML 1.1 reads them."""
KEPT = ("1e3", "2024-01-01", "08", "1.5", "-3", "y", "Nothing", "no one")


def data_set(root: Path, recipe: str, names: str) -> Path:
    for number, split in enumerate(("train", "val")):
        write(root / f"labels/{split}/a.txt", "0 0.5 0.5 0.25 0.5\n")
        for kind in ("images", "thermal"):
            file = root / kind / split / "a.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(number).integers(0, 256, (48, 64), dtype=np.uint8)
            Image.fromarray(pixels).save(file)
    folders = {split: f"images/{split}" for split in ("train", "val")}
    if recipe == "rgbt":
        folders = {
            split: f"{{rgb: images/{split}, thermal: thermal/{split}, labels: labels/{split}}}" for split in folders
        }
    return write(root / "data.yaml", f"train: {folders['train']}\nval: {folders['val']}\n{names}")


def as_yaml(names: Sequence[str], is_mapping: bool) -> str:
    if is_mapping:
        return "names:\n" + "".join(f"  {number}: {name}\n" for number, name in enumerate(names))
    return f"names: [{', '.join(names)}]\n"


@pytest.mark.parametrize("is_mapping", [False, True])
@pytest.mark.parametrize("name", RECIPES)
def test_names_that_yaml_changes_are_told_as_written_and_as_read(name: str, is_mapping: bool, tmp_path: Path) -> None:
    file = data_set(tmp_path, name, as_yaml([*KEPT, *CHANGED], is_mapping))
    data: Any = registry.find(name).open(file)
    assert data.names == (*KEPT, *CHANGED.values())
    (finding,) = data.findings
    assert (finding.kind, finding.count) == (CHANGED_NAMES, len(CHANGED))
    assert finding.detail == (
        "names are read otherwise than they are written: 007 as 7, 010 as 8, 0x1F as 31, 1_000 as 1000, 12:30 as 750 …"
        "; put what is a name in quotes"
    )


@pytest.mark.parametrize("name", RECIPES)
def test_names_in_quotes_are_kept_and_nothing_is_told(name: str, tmp_path: Path) -> None:
    names = (*KEPT, *CHANGED, "~", "=", "<<", "true", ".inf")
    data: Any = registry.find(name).open(
        data_set(tmp_path, name, as_yaml([f"'{class_name}'" for class_name in names], False))
    )
    assert data.names == names
    assert [*data.findings] == []


def test_a_name_that_is_missing_is_told(tmp_path: Path) -> None:
    data: Any = registry.find("resnet_yolo").open(data_set(tmp_path, "resnet_yolo", "names:\n- cow\n-\n"))
    assert data.names == ("cow", "None")
    assert [finding.detail.partition(";")[0] for finding in data.findings] == [
        "names are read otherwise than they are written: '' as None"
    ]


@pytest.mark.parametrize("name", RECIPES)
def test_two_names_that_yaml_takes_for_one_value_are_refused_as_they_are_written(name: str, tmp_path: Path) -> None:
    file = data_set(tmp_path, name, "names: [cow, yes, on]\n")
    with pytest.raises(
        DataError, match=r"data\.yaml: names has yes and on, which YAML both reads as True; put them in"
    ):
        registry.find(name).open(file)


def test_the_trainer_of_ultralytics_has_the_names_that_the_recipe_has(tmp_path: Path) -> None:
    with isolated(tmp_path):
        from ultralytics.data.utils import check_det_dataset
    names = [*KEPT, *CHANGED, *(f"'{class_name}'" for class_name in (*CHANGED, "~", "="))]
    data: Any = registry.find("ultralytics").open(data_set(tmp_path, "ultralytics", as_yaml(names, True)))
    (tmp_path / "work").mkdir()
    described = check_det_dataset(data.sets[0].for_trainer(tmp_path / "work"), autodownload=False)
    assert tuple(described["names"].values()) == data.names


def test_the_recipe_of_ultralytics_reads_names_as_ultralytics_does(tmp_path: Path) -> None:
    with isolated(tmp_path):
        from ultralytics.data.utils import check_det_dataset
    file = data_set(tmp_path, "ultralytics", as_yaml([*KEPT, *CHANGED], False))
    data: Any = registry.find("ultralytics").open(file)
    assert tuple(check_det_dataset(str(file), autodownload=False)["names"].values()) == data.names
