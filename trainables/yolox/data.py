"""Data sets in COCO's layout: `annotations/instances_<folder>.json` for each folder of images.

Everything is checked before the first epoch; decoded images stay in memory up to a bound, for all trials of a process.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.checkpoint import escapes
from trainables.errors import DataError
from trainables.vision.image_files import CACHE_BYTES, ImageCache, decoded_size, refuse_shared


@dataclass(frozen=True)
class Picture:
    """One image on disk, `width` by `height` pixels, with `boxes` (M, 4), x1 y1 x2 y2 in them, and `classes` (M,)."""

    path: Path
    width: int
    height: int
    boxes: NDArray[np.float64]
    classes: NDArray[np.int64]


@dataclass(frozen=True)
class CocoData:
    """A checked data set.

    Attributes:
        names: class names, in the order of their ids in the file; a picture's class is an index into them.
        train, val: the two splits, no image in both.
        fingerprint: sha256 over names, image names and sizes, and boxes; the same data give the same one anywhere.
        cache: images as `trainables.yolox.images.Pictures` decodes them.
    """

    names: tuple[str, ...]
    train: tuple[Picture, ...]
    val: tuple[Picture, ...]
    fingerprint: str
    cache: ImageCache[NDArray[np.uint8]]


def open_coco(path: Path, cache_bytes: int = CACHE_BYTES) -> CocoData:
    """Check the data set in the folder `path`: each annotation, and each image down to its last pixel.

    `path/annotations` holds one `instances_train*.json` and one `instances_val*.json`; the images of the first lie in
    `path/train*`, as COCO's own do. Boxes are cut at the image's edge, and crowds left out, as upstream's loader does.

    Raises:
        DataError: with the file, the entry, what is wrong and how to mend it.
    """
    files = [_annotation_file(path, split) for split in ("train", "val")]
    described = [_described(file) for file in files]
    ids, names = _categories(files[0], described[0]["categories"])
    if _categories(files[1], described[1]["categories"]) != (ids, names):
        raise DataError(f"{files[1]}: its categories are not those of {files[0].name}; both must be the same")
    earlier: dict[bytes, Path] = {}
    digest = hashlib.sha256("\n".join(names).encode())
    splits = []
    for split, file, content in zip(("train", "val"), files, described, strict=True):
        pictures = _pictures(file, path / file.stem.removeprefix("instances_"), content, ids)
        refuse_shared((picture.path for picture in pictures), split, earlier)
        for picture in pictures:
            digest.update(f"\n{file.stem}/{picture.path.name} {picture.width}x{picture.height}".encode())
            digest.update(picture.boxes.tobytes() + picture.classes.tobytes())
        splits.append(pictures)
    return CocoData(names, splits[0], splits[1], digest.hexdigest(), ImageCache(cache_bytes))


def _annotation_file(path: Path, split: str) -> Path:
    files = sorted((path / "annotations").glob(f"instances_{split}*.json"))
    if len(files) != 1:
        names = ", ".join(file.name for file in files) or "none"
        raise DataError(
            f"{path / 'annotations'}: holds {names}; it must hold exactly one instances_{split}*.json (COCO's layout)"
        )
    return files[0]


def _described(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(f"{file} line {error.lineno}: not valid JSON ({error.msg}); write it again") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read ({error}); it must be a COCO annotation file") from None
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise DataError(f"{file}: list {key!r} is missing; a COCO file holds images, annotations and categories")
        for index, entry in enumerate(content[key]):
            if not isinstance(entry, dict):
                raise DataError(f"{file}: {key}[{index}] is {entry!r}; it must be an object")
    return dict(content)


def _field(file: Path, where: str, entry: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    value = entry.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        word = "a text" if kind is str else "a whole number" if kind is int else "a list of four numbers"
        raise DataError(f"{file}: {where}: {name} is {value!r}; it must be {word}")
    return value


def _categories(file: Path, entries: Sequence[Mapping[str, Any]]) -> tuple[dict[int, int], tuple[str, ...]]:
    """Class by category id, and the names: sorted by id, as upstream's loader numbers them."""
    named: dict[int, str] = {}
    for index, entry in enumerate(entries):
        where = f"categories[{index}]"
        number = _field(file, where, entry, "id", int)
        if number in named:
            raise DataError(f"{file}: {where}: id {number} is given twice; every category needs its own")
        named[number] = _field(file, where, entry, "name", str)
    if not named:
        raise DataError(f"{file}: categories is empty; name at least one class")
    if len(set(named.values())) < len(named):
        raise DataError(f"{file}: categories: two have the same name; every class needs its own")
    order = sorted(named)
    return {number: index for index, number in enumerate(order)}, tuple(named[number] for number in order)


