"""What the loader of COCO data sets accepts, what it refuses and in which words.

People met the kinds in cocodataset/cocoapi#355 (train2017's boxes without height), open-mmlab/mmdetection#5525,
ContinualAI/clvision-challenge-2022#3 and open-edge-platform/datumaro#156 (category 0),
swatig007/automlForImages#27 (shares in place of pixels).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from trainables.errors import DataError
from trainables.samples.coco_digits import write_coco
from trainables.yolox.data import open_coco
from trainables.yolox.recipe import Yolox


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two pictures to train on and one held out, 40 by 20 pixels, each with one object; ids begin anywhere."""
    categories = [{"id": 9, "name": "calf"}, {"id": 4, "name": "cow"}]
    (tmp_path / "annotations").mkdir()
    for split, names in (("train", ("a.png", "b.png")), ("val", ("c.png",))):
        (tmp_path / split).mkdir()
        images, annotations = [], []
        for number, name in enumerate(names, start=10):
            Image.new("RGB", (40, 20), (80 * number % 256, len(split) * 9, 0)).save(tmp_path / split / name)
            images.append({"id": number, "file_name": name, "width": 40, "height": 20})
            annotations.append(
                {"id": number, "image_id": number, "category_id": 9, "bbox": [10, 5, 10, 10], "area": 100}
            )
        save(tmp_path, split, {"images": images, "annotations": annotations, "categories": categories})
    return tmp_path


