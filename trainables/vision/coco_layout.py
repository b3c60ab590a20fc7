"""Data sets in COCO's layout. It takes, repairs and leaves out what YOLOX's loader does (`yolox.data.COCODataset`).

Either `annotations/instances_<folder>.json` beside a folder of images for each split, as COCO's own, or the layout of
Roboflow's exports: folders `train` and `valid`, each with its images and `_annotations.coco.json`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.checkpoint import escapes
from trainables.errors import DataError
from trainables.file_facts import FileFacts
from trainables.json_file import is_number, read_json
from trainables.vision.coco_categories import coco_categories, entry_id
from trainables.vision.decode import UndecodableError
from trainables.vision.findings import Findings
from trainables.vision.image_facts import image_facts
from trainables.vision.label_file import LEAST_SIDE

ROBOFLOW = "_annotations.coco.json"
FOLDERS = {"train": ("train",), "val": ("valid", "val")}
"""The folders of a Roboflow export, by split."""

CROWD = "crowds, which are not trained on and where detections count neither way"
NO_AREA = "annotations without area left out"
OUTSIDE = "annotations outside their image left out"
CUT = "boxes cut at their image's edge"
REPEATED = "images with annotations that repeat another one, kept as YOLOX keeps them"
ONE_FILE = "image files that several entries name"
AS_STORED = "images read as they are stored, for their annotations are of that size"


@dataclass(frozen=True)
class Picture:
    """One image on disk, `width` by `height` pixels, with `boxes` (M, 4), x1 y1 x2 y2 in them, and `classes` (M,).

    `digest` is the file's SHA-256. `upright` tells whether those pixels are the ones that viewers show, or, where the
    annotations' sizes say so, the ones before the file's EXIF orientation is applied. `crowds` (C, 5) are x1 y1 x2 y2
    class; see `trainables.vision.average_precision.Objects`.
    """

    path: Path
    width: int
    height: int
    boxes: NDArray[np.float64]
    classes: NDArray[np.int64]
    digest: bytes
    upright: bool = True
    crowds: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 5)))


@dataclass(frozen=True)
class CocoSplit:
    """One annotation file: its class names in the order of their ids, and its pictures."""

    file: Path
    names: tuple[str, ...]
    pictures: tuple[Picture, ...]


def read_split(path: Path, split: str, findings: Findings, facts: FileFacts) -> CocoSplit:
    """The pictures of "train" or "val" of the data set in the folder `path`; what `facts` have is not read again.

    Raises:
        DataError: with the file, the entry, what is wrong and how to mend it.
    """
    file = _annotation_file(path, split)
    content = coco_content(file)
    ids, names = coco_categories(file, content["categories"], content["annotations"], findings)
    images = coco_images(file, content["images"])
    rows: dict[Any, list[list[float]]] = {number: [] for number in images}
    crowds: dict[Any, list[list[float]]] = {number: [] for number in images}
    for index, entry in enumerate(content["annotations"]):
        where = f"annotations[{index}]"
        image = known_id(file, where, entry, "image_id", images)
        kind = ids[known_id(file, where, entry, "category_id", ids)]
        box = _box(file, where, entry, images[image], findings)
        if box is None:
            continue
        crowd = is_crowd(file, where, entry)
        if crowd:
            findings.add(CROWD, file, f"{where}: a crowd; not trained on")
        (crowds if crowd else rows)[image].append([*box, kind])
    _check_rows(file, images, rows, findings)
    folder = image_folder(path, file, images)
    pictures = [
        _picture(file, folder, entry, rows[number], crowds[number], findings, facts) for number, entry in images.items()
    ]
    return CocoSplit(file, names, tuple(pictures))


def _check_rows(
    file: Path, images: Mapping[Any, Mapping[str, Any]], rows: Mapping[Any, list[list[float]]], findings: Findings
) -> None:
    """Refuse objects that no training can mean, and note those that few do."""
    boxes = [row for image_rows in rows.values() for row in image_rows]
    if not boxes:
        kinds = (CROWD, NO_AREA, OUTSIDE)
        unused = (finding for finding in findings if finding.file == file and finding.kind in kinds)
        left_out = next((f" that is used ({finding})" for finding in unused), "")
        raise DataError(f"{file}: no image has an annotation{left_out}; a split needs at least one object")
    if max(max(row[2:4]) for row in boxes) <= 1:
        raise DataError(
            f"{file}: every bbox is within the first pixel; COCO's are in pixels, not in shares of the image"
        )
    files: dict[str, int] = {}
    for number, image_rows in rows.items():
        name = images[number]["file_name"]
        files[name] = files.get(name, 0) + 1
        repeated = len(image_rows) - len(set(map(tuple, image_rows)))
        if repeated:
            findings.add(
                REPEATED, file, f"{repeated} of the {len(image_rows)} annotations of {name} repeat another one"
            )
    for name, count in files.items():
        if count > 1:
            findings.add(ONE_FILE, file, f"{count} entries of images name {name}; each has its own objects alone")


def has_coco_layout(path: Path) -> bool:
    """Whether the folder `path` holds annotation files of COCO's or Roboflow's layout."""
    return any(_annotation_files(path, split) for split in FOLDERS)


def _annotation_files(path: Path, split: str) -> list[Path]:
    files = sorted((path / "annotations").glob(f"instances_{split}*.json"))
    return files + [path / folder / ROBOFLOW for folder in FOLDERS[split] if (path / folder / ROBOFLOW).is_file()]


def _annotation_file(path: Path, split: str) -> Path:
    files = _annotation_files(path, split)
    if len(files) != 1:
        names = ", ".join(str(file.relative_to(path)) for file in files) or "none"
        raise DataError(
            f"{path}: its annotation files for {split} are {names}; it must hold exactly one of "
            f"annotations/instances_{split}*.json (COCO) and {FOLDERS[split][0]}/{ROBOFLOW} (Roboflow)"
        )
    return files[0]


def coco_content(file: Path) -> Mapping[str, Any]:
    """The lists of a COCO file, all of them of objects. Raises DataError."""
    content = read_json(file, "it must be a COCO annotation file, so write it again", _without_outlines)
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise DataError(f"{file}: list {key!r} is missing; a COCO file holds images, annotations and categories")
        for index, entry in enumerate(content[key]):
            if not isinstance(entry, dict):
                raise DataError(f"{file}: {key}[{index}] is {str(entry)[:80]!r}; it must be an object")
    return dict(content)


def _without_outlines(entry: dict[str, Any]) -> dict[str, Any]:
    """Outlines are most of COCO's own files, and nothing here reads them."""
    entry.pop("segmentation", None)
    return entry


