"""Labels in YOLO's format: class names of a data YAML, and one text file of boxes per image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.errors import DataError, SettingsError
from trainables.settings import read_yaml


def read_data_yaml(path: Path, described: str) -> dict[str, Any]:
    """The data YAML at `path`, which has the keys train, val and names.

    Args:
        path: file.
        described: what such a file holds, for the complaint.

    Raises:
        DataError: it cannot be read, or a key is missing.
    """
    try:
        content = read_yaml(path)
    except SettingsError as error:
        raise DataError(str(error)) from None
    for key in ("train", "val", "names"):
        if key not in content:
            raise DataError(f"{path}: key {key!r} is missing; {described}")
    return content


def class_names(path: Path, listed: Any) -> tuple[str, ...]:
    """The class names `listed` under `names` in the data YAML at `path`: a list, or a mapping from 0."""
    if isinstance(listed, Mapping):
        if sorted(listed, key=str) != sorted(range(len(listed)), key=str):
            raise DataError(f"{path}: names has the keys {list(listed)}; they must be 0, 1, 2 … without a gap")
        listed = [listed[index] for index in range(len(listed))]
    if not isinstance(listed, list) or not listed:
        raise DataError(f"{path}: names is {listed!r}; it must be a list of class names, or a mapping from 0 to them")
    return tuple(map(str, listed))


def label_text(file: Path) -> str:
    """The text of a label file."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read ({error}); it must be a text file of YOLO labels") from None


def label_rows(file: Path, text: str, classes: int) -> NDArray[np.float32]:
    """The labels (M, 5) in `text`, which is that of `file`: class cx cy w h, the last four as shares of the image."""
    lines = enumerate(text.splitlines(), start=1)
    rows = [_row(f"{file} line {number}", line.split(), classes) for number, line in lines if line.strip()]
    return np.array(rows, dtype=np.float32).reshape(-1, 5)


def _row(where: str, columns: Sequence[str], classes: int) -> list[float]:
    if len(columns) != 5:
        raise DataError(f"{where}: has {len(columns)} values; a label is the five numbers: class cx cy w h")
    try:
        row = [float(word) for word in columns]
    except ValueError:
        raise DataError(f"{where}: {' '.join(columns)!r} is not five numbers; a label is: class cx cy w h") from None
    if not all(map(math.isfinite, row)):
        raise DataError(f"{where}: {' '.join(columns)!r} holds a value that is not finite; give real coordinates")
    if row[0] not in range(classes):
        raise DataError(f"{where}: class is {columns[0]}; names has {classes}, so it must be 0 to {classes - 1}")
    for name, word, value in zip(("cx", "cy", "w", "h"), columns[1:], row[1:], strict=True):
        if not 0 <= value <= 1:
            raise DataError(f"{where}: {name} is {word}; it must be a share of the image, from 0 to 1")
    if min(row[3:]) == 0:
        raise DataError(
            f"{where}: the box is {columns[3]} by {columns[4]}; both sides must be above 0, or delete the line"
        )
    return row
