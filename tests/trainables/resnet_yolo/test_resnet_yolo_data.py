"""What the loader of YOLO data sets accepts, what it refuses and in which words, and what it keeps."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainables.errors import DataError
from trainables.resnet_yolo.data import open_yolo


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two pictures to train on and one held out, 40 by 20 pixels, each with one object."""
    for index, name in enumerate(("train/a", "train/b", "val/c")):
        picture = tmp_path / "images" / f"{name}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 20), (80 * index, 0, 0)).save(picture)
        write(tmp_path / "labels" / f"{name}.txt", "1 0.5 0.5 0.25 0.5\n")
    write(tmp_path / "data.yaml", "train: images/train\nval: images/val\nnames: [cow, calf]\n")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def label(text: str) -> Callable[[Path], None]:
    return lambda root: write(root / "labels/train/a.txt", f"0 0.5 0.5 0.1 0.1\n{text}\n")


def described(text: str) -> Callable[[Path], None]:
    return lambda root: write(root / "data.yaml", text)


def truncate(root: Path) -> None:
    path = root / "images/train/a.jpg"
    Image.effect_noise((64, 64), 90).save(path)
    (root / "images/train/a.png").unlink()
    path.write_bytes(path.read_bytes()[:700])


def tiny(root: Path) -> None:
    Image.new("RGB", (9, 9)).save(root / "images/train/a.png")


def folder_of_labels(root: Path) -> None:
    (root / "labels/train/a.txt").unlink()
    (root / "labels/train/a.txt").mkdir()


def link_to_nothing(root: Path) -> None:
    (root / "labels/train/a.txt").unlink()
    (root / "labels/train/a.txt").symlink_to(root / "nowhere.txt")


def pipe_of_labels(root: Path) -> None:
    (root / "labels/train/a.txt").unlink()
    os.mkfifo(root / "labels/train/a.txt")


