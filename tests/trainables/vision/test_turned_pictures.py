"""Pictures that a camera stored turned: boxes and pixels belong together in training, scoring, reports and predictors.

People draw boxes on what viewers show, which is upright by EXIF. What XMP says of it no viewer heeds, nor OpenCV.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.yolo_folders import write
from trainables import registry
from trainables.held_out import held_out
from trainables.look import Example

ORIENTATION = 0x0112
RECIPES = ("resnet_yolo", "yolox", "rgbt", "ultralytics")
BOX = (0.25, 0.125, 0.25, 0.125)
"""As cx cy w h: a bright place at the upper left of a picture that is higher than wide."""


def upright() -> Image.Image:
    pixels = np.zeros((64, 48, 3), np.uint8)
    pixels[4:12, 6:18] = 255
    return Image.fromarray(pixels)


def stored(orientation: int) -> tuple[Image.Image, Image.Exif]:
    """The picture as a camera stores it, with its tag."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270, 3: Image.Transpose.ROTATE_180}
    return upright().transpose(back[orientation]), exif


def late_exif(file: Path) -> None:
    """A PNG whose orientation comes after the pixels, where the standard allows it too."""
    picture, exif = stored(6)
    picture.save(file)
    data = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = (len(data) - 4).to_bytes(4, "big") + data + zlib.crc32(data).to_bytes(4, "big")
    content = file.read_bytes()
    end = content.index(b"IEND") - 4
    file.write_bytes(content[:end] + chunk + content[end:])


def xmp(file: Path) -> None:
    """A JPEG that is upright, of which XMP alone says that it is not, as some programs leave it behind."""
    about = b"http://ns.adobe.com/xap/1.0/\0" + (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    )
    upright().save(file, quality=95)
    content = file.read_bytes()
    file.write_bytes(content[:2] + b"\xff\xe1" + (len(about) + 2).to_bytes(2, "big") + about + content[2:])


def turned(orientation: int) -> Callable[[Path], None]:
    def save(file: Path) -> None:
        picture, exif = stored(orientation)
        picture.save(file, exif=exif if file.suffix == ".tif" else exif.tobytes(), quality=95)

    return save


WAYS: dict[str, tuple[str, Callable[[Path], None]]] = {
    **{f"{suffix} {number}": (suffix, turned(number)) for suffix in ("jpg", "png", "tif") for number in (3, 6, 8)},
    "webp 6": ("webp", turned(6)),
    "avif 6": ("avif", turned(6)),
    "png, after the pixels": ("png", late_exif),
    "jpg, in XMP alone": ("jpg", xmp),
}


def data_set(root: Path, recipe: str, suffix: str, save: Callable[[Path], None]) -> Path:
    for split in ("train", "val"):
        write(root / f"labels/{split}/a.txt", f"0 {' '.join(map(str, BOX))}\n")
        for kind in ("images", "thermal") if recipe == "rgbt" else ("images",):
            file = root / kind / split / f"a.{suffix}"
            file.parent.mkdir(parents=True, exist_ok=True)
            save(file)
    folders = {split: f"images/{split}" for split in ("train", "val")}
    if recipe == "rgbt":
        folders = {
            split: f"{{rgb: images/{split}, thermal: thermal/{split}, labels: labels/{split}}}" for split in folders
        }
    return write(root / "data.yaml", f"train: {folders['train']}\nval: {folders['val']}\nnames: [cow]\n")


def is_bright(pixels: NDArray[np.uint8], box: NDArray[np.float32]) -> bool:
    """Whether what is bright is in the box, and nothing else."""
    x1, y1, x2, y2 = box.round().astype(int)
    outside = pixels.astype(float).mean(axis=2)
    inside = outside[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].mean()
    outside[max(0, y1 - 2) : y2 + 2, max(0, x1 - 2) : x2 + 2] = 0
    return bool(inside > 180 and outside[outside != 114].max(initial=0) < 120)


def unchanged(recipe: Any) -> dict[str, Any]:
    """Settings with which a picture is trained on as it is."""
    fields = recipe.settings("tiny", {}).model_dump()
    off: dict[str, Any] = {}
    for name, end in recipe.augmentation.items():
        off[name] = type(fields[name])(0) if end == "high" else fields[name]
    if recipe.name == "yolox":
        off |= {"scale_min": 1.0, "scale_max": 1.0}
    return off


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", RECIPES)
def test_boxes_are_where_people_see_them(name: str, way: str, tmp_path: Path) -> None:
    recipe: Any = registry.find(name)
    data = recipe.open(data_set(tmp_path, name, *WAYS[way]))
    settings = recipe.settings("tiny", unchanged(recipe))
    recipe.check(settings, data)
    sizes = next(table for table in recipe.look(settings, data).tables if table.title == "Sizes")
    assert sizes.rows[0][1:] == ("all 48x64",) * 2
    (example,) = held_out(recipe, settings, data)
    for pixels in example.pictures():
        assert pixels.shape == (64, 48, 3)
        assert example.boxes is not None
        assert is_bright(pixels, example.boxes[0])
    batch: list[Example] = recipe.training_batch(settings, data)
    for trained in batch:
        for box in trained.boxes[: 1 if name == "rgbt" else None]:
            pixels = trained.pixels[:, : trained.pixels.shape[1] // 2] if name == "rgbt" else trained.pixels
            assert is_bright(pixels, box)
