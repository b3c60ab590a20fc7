"""Data sets in YOLO's layout: a data YAML, folders of images, and beside each `images` folder one of `labels`.

Everything is checked before the first epoch; decoded images stay in memory up to a bound, for all trials of a process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainables.errors import DataError
from trainables.vision.image_files import CACHE_BYTES, SUFFIXES, ImageCache, decoded_size, refuse_shared
from trainables.vision.yolo_labels import class_names, label_rows, label_text, read_data_yaml

GREY = 114
"""Of the bars beside an image that is not square: Ultralytics' letterbox."""


@dataclass(frozen=True)
class Sample:
    """One image on disk and its objects: `labels` (M, 5), class cx cy w h, the last four as shares of the image."""

    path: Path
    labels: NDArray[np.float32]


Decoded = tuple[NDArray[np.uint8], NDArray[np.float32]]


class Images:
    """The images of one split, letterboxed to any size; decoded once if they fit into `cache`."""

    def __init__(self, samples: Sequence[Sample], cache: ImageCache[Decoded]) -> None:
        self.samples = tuple(samples)
        self._cache = cache

    def __len__(self) -> int:
        return len(self.samples)

    def preload(self, size: int) -> None:
        """Decode what the cache has room for, so that processes forked from this one share it."""
        for index in range(len(self)):
            self.load(index, size)
            if (self.samples[index].path, size) not in self._cache:
                return

    def load(self, index: int, size: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """RGB pixels (size, size, 3), not to be written to, and labels (M, 5): class x1 y1 x2 y2 in its pixels."""
        sample = self.samples[index]
        return self._cache.load((sample.path, size), lambda: _letterbox(sample, size))


@dataclass(frozen=True)
class YoloData:
    """A checked data set.

    Attributes:
        names: class names; a label's class is an index into them.
        train, val: the two splits, no image in both.
        fingerprint: sha256 over names, image names and sizes, and labels; the same data give the same one anywhere.
    """

    names: tuple[str, ...]
    train: Images
    val: Images
    fingerprint: str


def open_yolo(path: Path, cache_bytes: int = CACHE_BYTES) -> YoloData:
    """Check the data set whose data YAML is at `path`: each label line and each image, down to its last pixel.

    The YAML holds `train` and `val` (image folders), `names` (a list, or a mapping from 0) and maybe `path`, the folder
    that the two are under; without it they are under the YAML's own. An image without a label file is background.

    Raises:
        DataError: with the file, the line where there is one, what is wrong and how to mend it.
    """
    described = _described(path)
    names = class_names(path, described["names"])
    root = (path.parent / str(described.get("path", "."))).resolve()
    digest = hashlib.sha256("\n".join(names).encode())
    earlier: dict[bytes, Path] = {}
    cache: ImageCache[Decoded] = ImageCache(cache_bytes)
    splits = []
    for split in ("train", "val"):
        samples = _samples(path, split, root / str(described[split]), len(names), digest)
        refuse_shared((sample.path for sample in samples), split, earlier)
        if not any(len(sample.labels) for sample in samples):
            raise DataError(f"{root / str(described[split])}: no image has a label; {split} needs at least one object")
        splits.append(Images(samples, cache))
    return YoloData(names, splits[0], splits[1], digest.hexdigest())


def _described(path: Path) -> Mapping[str, Any]:
    described = read_data_yaml(path, "a data YAML holds train, val (image folders) and names")
    for key in ("train", "val"):
        if not isinstance(described[key], str):
            raise DataError(f"{path}: {key} is {described[key]!r}; it must be the path of one image folder")
    return described


def _samples(path: Path, split: str, folder: Path, classes: int, digest: Any) -> list[Sample]:
    if not folder.is_dir():
        raise DataError(f"{path}: {split} names the folder {folder}, which is not there; mend the path")
    images = sorted(image for image in folder.rglob("*") if image.suffix.lower() in SUFFIXES)
    if not images:
        raise DataError(f"{folder}: holds no image ({', '.join(sorted(SUFFIXES))}); {split} needs at least one")
    _refuse_orphans(folder, images)
    samples = []
    for image in images:
        width, height = decoded_size(image)
        file = _label_file(image)
        text = label_text(file) if file.is_file() else ""
        samples.append(Sample(image, label_rows(file, text, classes)))
        digest.update(f"\n{split}/{image.relative_to(folder).as_posix()} {width}x{height}\n{text}".encode())
    return samples


def _label_file(image: Path) -> Path:
    """Ultralytics' rule: the last folder called `images` is called `labels`, and the file ends in .txt."""
    parts = list(image.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            parts[index] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _refuse_orphans(folder: Path, images: Sequence[Path]) -> None:
    expected = {_label_file(image) for image in images}
    labels = _label_file(folder / "any.jpg").parent
    for file in sorted(labels.rglob("*.txt")) if labels != folder else []:
        if file not in expected:
            raise DataError(f"{file}: has no image of that name under {folder}; add the image or delete the labels")


def letterboxed(image: Image.Image, size: int) -> tuple[NDArray[np.uint8], tuple[int, int, int, int]]:
    """`image` scaled into RGB pixels (size, size, 3) with grey bars, and its place: left, top, width, height."""
    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    left, top = (size - width) // 2, (size - height) // 2
    pixels = np.full((size, size, 3), GREY, dtype=np.uint8)
    scaled = image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
    pixels[top : top + height, left : left + width] = np.asarray(scaled)
    return pixels, (left, top, width, height)


def _letterbox(sample: Sample, size: int) -> Decoded:
    """The image in a letterbox, and its labels in those pixels, cut at the image's edge."""
    with Image.open(sample.path) as opened:
        pixels, (left, top, width, height) = letterboxed(opened, size)
    kind, cx, cy, w, h = sample.labels.T
    edges = [(cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height]
    corners = [edge.clip(0, side) for edge, side in zip(edges, (width, height) * 2, strict=True)]
    moved = [corner + shift for corner, shift in zip(corners, (left, top) * 2, strict=True)]
    pixels.flags.writeable = False
    return pixels, np.stack([kind, *moved], axis=1).astype(np.float32)