def hidden_folder(root: Path) -> None:
    (root / "images/train/.ipynb_checkpoints").mkdir()
    shutil.copy(root / "images/train/a.png", root / "images/train/.ipynb_checkpoints/a-checkpoint.png")


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no data YAML": (lambda root: (root / "data.yaml").unlink(), r"data\.yaml: no such file"),
    "no mapping": (described("- 1"), r"data\.yaml: holds a list"),
    "broken YAML": (described("train: [a\nval: b"), r"data\.yaml line 2: not valid YAML"),
    "missing key": (described("train: images/train\nnames: [a]"), r"data\.yaml: key 'val' is missing"),
    "a list of no folders": (
        described("train: [a, b]\nval: c\nnames: [a]"),
        r"data\.yaml: train is a, but .* has no a",
    ),
    "a path that is too long": (
        described(f"train: {'a/' * 4000}\nval: c\nnames: [a]"),
        r"data\.yaml: train is a/.* has no a",
    ),
    "no path": (described("train: 7\nval: images/val\nnames: [a]"), r"data\.yaml: train is 7; it must be a path"),
    "no names": (described("train: images/train\nval: images/val\nnames: []"), r"data\.yaml: names is \[\]"),
    "names with a gap": (described("train: images/train\nval: images/val\nnames: {0: a, 2: b}"), r"the keys \[0, 2\]"),
    "one name twice": (described("train: images/train\nval: images/val\nnames: [a, a]"), r"names has 'a' twice"),
    "too few names": (described("train: images/train\nval: images/val\nnc: 3\nnames: [a, b]"), r"nc is 3, but .* 2"),
    "no number": (described("train: images/train\nval: images/val\nnc: many"), r"nc is 'many'; it must be the number"),
    "missing folder": (lambda root: shutil.rmtree(root / "images/val"), r"val is images/val, but .*images has no val"),
    "empty folder": (lambda root: (root / "images/val/c.png").unlink(), r"val \(images/val\) holds no image"),
    "nothing to find": (lambda root: write(root / "labels/val/c.txt", ""), r"no image of val has a label"),
    "no label is valid": (
        lambda root: write(root / "labels/val/c.txt", "9 1 1 1 1"),
        r"none of the 1 images .*class is 9",
    ),
    "labels that are a folder": (folder_of_labels, r"labels/train/a\.txt: is no regular file but a folder"),
    "labels that are a link to nothing": (link_to_nothing, r"labels/train/a\.txt: is a link to nothing"),
    "labels that are a pipe": (pipe_of_labels, r"labels/train/a\.txt: is no regular file but a pipe"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_trained_on_is_refused_in_a_sentence(case: str, root: Path) -> None:
    spoil, complaint = REFUSED[case]
    spoil(root)
    with pytest.raises(DataError, match=complaint):
        open_yolo(root / "data.yaml")


LEFT_OUT: dict[str, tuple[Callable[[Path], object], str]] = {
    "four values": (label("1 0.5 0.5 0.1"), r"labels/train/a\.txt: line 2: has 4 values"),
    "a word": (label("cow 0.5 0.5 0.1 0.1"), r"a\.txt: line 2: 'cow 0\.5 0\.5 0\.1 0\.1' is not all numbers"),
    "not a number": (label("1 nan 0.5 0.1 0.1"), r"a\.txt: line 2: .* not finite"),
    "infinite": (label("1 0.5 0.5 inf 0.1"), r"a\.txt: line 2: .* not finite"),
    "class too high": (label("2 0.5 0.5 0.1 0.1"), r"a\.txt: line 2: class is 2; it must be .* from 0 to 1"),
    "class below 0": (label("-1 0.5 0.5 0.1 0.1"), r"a\.txt: line 2: class is -1"),
    "half a class": (label("0.5 0.5 0.5 0.1 0.1"), r"a\.txt: line 2: class is 0\.5"),
    "pixels": (label("1 20 0.5 0.1 0.1"), r"a\.txt: line 2: 20 is no share of the image"),
    "negative": (label("1 0.5 0.5 0.1 -0.005"), r"a\.txt: line 2: the box is 0\.1 by -0\.005"),
    "no picture": (lambda root: write(root / "images/train/a.png", "hello"), r"images/train/a\.png: cannot be decoded"),
    "a truncated picture": (truncate, r"images/train/a\.jpg: cannot be decoded"),
    "a tiny picture": (tiny, r"images/train/a\.png: is 9x9 pixels, and both sides must be at least 10"),
    "binary labels": (lambda root: (root / "labels/train/a.txt").write_bytes(b"\xff\xfe"), r"a\.txt: is no UTF-8 text"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_an_image_that_ultralytics_leaves_out_is_left_out_and_named(case: str, root: Path) -> None:
    spoil, sentence = LEFT_OUT[case]
    spoil(root)
    data = open_yolo(root / "data.yaml")
    assert [sample.path.name for sample in data.train.samples] == ["b.png"]
    (finding,) = data.findings
    assert re.search(sentence, str(finding))


NOTED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a polygon": (label("1 0.1 0.1 0.2 0.2 0.3 0.1"), r"a\.txt: 1 polygons"),
    "a box without width": (label("1 0.5 0.5 0 0.1"), r"a\.txt: 1 boxes have a side of 0"),
    "a label twice": (label("0 0.5 0.5 0.1 0.1"), r"a\.txt: 1 of 2 labels repeat"),
    "rounded beyond the edge": (label("1 0.5 0.5 1.000001 0.1"), r"a\.txt: coordinates below 0 or above 1"),
    "labels of no picture": (
        lambda root: write(root / "labels/train/z.txt", "0 0.5 0.5 0.1 0.1"),
        r"labels/train/z\.txt: has no image",
    ),
    "labels in other capitals": (
        lambda root: (root / "labels/train/a.txt").rename(root / "labels/train/A.txt"),
        r"labels/train/A\.txt: its image 'a\.png' differs in capitals, .* and is background; rename one",
    ),
    "labels of an accent that macOS encoded": (
        lambda root: [
            (root / "images/train/a.png").rename(root / "images/train/\u00e9.png"),
            (root / "labels/train/a.txt").rename(root / "labels/train/e\u0301.txt"),
        ],
        r"labels/train/e\u0301\.txt: its image '\\xe9\.png' differs in .* how accents are encoded and is background",
    ),
    "names that YAML takes for something else": (
        lambda root: write(root / "data.yaml", "train: images/train\nval: images/val\nnames: [no, 1.10]\n"),
        r"data\.yaml: names are read otherwise than they are written: no as False, 1\.10 as 1\.1; put what is",
    ),
    "a picture in both splits": (
        lambda root: shutil.copy(root / "images/train/b.png", root / "images/val/other.png"),
        r"images/val/other\.png: is the same file as .*images/train/b\.png",
    ),
    "a hidden folder": (hidden_folder, r"images/train/\.ipynb_checkpoints: a hidden folder"),
    "a file of another kind": (
        lambda root: write(root / "images/train/a.gif", ""),
        r"a\.gif: \.gif is no image",
    ),
}


@pytest.mark.parametrize("case", NOTED)
def test_what_is_repaired_or_odd_is_told(case: str, root: Path) -> None:
    spoil, sentence = NOTED[case]
    spoil(root)
    data = open_yolo(root / "data.yaml")
    assert len(data.train) == 2
    (finding,) = data.findings
    assert re.search(sentence, str(finding))


def test_of_plain_data_nothing_is_told(root: Path) -> None:
    write(root / "labels/train/classes.txt", "cow\ncalf\n")  # as LabelImg leaves it there
    assert [*open_yolo(root / "data.yaml").findings] == []


def test_labels_of_pictures_that_a_list_leaves_out_are_no_orphans(root: Path) -> None:
    """Splits as lists of one folder: each label file belongs to a picture of some split, or of none."""
    for name in ("train/a.png", "train/b.png"):
        write(root / f"{name[-5]}.list.txt", f"./images/{name}\n")
    write(root / "data.yaml", "train: a.list.txt\nval: b.list.txt\nnames: [cow, calf]\n")
    assert [*open_yolo(root / "data.yaml").findings] == []


def test_a_picture_without_labels_is_background(root: Path) -> None:
    (root / "labels/train/a.txt").unlink()
    assert [len(sample.labels) for sample in open_yolo(root / "data.yaml").train.samples] == [0, 1]


def test_names_may_be_a_mapping_and_path_a_folder(root: Path) -> None:
    write(root / "elsewhere/data.yaml", "path: ..\ntrain: images/train\nval: images/val\nnames: {0: cow, 1: calf}\n")
    assert open_yolo(root / "elsewhere/data.yaml").names == ("cow", "calf")


def test_pictures_are_letterboxed_and_their_boxes_with_them(root: Path) -> None:
    pixels, labels = open_yolo(root / "data.yaml").train.load(1, 80)
    assert pixels.shape == (80, 80, 3)
    assert pixels[0, 0].tolist() == [114, 114, 114]
    assert pixels[40, 40].tolist() == [80, 0, 0]
    assert labels.tolist() == [[1.0, 30.0, 30.0, 50.0, 50.0]]


def test_boxes_are_cut_at_the_pictures_edge(root: Path) -> None:
    write(root / "labels/train/a.txt", "0 0.0 0.5 0.5 0.5\n")
    assert open_yolo(root / "data.yaml").train.load(0, 40)[1].tolist() == [[0.0, 0.0, 15.0, 10.0, 25.0]]


def test_a_box_that_the_pictures_edge_leaves_nothing_of_is_not_trained_on(root: Path) -> None:
    write(root / "labels/train/a.txt", "0 0.5 0.5 0.5 0.5\n1 1.008 0.5 0.01 0.1\n1 0.5 -0.004 0.1 0.006\n")
    data = open_yolo(root / "data.yaml")
    assert data.train.load(0, 40)[1].tolist() == [[0.0, 10.0, 15.0, 30.0, 25.0]]
    assert [str(finding).rpartition(": ")[2] for finding in data.findings] == [
        "coordinates below 0 or above 1 by rounding; boxes are cut at the image's edge",
        "2 boxes have a side of 0 within the image; removed",
    ]


def test_a_picture_is_decoded_once_while_there_is_room(root: Path) -> None:
    picture_bytes = 40 * 40 * 3 + 20
    data = open_yolo(root / "data.yaml", cache_bytes=picture_bytes)
    data.train.preload(40)
    assert data.train.load(0, 40)[0] is data.train.load(0, 40)[0]
    assert data.train.load(1, 40)[0] is not data.train.load(1, 40)[0]


def test_entries_that_name_one_picture_keep_their_own_objects(root: Path) -> None:
    """Also across the splits: the pixels that are kept are those of the file, the labels those of the entry."""
    (root / "data.yaml").unlink()
    picture = {"file_name": "train/a.png", "width": 40, "height": 20}
    for split, classes in (("train", (1, 2)), ("val", (2,))):
        content = {
            "images": [{"id": kind, **picture} for kind in classes],
            "annotations": [
                {"id": kind, "image_id": kind, "category_id": kind, "bbox": [8 * kind, 4, 8, 8]} for kind in classes
            ],
            "categories": [{"id": 1, "name": "cow"}, {"id": 2, "name": "calf"}],
        }
        write(root / f"annotations/instances_{split}.json", json.dumps(content))
    data = open_yolo(root)
    cow, calf = [0.0, 8.0, 14.0, 16.0, 22.0], [1.0, 16.0, 14.0, 24.0, 22.0]
    loaded = [data.train.load(0, 40), data.train.load(1, 40), data.val.load(0, 40)]
    assert [labels.round(3).tolist() for _, labels in loaded] == [[cow], [calf], [calf]]
    assert loaded[0][0] is loaded[2][0]


def test_what_is_kept_cannot_be_changed_by_a_trial(root: Path) -> None:
    pixels, _ = open_yolo(root / "data.yaml").train.load(0, 40)
    with pytest.raises(ValueError, match="read-only"):
        pixels += np.uint8(1)


def test_the_fingerprint_is_of_the_content_not_of_the_place(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = tmp_path_factory.mktemp("copy") / "data"
    shutil.copytree(root, copy)
    before = open_yolo(root / "data.yaml").fingerprint
    assert open_yolo(copy / "data.yaml").fingerprint == before
    write(copy / "labels/train/a.txt", "0 0.5 0.5 0.25 0.5\n")
    assert open_yolo(copy / "data.yaml").fingerprint != before
