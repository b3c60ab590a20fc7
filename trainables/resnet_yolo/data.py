"""Data sets for the ResNet-18 detector: labelled images in YOLO's or COCO's layout.

Everything is checked before the first epoch; decoded images stay in memory up to a bound, for all trials of a process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainables.class_match import ClassMatch, nothing_left
from trainables.manifest import Manifest
from trainables.tracks.sequence import Sequences
from trainables.vision.decode import decode
from trainables.vision.detection_data import Sample, read_samples
from trainables.vision.findings import Findings
from trainables.vision.image_cache import CACHE_BYTES, ImageCache

GREY = 114
"""Of the bars beside an image that is not square: Ultralytics' letterbox."""


Inset = tuple[int, int, int, int]
"""Left, top, width and height of an image in its letterbox."""
Decoded = tuple[NDArray[np.uint8], Inset]


class Images:
    """The images of one split, letterboxed to any size; decoded once if they fit into `cache`."""

    def __init__(self, samples: Sequence[Sample], cache: ImageCache[Decoded]) -> None:
        self.samples = tuple(samples)
        self._cache = cache

    def __len__(self) -> int:
        return len(self.samples)

    def of(self, samples: Sequence[Sample]) -> Images:
        """Other `samples`, with the same decoded pixels."""
        return Images(samples, self._cache)

    def preload(self, size: int) -> None:
        """Decode what the cache has room for, so that processes forked from this one share it."""
        for index in range(len(self)):
            self.load(index, size)
            if _key(self.samples[index], size) not in self._cache:
                return

    def load(self, index: int, size: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """RGB pixels (size, size, 3), not to be written to, and labels (M, 5): class x1 y1 x2 y2 in its pixels."""
        sample = self.samples[index]
        pixels, inset = self._cache.load(_key(sample, size), lambda: _letterbox(sample, size))
        return pixels, _inset_labels(sample.labels, inset)

    def crowds(self, index: int, size: int) -> NDArray[np.float32]:
        """The image's crowds (C, 5), as `load` gives labels; see `trainables.vision.average_precision.Objects`."""
        sample = self.samples[index]
        return _inset_labels(sample.crowds, _inset((sample.width, sample.height), size))


@dataclass(frozen=True)
class YoloData:
    """A checked data set.

    Attributes:
        names: class names; a label's class is an index into them.
        train, val: the two splits.
        manifest: what is trained on, by content.
        findings: what was repaired or left out.
        sequences: with tracks, held out too; None unless asked for.
    """

    names: tuple[str, ...]
    train: Images
    val: Images
    manifest: Manifest
    findings: Findings = field(default_factory=Findings)
    sequences: Sequences | None = None

    @property
    def fingerprint(self) -> str:
        """The manifest's: the same data give the same one anywhere."""
        return self.manifest.fingerprint

    def with_classes(self, match: ClassMatch) -> YoloData:
        """The data as a checkpoint numbers their classes; see `trainables.class_match.Named`."""
        train, val = (tuple(_renumbered(sample, match) for sample in split.samples) for split in (self.train, self.val))
        if not any(len(sample.labels) for sample in val):
            raise nothing_left(match, "object")
        return replace(self, names=match.trained, train=self.train.of(train), val=self.val.of(val))


def open_yolo(path: Path, cache_bytes: int = CACHE_BYTES) -> YoloData:
    """Check the data set at `path`: each label, and whether each image is whole.

    It is a data YAML or its folder, and what the YAML may say is what Ultralytics takes
    (`trainables.vision.yolo_layout`); or a folder in COCO's layout (`trainables.vision.coco_layout`). What was repaired
    or left out, as Ultralytics and YOLOX do it, is in the result's `findings`.

    Raises:
        DataError: with the file, the line where there is one, what is wrong and how to mend it.
    """
    findings = Findings()
    data = read_samples(path, findings)
    cache: ImageCache[Decoded] = ImageCache(cache_bytes)
    return YoloData(data.names, Images(data.train, cache), Images(data.val, cache), data.manifest, findings)


def _renumbered(sample: Sample, match: ClassMatch) -> Sample:
    labels, crowds = (
        np.column_stack((classes, rows[:, 1:])).astype(np.float32)
        for rows, classes in (match.rows(rows, rows[:, 0]) for rows in (sample.labels, sample.crowds))
    )
    return replace(sample, labels=labels, crowds=crowds)


def letterboxed(image: Image.Image, size: int) -> tuple[NDArray[np.uint8], Inset]:
    """`image` scaled into RGB pixels (size, size, 3) with grey bars, and its place."""
    left, top, width, height = inset = _inset(image.size, size)
    pixels = np.full((size, size, 3), GREY, dtype=np.uint8)
    scaled = image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
    pixels[top : top + height, left : left + width] = np.asarray(scaled)
    return pixels, inset


def _inset(sides: tuple[int, int], size: int) -> Inset:
    scale = size / max(sides)
    width, height = (max(1, round(side * scale)) for side in sides)
    return (size - width) // 2, (size - height) // 2, width, height


def _key(sample: Sample, size: int) -> tuple[Path, bool, int]:
    """Of the pixels alone: several entries of a COCO file, in both splits even, may name one image."""
    return sample.path, sample.upright, size


def _letterbox(sample: Sample, size: int) -> Decoded:
    pixels, inset = letterboxed(Image.fromarray(decode(sample.path, upright=sample.upright)), size)
    pixels.flags.writeable = False
    return pixels, inset


def _inset_labels(labels: NDArray[np.float32], inset: Inset) -> NDArray[np.float32]:
    """Labels of an image at its place in a letterbox, as class x1 y1 x2 y2, cut at the image's edge."""
    left, top, width, height = inset
    kind, cx, cy, w, h = labels.T
    edges = [(cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height]
    corners = [edge.clip(0, side) for edge, side in zip(edges, (width, height) * 2, strict=True)]
    moved = [corner + shift for corner, shift in zip(corners, (left, top) * 2, strict=True)]
    return np.stack([kind, *moved], axis=1).astype(np.float32)