def _pictures(file: Path, folder: Path, content: Mapping[str, Any], ids: Mapping[int, int]) -> tuple[Picture, ...]:
    images: dict[int, Mapping[str, Any]] = {}
    for index, entry in enumerate(content["images"]):
        number = _field(file, f"images[{index}]", entry, "id", int)
        if number in images:
            raise DataError(f"{file}: images[{index}]: id {number} is given twice; every image needs its own")
        for name, kind in (("file_name", str), ("width", int), ("height", int)):
            _field(file, f"images[{index}]", entry, name, kind)
        if escapes(entry["file_name"]):
            entry_name = f"images[{index}]: file_name is {entry['file_name']!r}"
            raise DataError(f"{file}: {entry_name}; it must be under the split's folder of images")
        images[number] = entry
    rows: dict[int, list[list[float]]] = {number: [] for number in images}
    for index, entry in enumerate(content["annotations"]):
        if entry.get("iscrowd"):
            continue
        image, row = _box(file, f"annotations[{index}]", entry, images, ids)
        rows[image].append(row)
    if not any(rows.values()):
        raise DataError(f"{file}: no image has an annotation; a split needs at least one object")
    return tuple(_picture(folder, entry, rows[number]) for number, entry in images.items())


def _box(
    file: Path, where: str, entry: Mapping[str, Any], images: Mapping[int, Mapping[str, Any]], ids: Mapping[int, int]
) -> tuple[int, list[float]]:
    """The image's id and x1 y1 x2 y2 class of one annotation, cut at the image's edge."""
    image = _field(file, where, entry, "image_id", int)
    if image not in images:
        raise DataError(f"{file}: {where}: image_id is {image}, which no entry of images has; add it or delete this")
    kind = _field(file, where, entry, "category_id", int)
    if kind not in ids:
        raise DataError(f"{file}: {where}: category_id is {kind}; it must be one of {', '.join(map(str, ids))}")
    bbox = _field(file, where, entry, "bbox", list)
    numbers = [value for value in bbox if isinstance(value, (int, float)) and math.isfinite(value)]
    if len(bbox) != 4 or len(numbers) != 4:
        raise DataError(f"{file}: {where}: bbox is {bbox}; it must be four finite numbers: x y width height in pixels")
    x, y, width, height = map(float, bbox)
    if min(width, height) <= 0:
        raise DataError(f"{file}: {where}: the box is {width:g} by {height:g}; both sides must be above 0")
    wide, high = images[image]["width"], images[image]["height"]
    x1, y1, x2, y2 = max(x, 0.0), max(y, 0.0), min(x + width, float(wide)), min(y + height, float(high))
    if x1 >= x2 or y1 >= y2:
        raise DataError(f"{file}: {where}: bbox {bbox} lies outside its image of {wide} by {high} pixels; mend it")
    return image, [x1, y1, x2, y2, ids[kind]]


def _picture(folder: Path, entry: Mapping[str, Any], rows: Sequence[Sequence[float]]) -> Picture:
    path = folder / entry["file_name"]
    size = entry["width"], entry["height"]
    actual = decoded_size(
        path,
        missing="the annotations name it, so add it or delete its entries",
        broken="replace or remove the image and its entries",
    )
    if actual != size:
        raise DataError(f"{path}: is {actual[0]} by {actual[1]} pixels; the annotations say {size[0]} by {size[1]}")
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    return Picture(path, *size, table[:, :4], table[:, 4].astype(np.int64))
