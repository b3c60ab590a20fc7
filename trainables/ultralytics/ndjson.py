"""Ultralytics' NDJSON data sets, whose images are on this machine, as a data YAML or a folder of classes.

The first line describes the data set (`task`, `class_names`, `path`), each further one an image (`file`, `split`,
`annotations`). The result lies in steadytune's own cache, with links to the images.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from trainables.errors import DataError
from trainables.json_file import parse_json
from trainables.regular_file import read_regular
from trainables.ultralytics.derived import derived_folder
from trainables.vision.findings import Findings

FIX = "it must be an NDJSON file of Ultralytics' export, so export the data set again"
UNLABELLED = "NDJSON files with images without a class, which are left out"
MOST_CLASSES = 10**6
Record = tuple[int, dict[str, Any]]
"""A line's number, and what it holds."""
KINDS = ("boxes", "segments", "pose", "obb")
"""The lists of an image's `annotations`; each entry is a class and its coordinates, as in a label file."""


def converted(file: Path, findings: Findings) -> Path:
    """The data YAML or folder of classes that `file` is converted to, once for each content.

    Images without a class are left out of a folder of classes, as Ultralytics does, and added to `findings`.

    Raises:
        DataError: with the line, what is wrong and how to mend it.
    """
    content, _ = read_regular(file, "json_bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: is no UTF-8 text ({error.reason} at byte {error.start}); {FIX}") from None
    header, images = _records(file, text)
    is_folder = header.get("task") == "classify"
    if is_folder and (unlabelled := [number for number, record in images if not _classes(record)]):
        lines = ", ".join(map(str, unlabelled[:5])) + (" …" if len(unlabelled) > 5 else "")
        findings.add(UNLABELLED, file, f"{len(unlabelled)} of {len(images)} images have no class (line {lines})")
    key = hashlib.sha256(f"{file.absolute()}\n{text}".encode()).hexdigest()[:12]
    write = partial(_write_classes if is_folder else _write_labels, file, header, images)
    folder = derived_folder(f"ndjson-{file.stem}-{key}", write)
    return folder if is_folder else folder / "data.yaml"


def _records(file: Path, text: str) -> tuple[dict[str, Any], list[Record]]:
    """The data set's own record, and its images'."""
    records: list[Record] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            record = parse_json(line, file, FIX, line=number)
            if not isinstance(record, dict):
                raise DataError(f"{file} line {number}: is a {type(record).__name__}; it must be a JSON object")
            records.append((number, record))
    if len(records) < 2 or "file" in records[0][1]:
        raise DataError(f"{file}: its first line must describe the data set (task, class_names), the others an image")
    for number, record in records[1:]:
        if record.get("split") not in ("train", "val", "test"):
            raise DataError(f"{file} line {number}: split is {record.get('split')!r}; it must be train, val or test")
        if not isinstance(record.get("annotations") or {}, dict):
            raise DataError(f"{file} line {number}: annotations is no object; it must hold lists such as boxes")
    return records[0][1], records[1:]


def _image(file: Path, header: Mapping[str, Any], number: int, record: Mapping[str, Any]) -> Path:
    name, root = str(record.get("file", "")), file.parent / str(header.get("path") or ".")
    for candidate in (root / "images" / str(record["split"]) / name, root / name):
        if name and os.path.isfile(candidate):
            return candidate.absolute()
    url = f", only at {str(record['url']).partition('?')[0]}" if record.get("url") else ""
    raise DataError(
        f"{file} line {number}: image {name!r} is not under {root}{url}; nothing is downloaded: put the images there,"
        " or convert the file with Ultralytics and give the data YAML"
    )


def _names(file: Path, header: Mapping[str, Any], classes: Iterable[int]) -> dict[int, str]:
    """The name of each class; Ultralytics calls those that are used without one class3 and so on."""
    class_names = header.get("class_names") or {}
    if not isinstance(class_names, dict) or not all(isinstance(name, str) for name in class_names.values()):
        raise DataError(f"{file}: class_names is {class_names!r}; it must map each class's number to its name")
    try:
        named = {int(key): name for key, name in class_names.items()}
    except ValueError:
        named = {-1: ""}
    if any(not 0 <= index < MOST_CLASSES for index in named):
        raise DataError(f"{file}: class_names has the keys {[*class_names][:20]}; they must be whole numbers from 0")
    names = {index: named.get(index, f"class{index}") for index in range(max([*named, *classes], default=0) + 1)}
    if len(set(names.values())) < len(names):
        raise DataError(f"{file}: class_names has one name twice; every class needs its own name")
    return names


def _class(file: Path, number: int, value: Any) -> int:
    is_whole = type(value) is int or (isinstance(value, float) and value.is_integer())
    if not is_whole or not 0 <= value < MOST_CLASSES:
        raise DataError(f"{file} line {number}: a class is {value!r}; it must be a whole number from 0")
    return int(value)


def _rows(file: Path, number: int, record: Mapping[str, Any]) -> Iterator[tuple[int, list[float]]]:
    """Class and coordinates of each of an image's annotations."""
    annotations = record.get("annotations") or {}
    for kind in KINDS:
        rows = annotations.get(kind) or []
        if not isinstance(rows, list):
            raise DataError(f"{file} line {number}: {kind} is no list; each entry must be a class and its coordinates")
        for row in rows:
            if not isinstance(row, list) or len(row) < 2 or any(type(value) not in (int, float) for value in row):
                raise DataError(f"{file} line {number}: {kind} holds {row!r}; it must be a class and its coordinates")
            yield _class(file, number, row[0]), row[1:]


def _write_labels(file: Path, header: Mapping[str, Any], images: list[Record], root: Path) -> None:
    classes: set[int] = set()
    for number, record in images:
        image = _image(file, header, number, record)
        name = f"{number:07d}"
        for kind, suffix in (("images", image.suffix), ("labels", ".txt")):
            (root / kind / record["split"]).mkdir(parents=True, exist_ok=True)
            target = root / kind / record["split"] / f"{name}{suffix}"
            if kind == "images":
                target.symlink_to(image)
                continue
            rows = [*_rows(file, number, record)]
            classes |= {index for index, _ in rows}
            target.write_text("".join(f"{index} {' '.join(map(str, values))}\n" for index, values in rows))
    described = {key: header[key] for key in ("kpt_shape", "flip_idx", "kpt_names") if key in header}
    splits = {split: f"images/{split}" for split in ("train", "val", "test") if (root / "images" / split).is_dir()}
    content = {**splits, "names": _names(file, header, classes), **described}
    (root / "data.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _classes(record: Mapping[str, Any]) -> Any:
    return (record.get("annotations") or {}).get("classification")


def _is_folder_name(name: str) -> bool:
    return name.strip(".") != "" and "/" not in name and "\0" not in name and len(name.encode()) <= 255


def _write_classes(file: Path, header: Mapping[str, Any], images: list[Record], root: Path) -> None:
    labelled: list[tuple[int, dict[str, Any], int]] = []
    for number, record in images:
        if classes := _classes(record):
            first = classes[0] if isinstance(classes, list) else classes
            labelled.append((number, record, _class(file, number, first)))
    names = _names(file, header, [index for _, _, index in labelled])
    if refused := next((name for name in names.values() if not _is_folder_name(name)), None):
        raise DataError(f"{file}: class_names has {refused!r}, which no folder can be called; give it another name")
    for number, record, index in labelled:
        image = _image(file, header, number, record)
        folder = root / record["split"] / names[index]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:07d}{image.suffix}").symlink_to(image)
