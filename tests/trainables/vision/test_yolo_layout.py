"""Data sets as people and their tools write them are read as Ultralytics reads them: image by image, box by box.

The layouts are those of Roboflow, CVAT, Label Studio, LabelImg, VisDrone and Ultralytics' own YAMLs (coco.yaml,
coco128.yaml, VOC.yaml), rebuilt with small pictures.

People met what is odd about them: paths in ultralytics/ultralytics#1027, ultralytics/ultralytics#18323 and
ultralytics/yolov5#5107; labels in ultralytics/yolov5#10632 (1.0021), HumanSignal/label-studio#5014 (1.0004),
deepcam-cn/yolov5-face#270 (twice); backslashes in ultralytics/ultralytics#2955; labels beside images in
ultralytics/ultralytics#21224; GIFs called .jpg in ultralytics/yolov5#2042; words such as 1e3 in
symfony/symfony#17924; hidden files in bghira/SimpleTuner#94, open-edge-platform/anomalib#865 and
fastai/fastai#488.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.support.yolo_folders import everywhere, images, listed, usual, write
from tests.trainables.vision.conftest import Boxes, UltralyticsBoxes, rows
from trainables.resnet_yolo.data import open_yolo


def our_boxes(file: Path) -> tuple[list[str], dict[str, Boxes]]:
    data = open_yolo(file)
    splits = {"train": data.train, "val": data.val}
    boxes = {
        split: {str(sample.path.resolve()): rows(sample.labels) for sample in images.samples}
        for split, images in splits.items()
    }
    return list(data.names), boxes


def roboflow(root: Path) -> Path:
    for folder, first in (("train", 0), ("valid", 10), ("test", 20)):
        images(root / folder / "images", first=first)
    text = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 2\nnames: ['cow', 'calf']\n"
    return write(root / "data.yaml", text)


def lists(root: Path, prefix: str = "./") -> Path:
    usual(root)
    for split in ("train", "val"):
        names = sorted(path.name for path in (root / "images" / split).iterdir())
        write(root / f"{split}.txt", "".join(f"{prefix}images/{split}/{name}\n" for name in names))
    return write(root / "data.yaml", f"path: {root}\ntrain: train.txt\nval: val.txt\nnames: [cow, calf]\n")


def cvat(root: Path) -> Path:
    """CVAT's export: `obj_train_data` with images and labels side by side, and a list of absolute paths."""
    images(root / "obj_train_data", labels=root / "obj_train_data")
    images(root / "obj_Validation_data", first=10, labels=root / "obj_Validation_data")
    for split, folder in (("train", "obj_train_data"), ("val", "obj_Validation_data")):
        write(root / f"{split}.txt", "".join(f"{path}\n" for path in sorted((root / folder).glob("*.png"))))
    return write(root / "data.yaml", "train: train.txt\nval: val.txt\nnames: {0: cow, 1: calf}\n")


def label_studio(root: Path) -> Path:
    """Label Studio's export: pictures named by their hash, `classes.txt` and `notes.json` at the root."""
    file = usual(root)
    for image in sorted((root / "images").rglob("*.png")):
        label = root / "labels" / image.parent.name / f"{image.stem}.txt"
        image.rename(image.with_name(f"0f3a9c1d-{image.name}"))
        if label.exists():
            label.rename(label.with_name(f"0f3a9c1d-{label.name}"))
    write(root / "classes.txt", "cow\ncalf\n")
    write(root / "notes.json", "{}")
    return file


def label_img(root: Path) -> Path:
    file = usual(root)
    for split in ("train", "val"):
        write(root / "labels" / split / "classes.txt", "cow\ncalf\n")
    return file


def visdrone(root: Path) -> Path:
    images(root / "VisDrone2019-DET-train/images", suffix="jpg")
    images(root / "VisDrone2019-DET-val/images", suffix="jpg", first=10)
    text = "train: VisDrone2019-DET-train/images\nval: VisDrone2019-DET-val/images\nnames:\n  0: cow\n  1: calf\n"
    return write(root / "VisDrone.yaml", f"path: {root}\n{text}")


def voc(root: Path) -> Path:
    for folder, first in (("train2012", 0), ("train2007", 10), ("val2007", 20)):
        images(root / "images" / folder, first=first)
    text = "train:\n  - images/train2012\n  - images/train2007\nval:\n  - images/val2007\nnames: {0: cow, 1: calf}\n"
    return write(root / "VOC.yaml", f"path: {root}\n{text}")


def coco128(root: Path) -> Path:
    """Training and validation on the same pictures."""
    images(root / "images/train2017")
    text = "train: images/train2017\nval: images/train2017\ntest:\nnames: {0: cow, 1: calf}\n"
    return write(root / "coco128.yaml", f"path: {root}\n{text}")


def polygons(label: Path) -> None:
    write(label, "0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n1 0.6 0.6 0.9 0.7 0.7 0.9\n1 0.6 0.6 0.9 0.7 0.7 0.9\n")


def linked(root: Path) -> Path:
    file = usual(root)
    images(root / "store/images", first=30, labels=root / "store/labels")
    (root / "images/train/site").symlink_to(root / "store/images")
    (root / "labels/train/site").symlink_to(root / "store/labels")
    return file


def hidden(root: Path) -> Path:
    file = usual(root)
    shutil.copytree(root / "images/val", root / "images/train/.ipynb_checkpoints")
    write(root / "images/train/._000.png", "AppleDouble")
    return file