def load(root: Path, split: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((root / f"annotations/instances_{split}.json").read_text())
    return content


def save(root: Path, split: str, content: Any) -> None:
    (root / f"annotations/instances_{split}.json").write_text(json.dumps(content))


def entry(key: str, **fields: Any) -> Callable[[Path], None]:
    """Change the first entry of a list in the training split; None deletes a field."""

    def spoil(root: Path) -> None:
        content = load(root, "train")
        content[key][0] = {name: value for name, value in (content[key][0] | fields).items() if value is not None}
        save(root, "train", content)

    return spoil


def whole(**lists: Any) -> Callable[[Path], None]:
    return lambda root: save(root, "train", load(root, "train") | lists)


def text(words: str) -> Callable[[Path], object]:
    return lambda root: (root / "annotations/instances_train.json").write_text(words)


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (
        lambda root: shutil.rmtree(root / "annotations"),
        r"for train are none; .* exactly one of",
    ),
    "two files of a split": (
        lambda root: shutil.copy(root / "annotations/instances_val.json", root / "annotations/instances_val2.json"),
        r"val are annotations/instances_val\.json, .*val2\.json; it must hold exactly one",
    ),
    "broken JSON": (text('{"images": [\n{]}'), r"instances_train\.json line 2: not valid JSON"),
    "a list": (text("[]"), r"list 'images' is missing"),
    "no annotations": (whole(annotations=None), r"list 'annotations' is missing"),
    "an entry that is none": (whole(images=[3]), r"images\[0\] is '3'; it must be an object"),
    "no category": (whole(categories=[]), r"categories is empty"),
    "a crowd that is a text": (
        entry("annotations", iscrowd="0"),
        r"annotations\[0\]: iscrowd is '0'; it must be 0, or 1",
    ),
    "category twice": (whole(categories=[{"id": 1, "name": "a"}] * 2), r"categories\[1\]: id 1 is given twice"),
    "two of one name": (
        lambda root: save(
            root,
            "train",
            {
                "images": load(root, "train")["images"],
                "annotations": [
                    {"image_id": 10, "category_id": number, "bbox": [10, 5, 10, 10], "area": 100} for number in (4, 9)
                ],
                "categories": [{"id": 9, "name": "cow"}, {"id": 4, "name": "cow"}],
            },
        ),
        r"categories: ids 4 and 9 are both called 'cow'; every class needs its own name, so rename one of them",
    ),
    "other categories": (
        lambda root: save(root, "val", load(root, "val") | {"categories": [{"id": 9, "name": "ox"}]}),
        r"its categories are not those of .*instances_train\.json \(only one has 'calf', 'cow', 'ox'\)",
    ),
    "the same categories by other ids": (
        lambda root: save(
            root, "val", load(root, "val") | {"categories": [{"id": 9, "name": "cow"}, {"id": 4, "name": "calf"}]}
        ),
        r"its categories are not those of .*instances_train\.json \(their ids give another order\); both must be",
    ),
    "image without id": (entry("images", id=None), r"images\[0\]: id is None; it must be a whole number"),
    "image id twice": (entry("images", id=11), r"images\[1\]: id 11 is given twice"),
    "file name missing": (entry("images", file_name=7), r"images\[0\]: file_name is 7; it must be a text"),
    "a file elsewhere": (entry("images", file_name="../b.png"), r"file_name is '\.\./b\.png'; it must be under"),
    "a file anywhere": (entry("images", file_name="/etc/a.png"), r"file_name is '/etc/a\.png'; it must be under"),
    "width a word": (entry("images", width="40"), r"images\[0\]: width is '40'"),
    "wrong size": (entry("images", width=41), r"a\.png: is 40 by 20 pixels; the annotations say 41 by 20"),
    "image missing": (lambda root: (root / "train/a.png").unlink(), r"train/a\.png: no such image"),
    "no picture": (lambda root: (root / "train/a.png").write_text("hello"), r"train/a\.png: cannot be decoded"),
    "unknown image": (entry("annotations", image_id=77), r"annotations\[0\]: image_id is 77"),
    "unknown category": (
        entry("annotations", category_id=1),
        r"category_id is 1, which no entry of categories has",
    ),
    "three numbers": (entry("annotations", bbox=[1, 2, 3]), r"annotations\[0\]: bbox is \[1, 2, 3\]; .* four finite"),
    "not a number": (entry("annotations", bbox=[1, 2, float("nan"), 4]), r"annotations\[0\]: bbox is .* four finite"),
    "no bbox": (entry("annotations", bbox=None), r"annotations\[0\]: bbox is None"),
    "nothing to find": (whole(annotations=[]), r"no image has an annotation"),
    "crowds alone": (
        whole(annotations=[{"image_id": 10, "category_id": 4, "bbox": [1, 2, 5, 4], "iscrowd": 1}]),
        r"no image has an annotation .* \(.*annotations\[0\]: a crowd; not trained on\)",
    ),
    "areas of 0": (
        whole(annotations=[{"image_id": 10, "category_id": 4, "bbox": [1, 2, 5, 4], "area": 0}]),
        r"no image has an annotation .* \(.*annotations\[0\]: a box of 5 by 4 pixels, area 0; left out\)",
    ),
    "shares of the image": (
        whole(annotations=[{"image_id": 10, "category_id": 4, "bbox": [0.2, 0.3, 0.5, 0.5]}]),
        r"every bbox is within the first pixel; COCO's are in pixels",
    ),
    "a name that is none": (entry("categories", name=True), r"categories\[0\]: name is True; it must be a text"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case: str, root: Path) -> None:
    spoil, complaint = WRONG[case]
    spoil(root)
    with pytest.raises(DataError, match=complaint):
        open_coco(root)


TOLD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no area": (entry("annotations", bbox=[1, 2, 0, 4]), r"annotations\[0\]: a box of 0 by 4 pixels"),
    "an area of 0": (entry("annotations", area=0.0), r"annotations\[0\]: a box of 10 by 10 pixels, area 0"),
    "outside": (entry("annotations", bbox=[40, 2, 5, 4]), r"annotations\[0\]: bbox .* is outside its image"),
    "no width to speak of": (
        entry("annotations", bbox=[1, 2, 1e-9, 4]),
        r"annotations\[0\]: a box of 1e-09 by 4 pixels",
    ),
    "beyond the edge": (entry("annotations", bbox=[35, 2, 10, 4]), r"annotations\[0\]: bbox .* cut at the edge"),
    "a crowd": (entry("annotations", iscrowd=1), r"annotations\[0\]: a crowd"),
    "the same object twice": (
        whole(annotations=[{"image_id": 10, "category_id": 4, "bbox": [1, 2, 5, 4]}] * 3),
        r"2 of the 3 annotations of a\.png repeat another one",
    ),
    "an entry for each object": (entry("images", file_name="b.png"), r"2 entries of images name b\.png"),
    "a picture in both splits": (
        lambda root: shutil.copy(root / "train/b.png", root / "val/c.png"),
        r"val/c\.png: is the same file as .*train/b\.png",
    ),
}


@pytest.mark.parametrize("case", TOLD)
def test_what_upstream_leaves_out_is_left_out_and_told(case: str, root: Path) -> None:
    spoil, sentence = TOLD[case]
    spoil(root)
    (finding,) = open_coco(root).findings
    assert re.search(sentence, str(finding))


def test_a_roboflow_export_is_read_as_it_is_downloaded(root: Path) -> None:
    for split, folder in (("train", "train"), ("val", "valid")):
        content = load(root, split)
        (root / split).rename(root / folder)
        (root / folder / "_annotations.coco.json").write_text(json.dumps(content))
    shutil.rmtree(root / "annotations")
    data = open_coco(root)
    assert [picture.path.name for picture in (*data.train, *data.val)] == ["a.png", "b.png", "c.png"]


