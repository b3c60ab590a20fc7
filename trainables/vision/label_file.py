"""One reader of label files in YOLO's format. It takes, repairs and leaves out what Ultralytics 8.4 does.

A line is "class cx cy w h" in shares of the image, or "class x1 y1 x2 y2 x3 y3 …", a polygon that stands for the box
around it. In a data set for poses, whose YAML has `kpt_shape`, points follow each box; they are not read. Where
Ultralytics leaves a picture out because of its labels, so does this reader, and says so.
Beyond Ultralytics, which leaves such pictures out, lines of both kinds may stand in one file. A box of which nothing is
within the image is left out; Ultralytics does so in its mosaics alone.
"""

from __future__ import annotations

import json
import math
import os
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainables.file_facts import FileFacts, stamp_of
from trainables.regular_file import read_regular
from trainables.vision.findings import Findings

TOLERANCE = 0.01
"""By how much a coordinate may lie outside 0 to 1, as exporters round: Ultralytics' own bound."""

LEAST_SIDE = 1e-6
"""Of the image's: a shorter side of a box is none, as single precision may leave nothing of it in a letterbox. Ours."""

EQUAL = "label files with equal labels, of which one is kept"
EMPTY_BOX = "label files with boxes without area, which are left out"
POLYGON = "label files with polygons, read as the boxes around them"
OUTSIDE = "label files with coordinates slightly outside the image"
BEYOND = "label files with boxes that reach beyond their image, trained on as cut at its edge"
LEFT_OUT = "images left out because of their labels"

Labels = NDArray[np.float32]
"""(M, 5): class cx cy w h, the last four as shares of the image."""
NO_LABELS: Labels = np.zeros((0, 5), dtype=np.float32)
KIND = "labels 4"
_HEADER = struct.Struct("<?I")
"""Of a fact: whether the image stays, and how many labels follow; then these, and the findings as JSON."""


def read_labels(
    file: str, classes: int, findings: Findings, facts: FileFacts, keypoint_values: int = 0
) -> Labels | None:
    """The labels in `file`, none if there is no such file; None if its image must be left out, which `findings` tell.

    Args:
        file: absolute path.
        classes: how many there are.
        findings: what was repaired or left out is added to these.
        facts: the file is not read if these have it.
        keypoint_values: how many numbers follow each box in a data set for poses.

    Raises:
        DataError: `file` is a link to nothing, a folder, a pipe or a device: taking the image for background would
            teach the model that its objects are none.
    """
    kind = f"{KIND} {classes} {keypoint_values}"
    try:
        status = os.stat(file)
    except FileNotFoundError:
        if not os.path.islink(file):
            return NO_LABELS
    except OSError:
        pass  # reading it says what is wrong
    else:
        fact = facts.recall(file, kind, stamp_of(status))
        if fact is not None:
            return _recalled(fact, file, findings)
    content, status = read_regular(Path(file), "label_bytes")
    in_file = Findings()
    labels = _read(content, Path(file), classes, in_file, keypoint_values)
    described = (
        json.dumps([[finding.kind, finding.detail, finding.count] for finding in in_file]) if len(in_file) else ""
    )
    rows = NO_LABELS if labels is None else labels
    value = _HEADER.pack(labels is not None, len(rows)) + rows.tobytes() + described.encode()
    facts.keep(file, kind, status, value)
    findings.extend(in_file)
    return labels


def _recalled(value: bytes, file: str, findings: Findings) -> Labels | None:
    stays, count = _HEADER.unpack_from(value)
    end = _HEADER.size + count * NO_LABELS.itemsize * 5
    if len(value) > end:
        for kind, detail, count in json.loads(value[end:]):
            findings.add(kind, Path(file), detail, count)
    return np.frombuffer(value[_HEADER.size : end], dtype=np.float32).reshape(-1, 5) if stays else None


def _read(content: bytes, file: Path, classes: int, findings: Findings, keypoint_values: int) -> Labels | None:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        why = f"is no UTF-8 text ({error.reason} at byte {error.start})"
        findings.add(LEFT_OUT, file, f"{why}; its image is left out")
        return None
    rows: dict[tuple[float, ...], list[float]] = {}
    polygons = 0
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    for number, words in lines:
        if keypoint_values and len(words) == 5 + keypoint_values:
            del words[5:]
        try:
            numbers = _numbers(words)
            row = _row(numbers, classes)
        except ValueError as error:
            findings.add(LEFT_OUT, file, f"line {number}: {error}; its image is left out")
            return None
        polygons += len(numbers) > 5
        # Two polygons may share a box. Single precision, in which Ultralytics compares labels.
        rows.setdefault(struct.unpack(f"{len(numbers)}f", struct.pack(f"{len(numbers)}f", *numbers)), row)
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
    empty = without_area(rows[:, 1:])
    if empty.any():
        count = int(empty.sum())
        findings.add(EMPTY_BOX, file, f"{count} boxes have a side of 0 within the image; removed", count)
        rows = rows[~empty]
    note_beyond(file, rows[:, 1:], findings)
    return rows


def without_area(boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(M,): of which `boxes` (M, 4), as cx cy w h in shares of the image, nothing is within it."""
    centres, halves = boxes[:, :2], boxes[:, 2:] / 2
    first, last = (centres - halves).clip(0, 1), (centres + halves).clip(0, 1)
    return np.asarray((last - first <= LEAST_SIDE).any(axis=1))


def note_beyond(file: Path, boxes: NDArray[np.float32], findings: Findings) -> None:
    """Note how many `boxes` (M, 4), as cx cy w h, reach beyond the image by more than rounding."""
    centres, halves = boxes[:, :2], boxes[:, 2:] / 2
    beyond = np.maximum(halves - centres, centres + halves - 1).max(axis=1, initial=0)
    count = int((beyond > TOLERANCE).sum())
    if count:
        subject = "boxes reach" if count > 1 else "box reaches"
        extent = f"by up to {float(beyond.max()):.0%} of its side"
        findings.add(BEYOND, file, f"{count} {subject} beyond the image, {extent}", count)


def label_file(image: str) -> str:
    """Ultralytics' rule: the last folder called `images` above the image is called `labels`, and the suffix is .txt."""
    folder, name = os.path.split(image)
    before, images, after = f"{folder}/".rpartition("/images/")
    beside = f"{before}/labels/{after}" if images else f"{folder}/"
    return f"{beside}{os.path.splitext(name)[0]}.txt"
