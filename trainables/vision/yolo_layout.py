"""A data set in YOLO's layout as its data YAML describes it: what Ultralytics 8.4 trains on is read, image by image.

The YAML names the splits (`train`, `val` or `validation` or `valid`, `test`) as a folder, a list file, an image, a
pattern, or a list of these; `path`, the folder that they are under; and the classes (`names`, or their number `nc`).
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import NoneType
from typing import Any

from trainables.errors import DataError, SettingsError, nearest
from trainables.regular_file import read_regular
from trainables.settings import read_yaml, yaml_text
from trainables.ultralytics_import import user_folder
from trainables.vision.decode import SUFFIXES
from trainables.vision.findings import Findings
from trainables.vision.image_files import images_in, note_same_labels
from trainables.yaml_text import scalars

ROOT_ELSEWHERE = "`path` of the data YAML not found"
LISTED_TWICE = "images listed more than once"
NOT_THERE = "listed images that are not there, left out"
NO_IMAGE_NAMED = "lines of lists that name no image, left out"
CHANGED_NAMES = "data YAMLs with class names that YAML takes for something else"
SPLITS = {"train": ("train",), "val": ("val", "validation", "valid"), "test": ("test",)}
"""The names under which each split is found, in this order."""


@dataclass(frozen=True)
class YoloLayout:
    """What a data YAML says.

    Attributes:
        file: the data YAML.
        names: class names; a label's class is an index into them.
        roots: the folders that the splits' paths may be relative to, in the order in which they are tried.
        splits: what the YAML says under each split that it has.
        keypoint_values: how many numbers of points follow each box in a data set for poses; 0 in others.
    """

    file: Path
    names: tuple[str, ...]
    roots: tuple[Path, ...]
    splits: Mapping[str, Sequence[str]]
    keypoint_values: int = 0


def read_layout(path: Path, findings: Findings) -> YoloLayout:
    """The data YAML at `path`, or the only one in the folder `path`.

    Raises:
        DataError: it cannot be read, or lacks train, val or the class names, or says something else than paths and
            names there.
    """
    file = _yaml_in(path) if path.is_dir() else path
    if file.suffix.lower() == ".json":
        raise DataError(f"{file}: is no data YAML; for COCO's layout give the folder that holds annotations and images")
    try:
        described = read_yaml(file, exponents=False)
    except SettingsError as error:
        raise DataError(str(error)) from None
    splits: dict[str, Sequence[str]] = {}
    for split, keys in SPLITS.items():
        key = next((key for key in keys if described.get(key) is not None), None)
        if key is not None:
            splits[split] = _paths(file, key, described[key])
        elif split != "test":
            raise DataError(f"{file}: key {split!r} is missing; a data YAML holds train, val (image folders) and names")
    roots = _roots(file, described.get("path"), findings)
    names = class_names(file, described)
    note_changed_names(file, described, findings)
    return YoloLayout(file, names, roots, splits, _keypoint_values(file, described))


def _yaml_in(folder: Path) -> Path:
    files = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    same_stem = [file for file in files if file.stem == folder.name]
    if not files:
        coco = "with annotations/instances_train*.json and instances_val*.json"
        raise DataError(f"{folder}: holds no data YAML; give the path of one, or a folder in COCO's layout, {coco}")
    if len(files) != 1 and len(same_stem) != 1:
        names = ", ".join(file.name for file in files)
        raise DataError(f"{folder}: holds the YAML files {names}; give the path of the data YAML itself")
    return files[0] if len(files) == 1 else same_stem[0]


def _keypoint_values(file: Path, described: Mapping[str, Any]) -> int:
    """By `kpt_shape`: the number of points, and whether each has a visibility beside x and y."""
    shape = described.get("kpt_shape")
    if shape is None:
        return 0
    is_pair = isinstance(shape, list) and len(shape) == 2 and all(type(value) is int for value in shape)
    if not is_pair or not 0 <= shape[0] <= 10**4 or shape[1] not in (2, 3):
        raise DataError(f"{file}: kpt_shape is {shape!r}; it must be [points, 2] or [points, 3], or be left out")
    return int(shape[0] * shape[1])


def _paths(file: Path, key: str, value: Any) -> Sequence[str]:
    paths = value if isinstance(value, list) else [value]
    if not paths or not all(isinstance(path, str) and path for path in paths):
        raise DataError(f"{file}: {key} is {value!r}; it must be a path (a folder, a list file) or a list of paths")
    return paths


def read_data_yaml(path: Path, described: str) -> dict[str, Any]:
    """The data YAML at `path`, which has the keys train, val and names.

    Args:
        path: file.
        described: what such a file holds, for the complaint.

    Raises:
        DataError: it cannot be read, or a key is missing.
    """
    try:
        content = read_yaml(path, exponents=False)
    except SettingsError as error:
        raise DataError(str(error)) from None
    for key in ("train", "val", "names"):
        if key not in content:
            raise DataError(f"{path}: key {key!r} is missing; {described}")
    return content


def class_names(file: Path, described: Mapping[str, Any]) -> tuple[str, ...]:
    """The class names in a data YAML: `names`, a list or a mapping from 0, or as many as `nc` says.

    Raises:
        DataError: neither is there, they contradict each other, or a name is given twice.
    """
    in_file, count = described.get("names"), described.get("nc")
    if count is not None:
        try:
            is_whole = float(count) == int(float(count))
        except (TypeError, ValueError, OverflowError):
            is_whole = False
        if not is_whole or isinstance(count, bool) or not 1 <= float(count) <= 10**6:
            raise DataError(f"{file}: nc is {count!r}; it must be the number of classes")
        count = int(float(count))
    if in_file is None:
        if count is None:
            raise DataError(f"{file}: key 'names' is missing; it must be a list of class names, or a mapping from 0")
        return tuple(f"class_{index}" for index in range(count))
    names = _listed(file, in_file)
    if count is not None and count != len(names):
        raise DataError(f"{file}: nc is {count}, but names has {len(names)}; mend the one that is wrong")
    if doubled := next((name for index, name in enumerate(names) if name in names[:index]), None):
        words = dict.fromkeys(written for written, read in scalars(yaml_text(file), "names") if str(read) == doubled)
        if len(words) > 1:
            listed = " and ".join([*words][:2])
            raise DataError(f"{file}: names has {listed}, which YAML both reads as {doubled}; put them in quotes")
        raise DataError(f"{file}: names has {doubled!r} twice; every class needs its own name")
    return names


def note_changed_names(file: Path, described: Mapping[str, Any], findings: Findings) -> None:
    """Note the class names that YAML reads otherwise than they are written, such as `no` as False and `007` as 7."""
    names = described.get("names") or ()
    values = names.values() if isinstance(names, Mapping) else names
    if all(isinstance(name, str) for name in values):
        return
    changed = [(written, read) for written, read in scalars(yaml_text(file), "names") if written != str(read)]
    if changed:
        pairs = [f"{written or repr(written)} as {read}" for written, read in changed[:5]]
        listed = ", ".join(pairs) + (" …" if len(changed) > 5 else "")
        sentence = f"names are read otherwise than they are written: {listed}; put what is a name in quotes"
        findings.add(CHANGED_NAMES, file, sentence, len(changed))


def _listed(file: Path, names: Any) -> tuple[str, ...]:
    if isinstance(names, Mapping):
        try:
            numbered = {int(key): name for key, name in names.items()}
        except (TypeError, ValueError):
            numbered = {}
        if not numbered or len(numbered) < len(names) or sorted(numbered) != list(range(len(numbered))):
            keys = [*names][:20]
            raise DataError(f"{file}: names has the keys {keys}; they must be 0, 1, 2 … without a gap")
        names = [numbered[index] for index in range(len(numbered))]
    if (
        not isinstance(names, list)
        or not names
        or not all(isinstance(name, (str, int, float, date, NoneType)) for name in names)
    ):
        shown_names = repr(names)[:80]
        raise DataError(
            f"{file}: names is {shown_names}; it must be a list of class names, or a mapping from 0 to them"
        )
    return tuple(map(str, names))


def _roots(file: Path, path: Any, findings: Findings) -> tuple[Path, ...]:
    """Where the splits' paths begin: under `path`, if it is there, else under the YAML's own folder."""
    yaml_folder = Path(os.path.abspath(file.parent))
    if path is None or path == "":
        return (yaml_folder,)
    if not isinstance(path, str):
        raise DataError(f"{file}: path is {path!r}; it must be the path of a folder")
    datasets = user_folder("datasets_dir")
    candidates = [yaml_folder / path, Path.cwd() / path, *([datasets / path] if datasets else [])]
    existing = [
        Path(os.path.normpath(root)) for root in candidates if os.path.isdir(root)
    ]  # False for a name that is too long, too
    if existing:
        return tuple(dict.fromkeys(existing))
    findings.add(ROOT_ELSEWHERE, file, f"path is {path}, which is not there; the YAML's own folder is taken instead")
    return (yaml_folder,)


def split_images(layout: YoloLayout, split: str, findings: Findings) -> list[Path]:
    """The image files of a split, sorted by their paths as text, each once.

    Raises:
        DataError: a path is not there, or there is no image.
    """
    images = [image for path in layout.splits[split] for image in _images(layout, split, path, findings)]
    unique = list(dict.fromkeys(sorted(images, key=str)))
    if len(unique) < len(images):
        findings.add(LISTED_TWICE, layout.file, f"{split} lists {len(images) - len(unique)} images again; taken once")
    if not unique:
        paths = ", ".join(layout.splits[split])
        why = next((str(finding) for finding in findings if finding.kind in (NOT_THERE, NO_IMAGE_NAMED)), "")
        raise DataError(f"{layout.file}: {split} ({paths}) holds no image ({why or ', '.join(sorted(SUFFIXES))})")
    note_same_labels(unique, findings)
    return unique


def _images(layout: YoloLayout, split: str, path: str, findings: Findings) -> Iterator[Path]:
    for file_or_folder in _located(layout, split, path):
        if file_or_folder.is_dir():
            yield from images_in(file_or_folder, findings)
        elif file_or_folder.suffix.lower() in SUFFIXES:
            yield file_or_folder
        elif not glob.has_magic(path):  # what a pattern matches beside images is no list
            yield from _listed_images(layout, file_or_folder, findings)


def _located(layout: YoloLayout, split: str, path: str) -> list[Path]:
    """The file or folder that `path` names, or those that its pattern matches."""
    path = path.replace("\\", "/")
    # Roboflow writes "../train/images" though the folders lie beside the YAML; Ultralytics tries both, too.
    spellings = [path, path[3:]] if path.startswith("../") else [path]
    tried = [Path(os.path.normpath(root / spelling)) for spelling in spellings for root in layout.roots]
    for candidate in tried:
        if os.path.exists(candidate):
            return [candidate]
    if glob.has_magic(path):
        for spelling in spellings:
            for root in layout.roots:  # whose own brackets are none of a pattern
                pattern = os.path.normpath(os.path.join(glob.escape(str(root)), spelling))
                if matches := sorted(map(Path, glob.glob(pattern, recursive=True)), key=str):
                    return matches
    folder = next(parent for parent in tried[0].parents if os.path.isdir(parent))  # False of a path that is too long
    missing = tried[0].relative_to(folder).parts[0]
    names: list[str] = []
    with suppress(PermissionError):
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    hint = nearest(missing, names[:20])
    raise DataError(f"{layout.file}: {split} is {path}, but {folder} has no {missing}; mend the path; {hint}")


def _listed_images(layout: YoloLayout, file: Path, findings: Findings) -> Iterator[Path]:
    """The images that a list file names, one per line: a path from the root, or, after "./", from the list's folder."""
    content, _ = read_regular(file, "list_bytes")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: cannot be read ({error}); a split is a folder or a UTF-8 list of images") from None
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line:
            continue
        if Path(line).suffix.lower() not in SUFFIXES:
            findings.add(NO_IMAGE_NAMED, file, f"line {number}: {line[:80]!r} has no image suffix; left out")
            continue
        # Lists that Windows' tools wrote have backslashes.
        spellings = dict.fromkeys((line, line.replace("\\", "/")))
        ways = (root / spelling for spelling in spellings for root in (file.parent, Path.cwd(), *layout.roots))
        image = next((way for way in ways if os.path.exists(way)), None)
        if image is None:
            findings.add(NOT_THERE, file, f"line {number}: {line[:80]!r} is not there; left out")
        else:
            yield Path(os.path.normpath(image))
