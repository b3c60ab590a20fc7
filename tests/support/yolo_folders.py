"""Small data sets in YOLO's layout, as people and their tools write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write `text` to `path`, which is returned."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)
    return path


def images(folder: Path, count: int = 3, suffix: str = "png", labels: Path | None = None, first: int = 0) -> None:
    """Pictures of 40 by 24 pixels, each with two objects but for the last, which is background."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(first, first + count):
        Image.new("RGB", (40, 24), (index * 17 % 256, 60, len(folder.name) * 9)).save(folder / f"{index:03d}.{suffix}")
        beside = labels or Path(*["labels" if part == "images" else part for part in folder.parts])
        if index < first + count - 1:
            write(beside / f"{index:03d}.txt", f"0 0.5 0.5 0.{index % 8 + 1} 0.25\n1 0.3 0.4 0.125 0.2\n")


def usual(root: Path, described: str = "names: [cow, calf]\n") -> Path:
    """The usual layout; returns the data YAML, which has `described` in it."""
    images(root / "images/train")
    images(root / "images/val", first=10)
    return write(root / "data.yaml", f"train: images/train\nval: images/val\n{described}")


def everywhere(change: Callable[[Path], object]) -> Callable[[Path], Path]:
    """The usual layout with each label file changed."""

    def build(root: Path) -> Path:
        file = usual(root)
        for label in sorted((root / "labels").rglob("*.txt")):
            change(label)
        return file

    return build


def listed(*lines: str, suffix: str = "png") -> Callable[[Path], Path]:
    """A list file of the training images 000 and 001, and of `lines`."""

    def build(root: Path) -> Path:
        file = usual(root)
        write(root / "train.txt", "\n".join((f"./images/train/000.{suffix}", "./images/train/001.png", *lines)))
        return write(file, "train: train.txt\nval: images/val\nnames: [cow, calf]\n")

    return build
