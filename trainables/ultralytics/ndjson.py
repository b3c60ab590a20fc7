"""Ultralytics' NDJSON data sets, whose images are on this machine, as a data YAML or a folder of classes.

The first line describes the data set (`task`, `class_names`, `path`), each further one an image (`file`, `split`,
`annotations`). The result lies in steadytune's own cache, with links to the images.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from trainables.atomic import new_folder_once
from trainables.errors import DataError

KINDS = ("boxes", "segments", "pose", "obb")
"""The lists of an image's `annotations`; each entry is a class and its coordinates, as in a label file."""


def cache_folder() -> Path:
    """Where converted data sets are kept: the folder of downloaded ones (`search.storage.dataset_cache`)."""
    return Path(os.environ.get("STEADYTUNE_CACHE") or Path.home() / ".cache" / "steadytune")


def converted(file: Path) -> Path:
    """The data YAML or folder of classes that `file` is converted to, once for each content.

    Raises:
        DataError: with the line, what is wrong and how to mend it.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read ({error}); give an NDJSON file of Ultralytics' export") from None
    header, images = _records(file, text)
    is_folder = header.get("task") == "classify"
    key = hashlib.sha256(f"{file.absolute()}\n{text}".encode()).hexdigest()[:12]
    target = cache_folder() / f"ndjson-{file.stem}-{key}"
    result = target if is_folder else target / "data.yaml"
    if not target.is_dir():
        try:
            with new_folder_once(target) as partial:
                (_write_classes if is_folder else _write_labels)(file, header, images, partial)
        except OSError:
            if not target.is_dir():  # else another process was quicker
                raise
    return result


def _records(file: Path, text: str) -> tuple[dict[str, Any], list[tuple[int, dict[str, Any]]]]:
    records: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                record = json.loads(line)
            except ValueError as error:
                raise DataError(f"{file} line {number}: is no JSON ({error}); export the data set again") from None
            if not isinstance(record, dict):
                raise DataError(f"{file} line {number}: is a {type(record).__name__}; it must be a JSON object")
            records.append((number, record))
    if len(records) < 2 or "file" in records[0][1]:
        raise DataError(f"{file}: its first line must describe the data set (task, class_names), the others an image")
    for number, record in records[1:]:
        if record.get("split") not in ("train", "val", "test"):
            raise DataError(f"{file} line {number}: split is {record.get('split')!r}; it must be train, val or test")
    return records[0][1], records[1:]


def _image(file: Path, header: Mapping[str, Any], number: int, record: Mapping[str, Any]) -> Path:
    name, root = str(record.get("file", "")), file.parent / str(header.get("path") or ".")
    for candidate in (root / "images" / str(record["split"]) / name, root / name):
        if name and candidate.is_file():
            return candidate.absolute()
    url = f", only at {str(record['url']).partition('?')[0]}" if record.get("url") else ""
    raise DataError(
        f"{file} line {number}: image {name!r} is not under {root}{url}; nothing is downloaded: put the images there,"
        " or convert the file with Ultralytics and give the data YAML"
    )


def _names(header: Mapping[str, Any], classes: Iterable[int]) -> dict[int, str]:
    given = {int(key): str(name) for key, name in dict(header.get("class_names") or {}).items()}
    return {index: given.get(index, f"class{index}") for index in range(max([*given, *classes], default=0) + 1)}


def _write_labels(file: Path, header: Mapping[str, Any], images: list[tuple[int, dict[str, Any]]], root: Path) -> None:
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
            annotations = record.get("annotations") or {}
            rows = [row for each in KINDS for row in annotations.get(each) or []]
            classes |= {int(row[0]) for row in rows}
            target.write_text("".join(f"{int(row[0])} {' '.join(f'{x:g}' for x in row[1:])}\n" for row in rows))
    kept = {key: header[key] for key in ("kpt_shape", "flip_idx", "kpt_names") if key in header}
    splits = {split: f"images/{split}" for split in ("train", "val", "test") if (root / "images" / split).is_dir()}
    content = {**splits, "names": _names(header, classes), **kept}
    (root / "data.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _write_classes(file: Path, header: Mapping[str, Any], images: list[tuple[int, dict[str, Any]]], root: Path) -> None:
    labelled = [(number, record, (record.get("annotations") or {}).get("classification")) for number, record in images]
    names = _names(header, [int(classes[0]) for _, _, classes in labelled if classes])
    for number, record, classes in labelled:
        if classes:
            image = _image(file, header, number, record)
            folder = root / record["split"] / names[int(classes[0])]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number:07d}{image.suffix}").symlink_to(image)
