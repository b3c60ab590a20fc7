"""Sequences of pictures in which each object has a number that stays its own: held-out data for trackers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainables.errors import DataError
from trainables.manifest import Manifest
from trainables.vision.findings import Findings

USUAL_RATE = 30.0
"""Frames a second of a sequence that does not say: the rate that Ultralytics' defaults are made for."""
OUTSIDE = "boxes of tracks outside their picture left out"
NO_AREA = "boxes of tracks without area left out"
OTHER_CLASS = "tracked objects of other classes than the data set's, which count neither way"


@dataclass(frozen=True)
class Frame:
    """One picture of a sequence.

    Attributes:
        picture: its file.
        boxes: (M, 4), x1 y1 x2 y2 in its pixels.
        ids: (M,), the numbers of the objects, each once.
        labels: M names of classes; "" where the file names no class, so that a box of any class may match.
        counted: (M,), False for what counts neither way: a tracker may find it or not.
    """

    picture: Path
    boxes: NDArray[np.float64]
    ids: NDArray[np.int64]
    labels: tuple[str, ...]
    counted: NDArray[np.bool_]


@dataclass(frozen=True)
class TrackedSequence:
    """Consecutive frames, `rate` of them a second; `name` is the folder's."""

    name: str
    rate: float
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class Sequences:
    """All sequences of a data set.

    Attributes:
        source: the folder or file that was opened.
        members: the sequences, at least one.
        manifest: pictures and tracks, by content.
        findings: what was left out.
    """

    source: Path
    members: tuple[TrackedSequence, ...]
    manifest: Manifest
    findings: Findings = field(default_factory=Findings)


@dataclass
class Box:
    """One line of a file of tracks: `corners` are x1 y1 x2 y2 in pixels, `where` is its place in the file."""

    corners: tuple[float, float, float, float]
    identity: int
    label: str
    counted: bool
    where: str


def check_pixels(boxes: Iterable[Box], source: Path) -> None:
    """Refuse the boxes of a file that can only be shares of the picture. Raises DataError."""
    farthest = max((max(box.corners[2:]) for box in boxes), default=math.inf)
    if farthest <= 1:
        raise DataError(
            f"{source}: every box is within the first pixel; boxes are in pixels, not in shares of the picture"
        )


def frame_of(picture: Path, size: tuple[int, int], boxes: Sequence[Box], source: Path, findings: Findings) -> Frame:
    """The frame of a `picture` of `size` (width, height); boxes that no tracker can find are left out and noted."""
    findable = [box for box in boxes if _can_be_found(box, size, source, findings)]
    return Frame(
        picture,
        np.array([box.corners for box in findable], dtype=np.float64).reshape(-1, 4),
        np.array([box.identity for box in findable], dtype=np.int64),
        tuple(box.label for box in findable),
        np.array([box.counted for box in findable], dtype=np.bool_),
    )


def _can_be_found(box: Box, size: tuple[int, int], source: Path, findings: Findings) -> bool:
    x1, y1, x2, y2 = box.corners
    if x2 <= x1 or y2 <= y1:
        findings.add(NO_AREA, source, f"{box.where}: a box of {x2 - x1:g} by {y2 - y1:g} pixels; left out")
        return False
    if x2 <= 0 or y2 <= 0 or x1 >= size[0] or y1 >= size[1]:
        corners = f"{x1:g} {y1:g} {x2:g} {y2:g}"
        findings.add(
            OUTSIDE, source, f"{box.where}: box {corners} is outside its picture of {size[0]} by {size[1]}; left out"
        )
        return False
    return True
