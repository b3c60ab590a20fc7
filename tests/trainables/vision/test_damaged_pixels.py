"""A picture whose header is whole and whose pixels are not: every reader makes the same of it, and says so.

The kinds are those that people met: ultralytics/yolov5#3450 (stray bytes before a marker; does that affect the
metric), zylo117/Yet-Another-EfficientDet-Pytorch#250 (OpenCV repairs in silence) and ultralytics/yolov5#916 (the end of
pictures is missing).
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.trainables.vision.conftest import UltralyticsBoxes
from trainables.errors import SteadytuneError
from trainables.resnet_yolo.data import open_yolo
from trainables.vision.decode import UndecodableError, decode
from trainables.vision.image_facts import DAMAGED
from trainables.vision.image_files import UNREADABLE_IMAGE
from trainables.yolox.data import open_coco


def picture(kind: str, **options: object) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def damaged(content: bytes, junk: bytes) -> bytes:
    middle = len(content) * 2 // 3
    return content[:middle] + junk + content[middle + len(junk) :]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A data set of two whole pictures in each split, and its data YAML."""
    for number, split in enumerate(("train", "val")):
        for kind in ("images", "labels"):
            (tmp_path / kind / split).mkdir(parents=True)
        for index in range(2):
            Image.new("RGB", (64, 48), (number, index, 0)).save(tmp_path / f"images/{split}/{index}.png")
            (tmp_path / f"labels/{split}/{index}.txt").write_text("0 0.5 0.5 0.25 0.25\n")
    (tmp_path / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [cow]\n")
    return tmp_path / "data.yaml"


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_damaged_jpeg_is_trained_on_as_ultralytics_does_and_is_counted(
    split: str, file: Path, ultralytics_boxes: UltralyticsBoxes
) -> None:
    image = file.parent / f"images/{split}/damaged.jpg"
    image.write_bytes(damaged(picture("JPEG"), b"\xff\x01\xff\x05"))
    data = open_yolo(file)
    assert [str(finding) for finding in data.findings if finding.kind == DAMAGED] == [
        f"{image}: a marker stands among its pixels; used as it is decoded, or replace it"
    ]
    images = {str(sample.path) for images_of_split in (data.train, data.val) for sample in images_of_split.samples}
    theirs = {path for boxes in ultralytics_boxes(file)[1].values() for path in boxes}
    assert str(image) in images == theirs
    assert any(finding.kind == DAMAGED for finding in open_coco(file).findings)
    assert [finding for finding in open_yolo(file).findings if finding.kind == DAMAGED], "kept from the first opening"


@pytest.mark.parametrize("name", ["progressive.jpg", "a.webp"])
def test_what_cannot_be_decoded_is_left_out_of_the_check_too(name: str, file: Path) -> None:
    sound = picture("WEBP") if name.endswith("webp") else picture("JPEG", progressive=True)
    image = file.parent / "images/train" / name
    contents = [damaged(sound, bytes([byte]) * length) for byte in (0, 0x5A, 0xFF) for length in (8, 30, 60)]
    left_out = 0
    for content in contents:
        image.write_bytes(content)
        data = open_yolo(file)
        listed = [sample.path for sample in data.train.samples]
        if image in listed:
            decode(image)
        else:
            left_out += 1
            assert [finding.file for finding in data.findings if finding.kind == UNREADABLE_IMAGE] == [image]
            with pytest.raises(UndecodableError, match=f"{name}: cannot be decoded"):
                decode(image)
    assert left_out


class Broken(torch.utils.data.Dataset[None]):
    def __init__(self, image: Path) -> None:
        self._image = image

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> None:
        decode(self._image)


def test_an_error_in_a_process_of_a_loader_is_its_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(SteadytuneError) as error:
        next(iter(torch.utils.data.DataLoader(Broken(tmp_path / "a.png"), num_workers=1)))
    with pytest.raises(UndecodableError) as direct_error:
        decode(tmp_path / "a.png")
    assert str(error.value) == str(direct_error.value)
