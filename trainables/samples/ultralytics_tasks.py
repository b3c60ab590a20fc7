"""Five small data sets in Ultralytics' layouts, one a task: handwritten threes and sevens on crops of photographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainables.samples.atomic_folder import write_whole
from trainables.samples.digits import Scene, label_lines, scenes, write_split

DIGITS = (3, 7)
INK = 0.3
"""Above that, a pixel belongs to the digit."""
KEYPOINTS = "kpt_shape: [4, 3]\nflip_idx: [0, 1, 3, 2]\n"
"""Of each digit the uppermost, lowest, leftmost and rightmost point, all of them visible."""

Points = NDArray[np.float64]
"""(n, 2) pixels, x and y."""


def write_tasks(directory: Path, *, train: int = 96, val: int = 48, size: int = 64, seed: int = 0) -> Path:
    """Write `detect`, `segment`, `pose`, `obb` and `classify` into `directory`; returns the data YAML of `detect`.

    A sample that an earlier call wrote there is left as it is.

    Args:
        directory: new, empty, or written by an earlier call.
        train: images to train on, of each task.
        val: images held out.
        size: side of an image in pixels.
        seed: of everything drawn.

    Raises:
        DataError: `directory` holds something else.
    """

    def write(partial: Path) -> None:
        for split, count in (("train", train), ("val", val)):
            drawn = scenes(split, count, digits=DIGITS, size=size, seed=seed)
            write_split(partial / "detect", split, drawn)
            write_split(partial / "segment", split, drawn, lambda scene: _lines(scene, _outline))
            write_split(partial / "obb", split, drawn, lambda scene: _lines(scene, _corners))
            write_split(partial / "pose", split, drawn, _pose_lines)
            _write_classes(partial / "classify", split, drawn)
        names = "".join(f"  {index}: '{digit}'\n" for index, digit in enumerate(DIGITS))
        for task in ("detect", "segment", "obb", "pose"):
            keys = KEYPOINTS if task == "pose" else ""
            text = f"train: images/train\nval: images/val\n{keys}names:\n{names}"
            (partial / task / "data.yaml").write_text(text, encoding="utf-8")

    return write_whole(directory, "detect/data.yaml", write)


def _write_classes(root: Path, split: str, drawn: list[Scene]) -> None:
    """Of each scene its first digit, with what is around it."""
    for index, scene in enumerate(drawn):
        if not len(scene.classes):
            continue
        x1, y1, x2, y2 = scene.boxes[0]
        side = max(x2 - x1, y2 - y1) + 4
        left, top = (int(np.clip(start - 2, 0, len(scene.pixels) - side)) for start in (x1, y1))
        folder = root / split / str(DIGITS[int(scene.classes[0])])
        folder.mkdir(parents=True, exist_ok=True)
        crop = Image.fromarray(scene.pixels[top : top + side, left : left + side])
        crop.resize((32, 32), Image.Resampling.BILINEAR).save(folder / f"{index:04d}.png")


def _lines(scene: Scene, shape: Callable[[Points], Points]) -> str:
    """One line an object: its class and the points of `shape` of its ink, in shares of the image."""
    rows = []
    for kind, box in zip(scene.classes, scene.boxes, strict=True):
        points = shape(_ink(scene, box)).clip(0, len(scene.pixels)) / len(scene.pixels)
        rows.append(f"{kind} {' '.join(f'{share:.6f}' for share in points.ravel())}\n")
    return "".join(rows)


def _pose_lines(scene: Scene) -> str:
    rows = label_lines(scene).splitlines()
    lines = []
    for row, box in zip(rows, scene.boxes, strict=True):
        ink = _ink(scene, box)
        ends = [
            ink[index(ink[:, axis])] for axis, index in ((1, np.argmin), (1, np.argmax), (0, np.argmin), (0, np.argmax))
        ]
        points = np.array(ends) / len(scene.pixels)
        lines.append(f"{row} {' '.join(f'{x:.6f} {y:.6f} 2' for x, y in points)}\n")
    return "".join(lines)


def _ink(scene: Scene, box: NDArray[np.int64]) -> Points:
    """The middles of the inked pixels in `box`."""
    x1, y1, x2, y2 = box
    rows, columns = np.nonzero(scene.ink[y1:y2, x1:x2] > INK)
    return np.stack([columns + x1 + 0.5, rows + y1 + 0.5], axis=1)


def _outline(ink: Points) -> Points:
    """The convex hull: good enough an outline for an example."""
    import cv2

    hull: Points = cv2.convexHull(ink.astype(np.float32)).reshape(-1, 2).astype(np.float64)
    return hull


def _corners(ink: Points) -> Points:
    """The corners of the smallest box at any angle."""
    import cv2

    corners: Points = cv2.boxPoints(cv2.minAreaRect(ink.astype(np.float32))).astype(np.float64)
    return corners
