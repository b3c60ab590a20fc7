"""Layouts that labelling tools and public data sets have are read box by box as Ultralytics' own loader reads them.

Each is rebuilt small; its function names where the layout is described. Those in COCO's form:
`test_public_layouts_coco.py`. More of YOLO's: `test_yolo_layout.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.yolo_folders import images, write
from tests.trainables.vision.conftest import UltralyticsBoxes
from tests.trainables.vision.test_yolo_layout import our_boxes

NAMES = "names: {0: cow, 1: calf}\n"


def relabel(labels: Iterable[Path], text: str) -> None:
    """`text` in each label file, shifted a little from one to the next."""
    for index, file in enumerate(sorted(labels)):
        kind, *numbers = text.split()
        write(file, " ".join([kind, *(f"{float(number) + 0.01 * index:.4f}" for number in numbers)]) + "\n")


def roboflow_yolov5(root: Path) -> Path:
    """https://roboflow.com/formats/yolov5-pytorch-txt; paths that lead out of the folder that was unpacked."""
    for folder, first in (("train", 0), ("valid", 10), ("test", 20)):
        images(root / folder / "images", first=first, suffix="jpg")
    return write(root / "data.yaml", "train: ../train/images\nval: ../valid/images\n\nnc: 2\nnames: ['cow', 'calf']\n")


def roboflow_yolov8(root: Path) -> Path:
    """https://roboflow.com/formats/yolov8-pytorch-txt; `.rf.` and a hash in names, a section `roboflow`."""
    file = roboflow_yolov5(root)
    for path in [*root.rglob("*.jpg"), *root.rglob("*.txt")]:
        path.rename(path.with_name(f"{path.stem}_jpg.rf.{int(path.stem):032x}{path.suffix}"))
    write(root / "README.roboflow.txt", "Exported.\n")
    section = "roboflow:\n  workspace: farm\n  project: cows\n  version: 3\n  license: CC BY 4.0\n"
    return write(file, f"{file.read_text()}test: ../test/images\n\n{section}")


def cvat_yolo(root: Path) -> Path:
    """https://docs.cvat.ai/docs/manual/advanced/formats/format-yolo/: images and labels together, obj.names, lists."""
    for folder, name, first in (("obj_train_data", "train", 0), ("obj_valid_data", "valid", 10)):
        images(root / folder, labels=root / folder, first=first)
        write(
            root / f"{name}.txt", "".join(f"./{folder}/{path.name}\n" for path in sorted((root / folder).glob("*.png")))
        )
    write(root / "obj.names", "cow\ncalf\n")
    write(root / "obj.data", "classes = 2\ntrain = train.txt\nvalid = valid.txt\nnames = obj.names\n")
    return write(root / "data.yaml", f"train: train.txt\nval: valid.txt\n{NAMES}")


def cvat_tracks(root: Path) -> Path:
    """https://docs.cvat.ai/docs/manual/advanced/formats/format-yolo-ultralytics/: a track's id ends each line."""
    file = usual(root)
    relabel([root / "labels/train/000.txt"], "0 0.4 0.4 0.2 0.2 7")
    return file


def cvat_oriented(root: Path) -> Path:
    """https://docs.cvat.ai/docs/manual/advanced/formats/format-yolo-ultralytics/: boxes by their four corners."""
    file = usual(root)
    relabel(root.glob("labels/*/*.txt"), "1 0.30 0.20 0.50 0.30 0.45 0.50 0.25 0.40")
    return file


def label_studio(root: Path) -> Path:
    """https://labelstud.io/guide/export#YOLO: all images in one folder, split by lists that the user writes."""
    images(root / "images", count=8)
    for path in [*root.glob("images/*"), *root.glob("labels/*")]:
        path.rename(path.with_name(f"{int(path.stem):08x}-{path.name}"))
    write(root / "classes.txt", "cow\ncalf\n")
    write(root / "notes.json", json.dumps({"categories": [{"id": 0, "name": "cow"}, {"id": 1, "name": "calf"}]}))
    names = sorted(path.name for path in (root / "images").iterdir())
    for split, members in (("train", names[:5]), ("val", names[5:])):
        write(root / f"{split}.txt", "".join(f"./images/{name}\n" for name in members))
    return write(root / "data.yaml", f"train: train.txt\nval: val.txt\n{NAMES}")


def label_img(root: Path) -> Path:
    """https://github.com/HumanSignal/labelImg#steps-yolo: labels beside the images, classes.txt among them."""
    for folder, first in (("farm a", 0), ("farm b", 10)):
        images(root / folder, labels=root / folder, first=first, suffix="JPG")
        write(root / folder / "classes.txt", "cow\ncalf\n")
    return write(root / "data.yaml", f"train: farm a\nval: farm b\n{NAMES}")


def usual(root: Path, described: str = NAMES) -> Path:
    images(root / "images/train", suffix="jpg")
    images(root / "images/val", first=10, suffix="jpg")
    return write(root / "data.yaml", f"path: {root}\ntrain: images/train\nval: images/val\n{described}")


def open_images(root: Path) -> Path:
    """https://docs.ultralytics.com/datasets/detect/open-images-v7/: ids as file names, no test split."""
    file = usual(root, f"test:\n{NAMES}")
    for path in [*root.rglob("*.jpg"), *root.rglob("*.txt")]:
        path.rename(path.with_name(f"{int(path.stem) * 7919:016x}{path.suffix}"))
    return file


