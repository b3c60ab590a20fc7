"""Layouts in COCO's form, of labelling tools and public data sets, are read box by box as YOLOX's loader reads them.

Each is rebuilt small; its function names where the layout is described, and returns, by split, the annotation file and
the folder that its file names are relative to. Those in YOLO's form: `test_public_layouts.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.yolo_folders import write
from trainables.yolox.data import open_coco

# In COCO's layout. Each returns, by split, the annotation file and the folder that its file names are relative to.

Coco = dict[str, tuple[Path, str]]

CATEGORIES = [{"id": 1, "name": "cow", "supercategory": "animal"}, {"id": 2, "name": "calf", "supercategory": "animal"}]


def described(
    folder: Path, first: int, name: Callable[[int], str] = lambda index: f"{index:012d}.jpg", **fields: Any
) -> dict[str, Any]:
    """Three pictures of 40 by 24 in `folder` with two, one and no annotation; `fields` go into each annotation."""
    entries, annotations = [], []
    for index in range(first, first + 3):
        path = folder / name(index)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 24), (index * 17 % 256, 60, 9)).save(path)
        entries.append({"id": index, "file_name": name(index), "width": 40, "height": 24})
        for number in range(first + 2 - index):
            box = [3.25 + number, 4.5, 10.5 + index % 5, 6.0]
            annotation = {"id": 10 * index + number, "image_id": index, "category_id": 1 + number % 2, "bbox": box}
            annotations.append(annotation | {"area": box[2] * box[3], "iscrowd": 0} | fields)
    return {"images": entries, "annotations": annotations, "categories": CATEGORIES}


def dump(file: Path, content: Any) -> Path:
    return write(file, json.dumps(content))


def coco_2017(root: Path) -> Coco:
    """https://cocodataset.org/#format-data: crowds as RLE, boxes without height, gaps in the ids of categories."""
    splits = {}
    for split, first in (("train", 0), ("val", 10)):
        content = described(root / f"{split}2017", first, segmentation=[[3, 4, 13, 4, 13, 10]])
        content["categories"] = [{"id": 1, "name": "cow"}, {"id": 90, "name": "calf"}, {"id": 91, "name": "dog"}]
        for annotation in content["annotations"]:
            annotation["category_id"] = {1: 1, 2: 90}[annotation["category_id"]]
        crowd = {"id": 900, "image_id": first, "category_id": 1, "bbox": [0, 0, 9, 9], "area": 81, "iscrowd": 1}
        content["annotations"].append(crowd | {"segmentation": {"counts": [0, 81], "size": [24, 40]}})
        flat = {"id": 901, "image_id": first, "category_id": 1, "bbox": [5, 5, 9, 0], "area": 0, "iscrowd": 0}
        content["annotations"].append(flat)
        file = dump(root / f"annotations/instances_{split}2017.json", content)
        splits[split] = (file, f"{split}2017")
    return splits


def roboflow_coco(root: Path) -> Coco:
    """https://roboflow.com/formats/coco-json: a category 0 that nothing is of, and the JSON among the images."""
    splits = {}
    for split, folder, first in (("train", "train", 0), ("val", "valid", 10)):
        content = described(root / folder, first, lambda index: f"cow-{index}_jpg.rf.{index:032x}.jpg", segmentation=[])
        content["categories"] = [{"id": 0, "name": "cows", "supercategory": "none"}, *CATEGORIES]
        splits[split] = (dump(root / folder / "_annotations.coco.json", content), folder)
    return splits


def cvat_coco(root: Path) -> Coco:
    """https://docs.cvat.ai/docs/manual/advanced/formats/format-coco/: a folder of images a subset, attributes."""
    splits = {}
    for split, first in (("train", 0), ("val", 10)):
        content = described(root / "images" / split, first, attributes={"occluded": False}, segmentation=[])
        content["licenses"] = [{"name": "", "id": 0, "url": ""}]
        splits[split] = (dump(root / f"annotations/instances_{split}.json", content), f"images/{split}")
    return splits


def label_studio_coco(root: Path) -> Coco:
    """https://labelstud.io/guide/export#COCO: file names with their folder, categories from 0, `ignore`."""
    splits = {}
    for split, first in (("train", 0), ("val", 10)):
        content = described(root, first, lambda index: f"images/{index:08x}-cow.jpg", ignore=0, segmentation=[])
        content["categories"] = [{"id": 0, "name": "cow"}, {"id": 1, "name": "calf"}]
        for annotation in content["annotations"]:
            annotation["category_id"] -= 1
        splits[split] = (dump(root / f"annotations/instances_{split}.json", content), "")
    return splits


def beyond_the_edge(root: Path) -> Coco:
    """https://docs.cvat.ai/docs/manual/advanced/formats/format-yolo-ultralytics/: objects beyond the edge."""
    splits = {}
    for split, first in (("train", 0), ("val", 10)):
        content = described(root / "images", first)
        content["annotations"][0] |= {"bbox": [30.5, 20, 20, 20], "area": 400}
        splits[split] = (dump(root / f"annotations/instances_{split}.json", content), "images")
    return splits


COCO = {
    function.__name__: function
    for function in (coco_2017, roboflow_coco, cvat_coco, label_studio_coco, beyond_the_edge)
}


@pytest.mark.parametrize("layout", COCO)
def test_a_coco_layout_is_read_as_yolox_reads_it(layout: str, tmp_path: Path) -> None:
    from yolox.data import CocoDataset

    splits = COCO[layout](tmp_path)
    data = open_coco(tmp_path)
    for split, pictures in (("train", data.train), ("val", data.val)):
        file, folder = splits[split]
        upstreams = CocoDataset(str(tmp_path), str(file), folder, (24, 40))
        ours = {
            picture.path.relative_to(tmp_path / folder).as_posix(): np.column_stack((picture.boxes, picture.classes))
            for picture in pictures
        }
        theirs = {upstreams.annotations[index][3]: upstreams.load_anno(index) for index in range(len(upstreams))}
        assert data.names == upstreams._classes
        assert sorted(ours) == sorted(theirs)
        assert sum(map(len, ours.values())) >= 3
        for name, rows in ours.items():
            assert np.array(sorted(rows.tolist())) == pytest.approx(np.array(sorted(theirs[name].tolist()))), name
