"""A data set is the same in YOLO's and in COCO's layout, for each recipe that detects."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from trainables.resnet_yolo.data import open_yolo
from trainables.samples.digits import write_yolo
from trainables.vision.detection_data import read_samples
from trainables.vision.findings import Findings
from trainables.yolox.data import open_coco


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same pictures of digits in YOLO's layout and in COCO's."""
    folder = tmp_path_factory.mktemp("both")
    yolo = write_yolo(folder / "yolo", train=6, val=3, size=64)
    coco = folder / "coco"
    (coco / "annotations").mkdir(parents=True)
    data = read_samples(yolo, Findings())
    for split, samples in (("train", data.train), ("val", data.val)):
        shutil.copytree(yolo.parent / "images" / split, coco / split)
        images, annotations = [], []
        for number, sample in enumerate(samples):
            size = {"width": sample.width, "height": sample.height}
            images.append({"id": number, "file_name": sample.path.name, **size})
            for kind, cx, cy, w, h in sample.labels.tolist():
                width, height = w * sample.width, h * sample.height
                box = [cx * sample.width - width / 2, cy * sample.height - height / 2, width, height]
                annotations.append({"image_id": number, "category_id": int(kind), "bbox": box, "area": width * height})
        categories = [{"id": index, "name": name} for index, name in enumerate(data.names)]
        content = {"images": images, "annotations": annotations, "categories": categories}
        (coco / f"annotations/instances_{split}.json").write_text(json.dumps(content))
    return yolo, coco


def test_resnet_yolo_reads_the_same_labels_from_both(layouts: tuple[Path, Path]) -> None:
    yolo, coco = map(open_yolo, layouts)
    assert yolo.names == coco.names
    for ours, theirs in ((yolo.train, coco.train), (yolo.val, coco.val)):
        assert len(ours) == len(theirs) > 0
        for index in range(len(ours)):
            assert np.array_equal(ours.load(index, 96)[0], theirs.load(index, 96)[0])
            assert np.allclose(ours.load(index, 96)[1], theirs.load(index, 96)[1], atol=0.01)


def test_yolox_reads_the_same_boxes_from_both(layouts: tuple[Path, Path]) -> None:
    yolo, coco = map(open_coco, layouts)
    assert yolo.names == coco.names
    for ours, theirs in zip((*yolo.train, *yolo.val), (*coco.train, *coco.val), strict=True):
        assert (ours.width, ours.height) == (theirs.width, theirs.height)
        assert ours.classes.tolist() == theirs.classes.tolist()
        assert np.allclose(ours.boxes, theirs.boxes, atol=0.01)