def visdrone(root: Path) -> Path:
    """https://docs.ultralytics.com/datasets/detect/visdrone/: hundreds of objects in a picture, some twice."""
    for folder, first in (("train", 0), ("val", 10)):
        images(root / f"VisDrone2019-DET-{folder}/images", first=first, suffix="jpg")
    crowded = [f"{index % 2} {0.02 + 0.001 * index:.6f} 0.5 0.003125 0.00625" for index in range(300)]
    write(root / "VisDrone2019-DET-train/labels/000.txt", "\n".join([*crowded, *crowded[:3]]))
    text = "train: VisDrone2019-DET-train/images\nval: VisDrone2019-DET-val/images\n"
    return write(root / "VisDrone.yaml", f"path: {root}\n{text}{NAMES}")


def hub(root: Path) -> Path:
    """https://docs.ultralytics.com/hub/datasets/: the archive, its folder and the YAML in it have one name."""
    images(root / "coco8/images/train", suffix="jpg")
    images(root / "coco8/images/val", first=10, suffix="jpg")
    return write(root / "coco8/coco8.yaml", f"path: \ntrain: images/train\nval: images/val\n{NAMES}")


def kaggle(root: Path) -> Path:
    """https://www.kaggle.com/datasets/ultralytics/coco128: flat folders, absolute paths in a script's lists."""
    images(root / "images", count=8, suffix="png")
    files = sorted((root / "images").iterdir())
    for split, members in (("train", files[:5]), ("valid", files[5:])):
        write(root / f"{split}.txt", "\n".join(map(str, members)))
    return write(root / "dataset.yaml", f"train: {root}/train.txt\nval: {root}/valid.txt\nnc: 2\nnames: [cow, calf]\n")


def dota(root: Path) -> Path:
    """https://docs.ultralytics.com/datasets/obb/dota-v2/: corners, beyond the edge by rounding."""
    file = usual(root)
    relabel(root.glob("labels/*/*.txt"), "0 0.780811 0.743961 0.782371 0.74686 0.777691 0.752174 0.776131 0.749758")
    write(root / "labels/train/001.txt", "1 0.9 0.9 1.005 0.95 0.95 1.004 0.85 0.95\n")
    return file


def pose(root: Path) -> Path:
    """https://docs.ultralytics.com/datasets/pose/coco/: a box, then points with their visibility."""
    file = usual(root, f"kpt_shape: [5, 3]\n{NAMES}")
    write(root / "labels/train/000.txt", "0 0.5 0.5 0.2 0.2" + " 0.5 0.5 2.000000" * 5)
    return file


def tiger_pose(root: Path) -> Path:
    """https://docs.ultralytics.com/datasets/pose/tiger-pose/: points without visibility, which look like a polygon."""
    file = usual(root, f"kpt_shape: [4, 2]\n{NAMES}")
    write(root / "labels/train/000.txt", "0 0.5 0.5 0.2 0.2 0.41 0.42 0.59 0.43 0.5 0.58 0.45 0.5\n")
    return file


def segments(root: Path) -> Path:
    """https://docs.ultralytics.com/datasets/segment/: polygons of any length."""
    file = usual(root)
    write(root / "labels/train/000.txt", "0 0.1 0.2 0.3 0.1 0.4 0.4\n1 0.5 0.5 0.6 0.5 0.7 0.6 0.65 0.8 0.5 0.7\n")
    return file


def global_wheat(root: Path) -> Path:
    """https://docs.ultralytics.com/datasets/detect/globalwheat2020/: many folders below `images` for each split."""
    for index, folder in enumerate(("arvalis_1", "rres_1", "ethz_1")):
        images(root / "images" / folder, first=10 * index)
    text = "train:\n  - images/arvalis_1\n  - images/rres_1\nval:\n  - images/ethz_1\ntest:\n  - images/utokyo_1\n"
    return write(root / "GlobalWheat2020.yaml", f"path: {root}\n{text}{NAMES}")


def argoverse(root: Path) -> Path:
    """https://docs.ultralytics.com/datasets/detect/argoverse/: cameras below each split, a slash at the end."""
    for split, camera, first in (("train", "ring/front", 0), ("train", "ring/left", 5), ("val", "ring/front", 10)):
        images(root / "Argoverse-1.1/images" / split / camera, first=first)
    text = "train: Argoverse-1.1/images/train/\nval: Argoverse-1.1/images/val/\n"
    return write(root / "Argoverse.yaml", f"path: {root}\n{text}{NAMES}")


def sku(root: Path) -> Path:
    """https://docs.ultralytics.com/datasets/detect/sku-110k/: lists, with pictures that are missing on disk."""
    images(root / "images", count=8, suffix="jpg")
    names = sorted(path.name for path in (root / "images").iterdir())
    for split, members in (("train", names[:5]), ("val", names[5:])):
        write(root / f"{split}.txt", "".join(f"./images/{name}\n" for name in members))
    return write(root / "SKU-110K.yaml", f"path: {root}\ntrain: train.txt\nval: val.txt\nnames:\n  0: cow\n  1: calf\n")


YOLO = {
    function.__name__: function
    for function in (
        *(
            roboflow_yolov5,
            roboflow_yolov8,
            cvat_yolo,
            cvat_tracks,
            cvat_oriented,
            label_studio,
            label_img,
            open_images,
        ),
        *(visdrone, hub, kaggle, dota, pose, tiger_pose, segments, global_wheat, argoverse, sku),
    )
}


@pytest.mark.parametrize("layout", YOLO)
def test_a_yolo_layout_is_read_as_ultralytics_reads_it(
    layout: str, tmp_path: Path, ultralytics_boxes: UltralyticsBoxes
) -> None:
    file = YOLO[layout](tmp_path / "data")
    names, boxes = our_boxes(file)
    assert any(boxes["train"].values())
    assert (names, boxes) == ultralytics_boxes(file)
