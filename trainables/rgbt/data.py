"""Pairs of an RGB and a thermal image: two folders with the same file names, one of YOLO labels, and day or night.

Everything is checked before the first epoch; decoded pairs stay in memory up to a bound, for all trials of a process.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.class_match import ClassMatch, nothing_left
from trainables.errors import DataError
from trainables.file_facts import FileFacts, file_facts
from trainables.manifest import Manifest, Part, of_parts, values_digest
from trainables.rgbt.scenes import scenes_in
from trainables.tracks.sequence import Sequences
from trainables.vision.decode import SUFFIXES, UndecodableError, decode, decode_grey
from trainables.vision.findings import Findings
from trainables.vision.image_cache import CACHE_BYTES, ImageCache
from trainables.vision.image_facts import ImageFacts, image_facts
from trainables.vision.image_files import (
    CLASS_LIST,
    DIFFERENCES,
    files_in,
    images_in,
    normalized_name,
    note_shared,
)
from trainables.vision.label_file import read_labels
from trainables.vision.yolo_layout import class_names, note_changed_names, read_data_yaml

FOLDERS = ("rgb", "thermal", "labels")
CLAHE_CLIP, CLAHE_TILES = 2.0, (8, 8)
"""Usual for thermal pictures (OpenCV's tutorial has both); document 000 names CLAHE without numbers."""
Decoded = tuple[NDArray[np.uint8], tuple[int, int]]


@dataclass(frozen=True)
class Pair:
    """Two images on disk, both `width` by `height` pixels.

    `labels` (M, 5) are class cx cy w h in shares of the image; the scene is "day", "night" or "".
    """

    rgb: Path
    thermal: Path
    labels: NDArray[np.float32]
    scene: str
    width: int
    height: int


class Pairs:
    """The pairs of one split; decoded once if they fit into `cache`."""

    def __init__(self, samples: Sequence[Pair], cache: ImageCache[Decoded]) -> None:
        self.samples = tuple(samples)
        self._cache = cache

    def __len__(self) -> int:
        return len(self.samples)

    def with_classes(self, match: ClassMatch) -> Pairs:
        """The pairs as a checkpoint numbers their classes, with the same decoded pixels."""
        return self.of([_renumbered(pair, match) for pair in self.samples])

    def of(self, samples: Sequence[Pair]) -> Pairs:
        """Other `samples`, with the same decoded pixels."""
        return Pairs(samples, self._cache)

    def preload(self, size: int, clahe: bool) -> None:
        """Decode what the cache has room for, so that processes forked from this one share it."""
        for index in range(len(self)):
            self.load(index, size, clahe)
            if _key(self.samples[index], size, clahe) not in self._cache:
                return

    def load(self, index: int, size: int, clahe: bool) -> Decoded:
        """Pixels (h, w, 4) as R G B T, the longer side `size`, not to be written to; and the size on disk (h, w)."""
        sample = self.samples[index]

        def decoded() -> Decoded:
            return stacked(decode(sample.rgb), decode_grey(sample.thermal), size, clahe)

        return self._cache.load(_key(sample, size, clahe), decoded)


@dataclass(frozen=True)
class RgbtData:
    """A checked data set.

    Attributes:
        names: class names; a label's class is an index into them.
        train, val: the two splits.
        manifest: what is trained on, by content.
        findings: what was repaired or left out.
        sequences: with tracks, held out too; None unless asked for.
    """

    names: tuple[str, ...]
    train: Pairs
    val: Pairs
    manifest: Manifest
    findings: Findings = field(default_factory=Findings)
    sequences: Sequences | None = None

    @property
    def fingerprint(self) -> str:
        """The manifest's: the same data give the same one anywhere."""
        return self.manifest.fingerprint

    def with_classes(self, match: ClassMatch) -> RgbtData:
        """The data as a checkpoint numbers their classes; see `trainables.class_match.Named`."""
        train, val = (split.with_classes(match) for split in (self.train, self.val))
        if not any(len(pair.labels) for pair in val.samples):
            raise nothing_left(match, "object")
        return replace(self, names=match.trained, train=train, val=val)


def open_rgbt(path: Path, cache_bytes: int = CACHE_BYTES) -> RgbtData:
    """Check the data set whose data YAML is at `path`: each pair, each label line, each image.

    The YAML holds `names`, and under `train` and `val` the folders `rgb`, `thermal` and `labels`, relative to the
    YAML's own, in which the three files of a pair have the same name up to the suffix; `scenes`, if given, is a CSV
    file of lines "name,day" or "name,night". So KUST4K's and VT-MOT's folders can stay as they are.

    Raises:
        DataError: with the file, the line where there is one, what is wrong and how to mend it.
    """
    described = _described(path)
    findings = Findings()
    names = class_names(path, described)
    note_changed_names(path, described, findings)
    cache: ImageCache[Decoded] = ImageCache(cache_bytes)
    earlier: dict[bytes, Path] = {}
    splits = []
    parts: list[Part] = []
    with file_facts() as facts:
        for split in ("train", "val"):
            samples, shared = _pairs(path, split, described[split], len(names), parts, findings, facts)
            note_shared(shared, split, earlier, findings)
            if not any(len(sample.labels) for sample in samples):
                raise DataError(f"{path}: no image of {split} has a label; {split} needs at least one object")
            splits.append(Pairs(samples, cache))
    manifest = of_parts({"class names": list(names)}, parts)
    return RgbtData(names, splits[0], splits[1], manifest, findings)


def _renumbered(pair: Pair, match: ClassMatch) -> Pair:
    labels, classes = match.rows(pair.labels, pair.labels[:, 0])
    return replace(pair, labels=np.column_stack((classes, labels[:, 1:])).astype(np.float32))


def _described(path: Path) -> Mapping[str, Any]:
    described = read_data_yaml(path, "an RGBT data YAML holds train, val and names")
    for split in ("train", "val"):
        folders = described[split]
        if not isinstance(folders, Mapping):
            raise DataError(f"{path}: {split} is {folders!r}; it must hold the folders {', '.join(FOLDERS)}")
        for key in FOLDERS:
            if not isinstance(folders.get(key), str):
                raise DataError(f"{path}: {split}.{key} is {folders.get(key)!r}; it must be the path of a folder")
        if not isinstance(folders.get("scenes"), (str, NoneType)):
            raise DataError(f"{path}: {split}.scenes is {folders['scenes']!r}; it must be the path of a CSV file")
    return described


def _pairs(
    path: Path,
    split: str,
    folders: Mapping[str, Any],
    classes: int,
    parts: list[Part],
    findings: Findings,
    facts: FileFacts,
) -> tuple[list[Pair], list[tuple[Path, bytes]]]:
    """The pairs of a split, and their RGB images with their digests; adds to `parts` what was read."""
    files = {key: path.parent / name.replace("\\", "/") for key, name in folders.items() if isinstance(name, str)}
    roots = {key: Path(os.path.abspath(files[key])) for key in FOLDERS}
    for key, root in roots.items():
        if not root.is_dir():
            raise DataError(f"{path}: {split}.{key} names the folder {root}, which is not there; mend the path")
    rgb, thermal = (images_by_name(roots[key], findings) for key in ("rgb", "thermal"))
    for members, others, modality in ((rgb, thermal, "thermal"), (thermal, rgb, "rgb")):
        for name, image in members.items():
            if name not in others:
                alike = _spelt_otherwise(name, others)
                but = f", but {alike!a}" if alike else ""
                fix = f"they differ in {DIFFERENCES}: rename one" if alike else "add it or remove this one"
                raise DataError(f"{image}: has no partner {name} under {roots[modality]}{but}; {fix}")
    _refuse_unread(roots["labels"], rgb)
    scenes = scenes_in(files["scenes"], rgb) if folders.get("scenes") else {}
    samples, digests = [], []
    for name, image in rgb.items():
        colour, heat = (_readable(file, facts, findings) for file in (image, thermal[name]))
        if (colour.width, colour.height) != (heat.width, heat.height):
            sizes = f"{heat.width}x{heat.height}, but {image} is {colour.width}x{colour.height}"
            raise DataError(f"{thermal[name]}: is {sizes}; the two must be registered, so of one size")
        file = str(roots["labels"] / f"{name}.txt")
        labels = read_labels(file, classes, findings, facts)
        if labels is None:
            continue
        scene = scenes.get(name, "")
        samples.append(Pair(image, thermal[name], labels, scene, colour.width, colour.height))
        digests.append((image, colour.digest))
        parts.append(Part(split, str(image), colour.digest.hex(), read_later=True))
        parts.append(Part(split, str(thermal[name]), heat.digest.hex(), read_later=True))
        if len(labels):
            parts.append(Part(split, file, values_digest(labels.tobytes())))
        if scene:
            parts.append(Part(split, str(image), values_digest(scene.encode()), "scene"))
    return samples, digests


def _readable(image: Path, facts: FileFacts, findings: Findings) -> ImageFacts:
    properties = image_facts(image, facts, findings)
    if properties.why:
        raise UndecodableError(image, properties.why)
    return properties


def images_by_name(folder: Path, findings: Findings) -> dict[str, Path]:
    """The images under `folder` by their path without the suffix. Raises DataError: two share one, or there is none."""
    images: dict[str, Path] = {}
    for image in images_in(folder, findings):
        name = image.relative_to(folder).with_suffix("").as_posix()
        if name in images:
            raise DataError(f"{image}: {images[name].name} has the same name; a pair needs one file a folder")
        images[name] = image
    if not images:
        raise DataError(f"{folder}: holds no image ({', '.join(sorted(SUFFIXES))}); it needs at least one")
    return images


def _refuse_unread(folder: Path, images: Mapping[str, Path]) -> None:
    """Refuse label files that no pair has: a pair without labels is background."""
    for file in sorted(path for path in files_in(folder) if path.suffix.lower() == ".txt" and path.name != CLASS_LIST):
        if file.suffix != ".txt":
            raise DataError(f"{file}: its suffix is {file.suffix}; rename it to {file.stem}.txt")
        name = file.relative_to(folder).with_suffix("").as_posix()
        if name not in images:
            alike = _spelt_otherwise(name, images)
            fix = f"{alike!a} differs in {DIFFERENCES}: rename one" if alike else "add the pair or delete the labels"
            raise DataError(f"{file}: has no image of that name; {fix}")


def _spelt_otherwise(name: str, names: Iterable[str]) -> str:
    """The one of `names` that differs from `name` in `DIFFERENCES` alone; "" if there is none."""
    return next((other for other in names if normalized_name(other) == normalized_name(name)), "")


def _key(sample: Pair, size: int, clahe: bool) -> tuple[Path, Path, int, bool]:
    return sample.rgb, sample.thermal, size, clahe


def stacked(rgb: NDArray[np.uint8], thermal: NDArray[np.uint8], size: int, clahe: bool) -> Decoded:
    """`rgb` (h, w, 3) and `thermal` (h, w) as `Pairs.load` gives a pair."""
    import cv2

    if clahe:
        equalised = cv2.createCLAHE(clipLimit=CLAHE_CLIP, tileGridSize=CLAHE_TILES).apply(thermal)
        thermal = np.asarray(equalised, dtype=np.uint8)
    pixels = np.dstack((rgb, thermal))
    height, width = pixels.shape[:2]
    share = size / max(height, width)
    if share != 1:  # as Ultralytics' own loader resizes
        shape = (min(math.ceil(width * share), size), min(math.ceil(height * share), size))
        pixels = cv2.resize(pixels, shape, interpolation=cv2.INTER_LINEAR)
    pixels.flags.writeable = False
    return pixels, (height, width)