def test_images_may_lie_together_and_ids_may_be_texts_and_sizes_floats(root: Path) -> None:
    (root / "images").mkdir()
    for split in ("train", "val"):
        content = load(root, split)
        for image in content["images"]:
            shutil.move(root / split / image["file_name"], root / "images")
            image |= {"id": f"image-{image['id']}", "width": 40.0, "height": 20.0}
        for annotation in content["annotations"]:
            annotation["image_id"] = f"image-{annotation['image_id']}"
        save(root, split, content)
    assert [picture.boxes.tolist() for picture in open_coco(root).train] == [[[10, 5, 20, 15]]] * 2


def test_a_category_without_annotations_may_have_the_name_of_another_one(root: Path) -> None:
    """Roboflow's category 0 has the name of the group of classes, which may be called like its only class."""
    for split in ("train", "val"):
        listed = [{"id": 0, "name": "calf", "supercategory": "none"}, {"id": 9, "name": "calf"}]
        save(root, split, load(root, split) | {"categories": listed})
    data = open_coco(root)
    assert data.names == ("calf (0)", "calf")
    assert [picture.classes.tolist() for picture in (*data.train, *data.val)] == [[1]] * 3, "as YOLOX numbers them"
    told = "categories: id 0, which no annotation has, is called 'calf' like id 9; read as 'calf (0)'"
    assert [finding.detail for finding in data.findings] == [told] * 2


def test_a_name_may_be_a_number(root: Path) -> None:
    for split in ("train", "val"):
        save(root, split, load(root, split) | {"categories": [{"id": 9, "name": 7}, {"id": 4, "name": 3}]})
    assert open_coco(root).names == ("3", "7")


def test_classes_are_the_categories_by_id(root: Path) -> None:
    data = open_coco(root)
    assert data.names == ("cow", "calf")
    assert data.train[0].classes.tolist() == [1]
    assert data.train[0].boxes.tolist() == [[10.0, 5.0, 20.0, 15.0]]


def test_boxes_are_cut_and_crowds_left_out_as_upstream_does(root: Path) -> None:
    content = load(root, "train")
    content["annotations"][0] |= {"bbox": [-5, 5, 10, 40]}
    content["annotations"][1] |= {"iscrowd": 1}
    save(root, "train", content)
    assert [picture.boxes.tolist() for picture in open_coco(root).train] == [[[0.0, 5.0, 5.0, 20.0]], []]


def test_no_object_of_a_full_picture_is_left_out(root: Path) -> None:
    """Upstream's loader takes the first 120 of a training image, a mosaic of four pictures too."""
    from trainables.yolox.images import HeldOut, Pictures, training_images
    from trainables.yolox.training import experiment

    Image.new("RGB", (400, 200)).save(root / "train/a.png")
    content = load(root, "train")
    content["images"][0] |= {"width": 400, "height": 200}
    content["annotations"] += [
        {"id": 100 + number, "image_id": 10, "category_id": 9, "bbox": [number % 20 * 20, number // 20 * 20, 10, 10]}
        for number in range(200)
    ]
    save(root, "train", content)
    data = open_coco(root)
    pictures = Pictures(data.train, (200, 400), data.cache)
    trained = training_images(pictures, experiment(Yolox().settings("tiny", {}), len(data.names)))
    trained.enable_mosaic = False
    for images in (trained, HeldOut(pictures)):
        targets = images[0][1]
        assert (targets.sum(axis=1) > 0).sum() == 201
        assert len(targets) == 5 * 201


def test_upstreams_own_loader_reads_the_same_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from yolox.data import CocoDataset

    from trainables.yolox.images import Pictures

    root = write_coco(tmp_path / "digits", train=4, val=2, size=64)
    data = open_coco(root)
    ours = Pictures(data.train, (96, 160), data.cache)
    upstreams = CocoDataset(str(root), "instances_train.json", "train", (96, 160))
    for index in range(4):
        image, labels, size, _ = ours.pull_item(index)
        expected_pixels, expected_targets, shape, _ = upstreams.pull_item(index)
        assert (image == expected_pixels).all()
        assert labels == pytest.approx(expected_targets)
        assert size == shape


def test_the_fingerprint_is_of_the_content_not_of_the_place(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = tmp_path_factory.mktemp("copy") / "data"
    shutil.copytree(root, copy)
    before = open_coco(root).fingerprint
    assert open_coco(copy).fingerprint == before
    entry("annotations", bbox=[10, 5, 10, 11])(copy)
    assert open_coco(copy).fingerprint != before


def test_a_sample_that_is_there_is_left_alone(tmp_path: Path) -> None:
    root = write_coco(tmp_path / "digits", train=2, val=2, size=64)
    stamp = (root / "annotations/instances_val.json").stat().st_mtime_ns
    again = write_coco(tmp_path / "digits", train=2, val=2, size=64)
    assert (again / "annotations/instances_val.json").stat().st_mtime_ns == stamp
