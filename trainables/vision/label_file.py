"""One reader of label files in YOLO's format. It takes, repairs and leaves out what Ultralytics 8.4 does.

A line is "class cx cy w h" in shares of the image, or "class x1 y1 x2 y2 x3 y3 …", a polygon that stands for the box
around it. Where Ultralytics leaves a picture out because of its labels, so does this reader, and says so.
Beyond Ultralytics, which leaves such pictures out, lines of both kinds may stand in one file.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainables.errors import DataError
from trainables.vision.decode import regular_file
from trainables.vision.findings import Findings

MOST_BYTES = 64 * 10**6
"""Of one label file: a million boxes."""
TOLERANCE = 0.01
"""By how much a coordinate may lie outside 0 to 1, as exporters round: Ultralytics' own bound."""

EQUAL = "label files with equal labels, of which one is kept"
EMPTY_BOX = "label files with boxes without area, which are left out"
POLYGON = "label files with polygons, read as the boxes around them"
OUTSIDE = "label files with coordinates slightly outside the image"
LEFT_OUT = "images left out because of their labels"

Labels = NDArray[np.float32]
"""(M, 5): class cx cy w h, the last four as shares of the image."""


def read_labels(file: Path, classes: int, findings: Findings) -> Labels | None:
    """The labels in `file`, none if there is no such file; None if its image must be left out, which `findings` tell.

    Raises:
        DataError: `file` is a link to nothing, a folder, a pipe or a device: taking the image for background would
            teach the model that its objects are none.
    """
    if not file.exists() and not file.is_symlink():
        return np.zeros((0, 5), dtype=np.float32)
    regular_file(file, MOST_BYTES)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        why = f"is no UTF-8 text ({error.reason} at byte {error.start})"
        findings.add(LEFT_OUT, file, f"{why}; its image is left out")
        return None
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); mend its rights or remove it") from None
    rows: dict[tuple[float, ...], list[float]] = {}
    polygons = 0
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    for number, words in lines:
        try:
            numbers = _numbers(words)
            row = _row(numbers, classes)
        except ValueError as error:
            findings.add(LEFT_OUT, file, f"line {number}: {error}; its image is left out")
            return None
        polygons += len(numbers) > 5
        rows.setdefault(tuple(np.array(numbers, dtype=np.float32).tolist()), row)  # two polygons may share a box
    if polygons:
        findings.add(POLYGON, file, f"{polygons} polygons, read as the boxes around them")
    if len(rows) < len(lines):
        findings.add(EQUAL, file, f"{len(lines) - len(rows)} of {len(lines)} labels repeat another one; removed")
    return _repaired(file, np.array([*rows.values()], dtype=np.float32).reshape(-1, 5), findings)


def _numbers(words: list[str]) -> list[float]:
    """The numbers of one line. Raises ValueError with what is wrong with it."""
    if len(words) < 5 or len(words) % 2 == 0:
        raise ValueError(f"has {len(words)} values; a label is class cx cy w h, or class and at least three points x y")
    line = " ".join(words)[:60]
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise ValueError(f"{line!r} is not all numbers") from None
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{line!r} holds a value that is not finite")
    return numbers


def _row(numbers: list[float], classes: int) -> list[float]:
    """Class and box of one line. Raises ValueError with what is wrong with it."""
    kind, *rest = numbers
    if kind not in range(classes):
        raise ValueError(f"class is {kind:g}; it must be a whole number from 0 to {classes - 1}, the last of the names")
    box = rest if len(rest) == 4 else _around(rest)
    if outside := [value for value in box if not -TOLERANCE <= value <= 1 + TOLERANCE]:
        raise ValueError(f"{outside[0]:g} is no share of the image, from 0 to 1")
    if min(box[2:]) < 0:
        raise ValueError(f"the box is {box[2]:g} by {box[3]:g}; no side may be below 0")
    return [kind, *box]


def _around(points: list[float]) -> list[float]:
    """The box around a polygon, as cx cy w h."""
    x, y = points[::2], points[1::2]
    return [(min(x) + max(x)) / 2, (min(y) + max(y)) / 2, max(x) - min(x), max(y) - min(y)]


def _repaired(file: Path, rows: Labels, findings: Findings) -> Labels:
    if ((rows[:, 1:] < 0) | (rows[:, 1:] > 1)).any():
        findings.add(OUTSIDE, file, "coordinates below 0 or above 1 by rounding; boxes are cut at the image's edge")
    has_area = (rows[:, 3:] > 0).all(axis=1)
    if not has_area.all():
        findings.add(EMPTY_BOX, file, f"{int((~has_area).sum())} boxes have a side of 0; removed")
        rows = rows[has_area]
    return rows


def label_file(image: Path) -> Path:
    """Ultralytics' rule: the last folder called `images` above the image is called `labels`, and the suffix is .txt."""
    parts = list(image.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            parts[index] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def label_text(file: Path) -> str:
    """What a data set's fingerprint takes of a label file that was read: its text, or "" if there is none."""
    return file.read_text(encoding="utf-8-sig") if file.is_file() else ""