def suffixes(root: Path) -> Path:
    file = usual(root)
    for index, suffix in enumerate(("JPG", "Jpeg", "webp", "avif", "bmp", "TIF")):
        images(root / "images/train", count=2, suffix=suffix, first=40 + 2 * index)
    return file


def broken_files(root: Path) -> Path:
    file = usual(root)
    write(root / "images/train/000.png", "no picture")
    write(root / "labels/train/001.txt", "7 0.5 0.5 0.1 0.1\n")
    images(root / "images/train", first=50)
    return file


def nested(root: Path) -> Path:
    """A folder called `images` above another: the last one counts."""
    images(root / "images/farm/images/train", labels=root / "images/farm/labels/train")
    images(root / "images/farm/images/val", first=10, labels=root / "images/farm/labels/val")
    return write(
        root / "data.yaml", "train: images/farm/images/train\nval: images/farm/images/val\nnames: [cow, calf]\n"
    )


def gif(root: Path) -> Path:
    file = usual(root)
    for name in ("GIF", "PPM"):
        Image.new("RGB", (40, 24), (9, 9, 9)).save(root / f"images/train/{name}.jpg", name)
    return file


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "usual": usual,
    "Roboflow": roboflow,
    "CVAT": cvat,
    "Label Studio": label_studio,
    "LabelImg": label_img,
    "VisDrone.yaml": visdrone,
    "VOC.yaml, lists of folders": voc,
    "coco128.yaml, one split twice": coco128,
    "coco.yaml, list files": lists,
    "an empty path": lambda root: usual(root, "path:\nnames: [cow, calf]\n"),
    "the number of classes alone": lambda root: usual(root, "nc: 2\n"),
    "names with text keys": lambda root: usual(root, "names: {'0': cow, '1': calf}\n"),
    "names that are numbers": lambda root: usual(root, "names: [3, 7]\n"),
    "names that YAML 1.2 takes for numbers, and dates": lambda root: usual(root, "names: [1e3, 2024-01-01]\n"),
    "names that are no names": lambda root: usual(root, "names: [null, yes]\n"),
    "nc as text": lambda root: usual(root, "nc: '2'\nnames: [cow, calf]\n"),
    "validation": lambda root: write(usual(root), "train: images/train\nvalidation: images/val\nnames: [cow, calf]\n"),
    "polygons, one twice": everywhere(polygons),
    "two polygons of one box": everywhere(
        lambda label: write(label, "0 0.1 0.1 0.5 0.1 0.5 0.5\n0 0.1 0.1 0.5 0.5 0.1 0.5\n")
    ),
    "a byte order mark": everywhere(lambda label: write(label, label.read_text(), encoding="utf-8-sig")),
    "Windows' line ends": everywhere(lambda label: label.write_bytes(label.read_bytes().replace(b"\n", b"\r\n"))),
    "blank lines and tabs": everywhere(lambda label: write(label, "\n 0\t0.5 0.5  0.25 0.25 \n\n")),
    "numbers with signs and exponents": everywhere(lambda label: write(label, "+0 +0.5 5e-1 2.5E-01 .25\n")),
    "Unicode's spaces and line ends": everywhere(
        lambda label: write(label, "0\u00a00.5 0.5 0.2 0.2\u20281 0.5 0.5 0.3 0.3\x0c1 0.4 0.4 0.1 0.1\r")
    ),
    "polygons that are lines or reach outside": everywhere(
        lambda label: write(label, "0 0.1 0.1 0.5 0.1 0.3 0.1\n1 -0.004 0.1 0.5 0.1 0.5 1.004\n")
    ),
    "labels as far outside as is allowed": everywhere(lambda label: write(label, "0 -0.01 0.5 1.01 0.2\n")),
    "labels that differ beyond single precision": everywhere(
        lambda label: write(label, "0 0.5 0.5 0.25 0.25\n0 0.5 0.5 0.25 0.250000001\n")
    ),
    "each label twice": everywhere(lambda label: write(label, label.read_text() * 2)),
    "rounded beyond the edges": everywhere(lambda label: write(label, "0 0.5 0.5 1.000001 1\n1 -0.000001 0.5 0.2 0.2")),
    "boxes without area": everywhere(lambda label: write(label, "0 0.5 0.5 0 0.1\n1 0.5 0.5 0.25 0.25\n")),
    "classes as floats": everywhere(lambda label: write(label, "1.0 0.5 0.5 0.25 0.25\n")),
    "linked folders": linked,
    "hidden files and folders": hidden,
    "many suffixes": suffixes,
    "images and labels that are broken": broken_files,
    "images below images": nested,
    "a list that names images which are not there": listed("./images/train/999.png", "C:\\\\cows\\\\1.png"),
    "a list with a suffix in another case": listed(suffix="PNG"),
    "a list with comments and folders": listed("# cows", "./images/val", "images.png/"),
    "lists and folders together": lambda root: write(
        listed()(root), "train: [train.txt, images/train]\nval: images/val\nnames: [cow, calf]\n"
    ),
    "GIF and PPM called .jpg": gif,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_read_as_ultralytics_reads_it(
    layout: str, tmp_path: Path, ultralytics_boxes: UltralyticsBoxes
) -> None:
    file = LAYOUTS[layout](tmp_path / "my data")
    names, boxes = our_boxes(file)
    assert any(boxes["train"].values())
    assert (names, boxes) == ultralytics_boxes(file)