def known_id(file: Path, where: str, entry: Mapping[str, Any], name: str, ids: Mapping[Any, Any]) -> Any:
    """The id under `name`, which must be one of `ids`. Raises DataError."""
    value = entry.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)) or value not in ids:
        kind = "images" if name == "image_id" else "categories"
        raise DataError(
            f"{file}: {where}: {name} is {value!r}, which no entry of {kind} has as its id; add that entry or delete "
            "this annotation"
        )
    return value


def is_crowd(file: Path, where: str, entry: Mapping[str, Any]) -> bool:
    """Whether the annotation is of many objects. Raises DataError."""
    value = entry.get("iscrowd") or 0
    if value not in (0, 1):  # "0" would be a crowd
        raise DataError(f"{file}: {where}: iscrowd is {str(value)[:80]!r}; it must be 0, or 1 for a crowd")
    return bool(value)


def coco_images(file: Path, entries: Sequence[Mapping[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """File name and size of each image, by id, in the order of `entries`. Raises DataError."""
    images: dict[int | str, dict[str, Any]] = {}
    for index, entry in enumerate(entries):
        where = f"images[{index}]"
        number = entry_id(file, where, entry)
        if number in images:
            raise DataError(f"{file}: {where}: id {number} is given twice; every image needs its own")
        name = entry.get("file_name", f"{number:012}.jpg" if isinstance(number, int) else None)
        if not isinstance(name, str) or not name:
            raise DataError(f"{file}: {where}: file_name is {name!r}; it must be a text")
        name = name.replace("\\", "/")
        if escapes(name):
            raise DataError(f"{file}: {where}: file_name is {name!r}; it must be under the split's folder of images")
        images[number] = {"file_name": name} | {side: _side(file, where, entry, side) for side in ("width", "height")}
    return images


def _side(file: Path, where: str, entry: Mapping[str, Any], name: str) -> int:
    value = entry.get(name)
    if not is_number(value) or value != int(value) or value < 1:
        raise DataError(f"{file}: {where}: {name} is {value!r}; it must be the image's {name} in whole pixels")
    return int(value)


def _box(
    file: Path, where: str, entry: Mapping[str, Any], image: Mapping[str, Any], findings: Findings
) -> list[float] | None:
    """x1 y1 x2 y2 of one annotation, cut at the image's edge; None if it is left out."""
    bbox = entry.get("bbox")
    numbers = [value for value in bbox if is_number(value)] if isinstance(bbox, list) else []
    if not isinstance(bbox, list) or len(bbox) != 4 or len(numbers) != 4:
        raise DataError(
            f"{file}: {where}: bbox is {str(bbox)[:80]}; it must be four finite numbers: x y width height in pixels"
        )
    x, y, width, height = map(float, bbox)
    area = entry.get("area", width * height)
    wide, high = float(image["width"]), float(image["height"])
    if min(width / wide, height / high) <= LEAST_SIDE or (is_number(area) and area <= 0):
        findings.add(NO_AREA, file, f"{where}: a box of {width:g} by {height:g} pixels, area {area}; left out")
        return None
    box = [max(x, 0.0), max(y, 0.0), min(x + width, wide), min(y + height, high)]
    if min((box[2] - box[0]) / wide, (box[3] - box[1]) / high) <= LEAST_SIDE:
        findings.add(OUTSIDE, file, f"{where}: bbox {bbox} is outside its image of {wide:g} by {high:g}; left out")
        return None
    cut = max(abs(edge - inside) for edge, inside in zip((x, y, x + width, y + height), box, strict=True))
    if cut >= 1:  # pixels; less is how exporters round
        findings.add(CUT, file, f"{where}: bbox {bbox} in an image of {wide:g} by {high:g}; cut at the edge")
    return box


def image_folder(path: Path, file: Path, images: Mapping[Any, Mapping[str, Any]]) -> Path:
    """The folder that the file names are relative to: of the usual ones the first that holds the first image."""
    if file.name == ROBOFLOW:
        return file.parent
    stem = file.stem.removeprefix("instances_")
    usual = [path / stem, path / "images" / stem, path / "images", path]
    first = next(iter(images.values()))["file_name"]
    return next((folder for folder in usual if os.path.isfile(folder / first)), usual[0])


def _picture(
    file: Path,
    folder: Path,
    entry: Mapping[str, Any],
    rows: Sequence[Sequence[float]],
    crowds: Sequence[Sequence[float]],
    findings: Findings,
    facts: FileFacts,
) -> Picture:
    path = folder / entry["file_name"]
    if not os.path.exists(path):  # False for a name that is too long, too
        raise DataError(f"{path}: no such image, but {file.name} names it; add it or delete its entries")
    size = entry["width"], entry["height"]
    image = image_facts(path, facts, findings)
    if image.why:
        raise UndecodableError(path, image.why)
    upright = (image.width, image.height) == size or not image.turned
    width, height = (image.width, image.height) if upright else (image.height, image.width)
    if not upright and (width, height) == size:
        findings.add(AS_STORED, path, f"is turned by its EXIF tag, but the annotations are of {width}x{height}")
    if (width, height) != size:
        raise DataError(f"{path}: is {width} by {height} pixels; the annotations say {size[0]} by {size[1]}")
    table, crowd_table = (np.array(listed, dtype=np.float64).reshape(-1, 5) for listed in (rows, crowds))
    return Picture(path, *size, table[:, :4], table[:, 4].astype(np.int64), image.digest, upright, crowd_table)
