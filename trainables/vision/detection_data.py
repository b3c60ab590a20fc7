"""Labelled images for detectors, in YOLO's or COCO's layout: each recipe takes both.

`read_yolo` and `read_coco` check a data set whole: each label and each image, which are read anew only if their files
have changed (`trainables.file_facts`). Whether an image is whole is told as `trainables.vision.image_facts` says.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from trainables.errors import DataError, first_few
from trainables.file_facts import FileFacts, file_facts
from trainables.manifest import Manifest, Part, of_parts, values_digest
from trainables.vision.coco_layout import Picture, has_coco_layout, read_split
from trainables.vision.findings import Findings
from trainables.vision.image_facts import image_facts
from trainables.vision.image_files import MISNAMED, MISSPELT, UNREADABLE_IMAGE, note_orphans, note_shared
from trainables.vision.label_file import LEFT_OUT, NO_LABELS, label_file, read_labels
from trainables.vision.yolo_layout import YoloLayout, read_layout, split_images


@dataclass(frozen=True)
class Sample:
    """One image on disk, `width` by `height` pixels, and its objects.

    Attributes:
        labels: (M, 5), class cx cy w h, the last four as shares of the image.
        digest: SHA-256 of the file.
        upright: whether these are the pixels that viewers show; see `Picture`.
        crowds: (C, 5), as labels; see `Picture`.
    """

    path: Path
    labels: NDArray[np.float32]
    width: int
    height: int
    digest: bytes
    upright: bool = True
    crowds: NDArray[np.float32] = field(default_factory=lambda: NO_LABELS)


ImageT = TypeVar("ImageT", Sample, Picture)


@dataclass(frozen=True)
class Detection(Generic[ImageT]):
    """A data set for detectors.

    Attributes:
        names: class names; a label's class is an index into them.
        train, val: the two splits.
        manifest: what is trained on, by content.
    """

    names: tuple[str, ...]
    train: tuple[ImageT, ...]
    val: tuple[ImageT, ...]
    manifest: Manifest


def read_samples(path: Path, findings: Findings) -> Detection[Sample]:
    """The data set at `path` in either layout, with labels as YOLO has them. Raises DataError."""
    if not has_coco_layout(path):
        return read_yolo(path, findings)
    coco = read_coco(path, findings)
    train, val = (tuple(map(_as_sample, split)) for split in (coco.train, coco.val))
    return Detection(coco.names, train, val, coco.manifest)


def read_pictures(path: Path, findings: Findings) -> Detection[Picture]:
    """The data set at `path` in either layout, with boxes in pixels as COCO has them. Raises DataError."""
    if path.suffix.lower() not in (".yaml", ".yml") and (has_coco_layout(path) or not any(path.glob("*.y*ml"))):
        return read_coco(path, findings)
    yolo = read_yolo(path, findings)
    train, val = (tuple(map(_as_picture, split)) for split in (yolo.train, yolo.val))
    return Detection(yolo.names, train, val, yolo.manifest)


def _as_sample(picture: Picture) -> Sample:
    size = picture.width, picture.height
    labels = _as_labels(picture.boxes, picture.classes, size)
    crowds = _as_labels(picture.crowds[:, :4], picture.crowds[:, 4], size)
    return Sample(picture.path, labels, *size, picture.digest, picture.upright, crowds)


def _as_labels(boxes: NDArray[np.float64], classes: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float32]:
    x1, y1, x2, y2 = (boxes / (size * 2)).T
    return np.stack((classes, (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1), axis=1).astype(np.float32)


def _as_picture(sample: Sample) -> Picture:
    kind, cx, cy, w, h = sample.labels.astype(np.float64).T
    sides = np.array([sample.width, sample.height] * 2)
    boxes = (np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1) * sides).clip(0, sides)
    return Picture(
        sample.path, sample.width, sample.height, boxes, kind.astype(np.int64), sample.digest, sample.upright
    )


def read_yolo(path: Path, findings: Findings) -> Detection[Sample]:
    """The data set whose data YAML is at `path`; an image without a label file is background.

    Raises:
        DataError: with the file, the line where there is one, what is wrong and how to mend it.
    """
    layout = read_layout(path, findings)
    seen: dict[bytes, Path] = {}
    splits: dict[str, tuple[Sample, ...]] = {}
    with file_facts() as facts:
        for split in ("train", "val"):
            images = split_images(layout, split, findings)
            samples = [sample for image in images if (sample := _sample(image, layout, findings, facts)) is not None]
            note_orphans(images, findings)
            note_shared(((sample.path, sample.digest) for sample in samples), split, seen, findings)
            _check_split(layout, split, images, samples, findings)
            splits[split] = tuple(samples)
    parts = (part for split, samples in splits.items() for sample in samples for part in _parts(split, sample))
    return Detection(layout.names, splits["train"], splits["val"], of_parts({"class names": list(layout.names)}, parts))


def _parts(split: str, sample: Sample) -> Iterator[Part]:
    """The image, and its labels if it has any."""
    image = str(sample.path)
    yield Part(split, image, sample.digest.hex(), read_later=True)
    if len(sample.labels):
        yield Part(split, label_file(image), values_digest(sample.labels.tobytes()))


def _sample(image: Path, layout: YoloLayout, findings: Findings, facts: FileFacts) -> Sample | None:
    """The image with its labels; None if Ultralytics would leave it out."""
    file = label_file(str(image))
    labels = read_labels(file, len(layout.names), findings, facts, layout.keypoint_values)
    if labels is None:
        return None
    properties = image_facts(image, facts, findings)
    why = properties.why or ("is a GIF, PPM or Sun file; save it as PNG" if properties.foreign else "")
    if why:
        findings.add(UNREADABLE_IMAGE, image, f"{why}; left out")
        return None
    return Sample(image, labels, properties.width, properties.height, properties.digest)


def _check_split(
    layout: YoloLayout, split: str, images: Sequence[Path], samples: Sequence[Sample], findings: Findings
) -> None:
    if not samples:
        raise DataError(f"{layout.file}: none of the {len(images)} images of {split} can be used; {[*findings][-1]}")
    if not any(len(sample.labels) for sample in samples):
        left_out = next((str(finding) for finding in findings if finding.kind in (LEFT_OUT, MISNAMED, MISSPELT)), "")
        why = left_out or f"labels are looked for as {label_file(str(samples[0].path))}"
        raise DataError(f"{layout.file}: no image of {split} has a label; {split} needs at least one object ({why})")


def read_coco(path: Path, findings: Findings) -> Detection[Picture]:
    """The data set in the folder `path`, in one of the layouts of `trainables.vision.coco_layout`.

    Raises:
        DataError: with the file, the entry, what is wrong and how to mend it.
    """
    with file_facts() as facts:
        train, val = (read_split(path, split, findings, facts) for split in ("train", "val"))
    if val.names != train.names:
        different = sorted({*val.names} ^ {*train.names})
        how = f"only one has {first_few([*map(repr, different)])}" if different else "their ids give another order"
        raise DataError(f"{val.file}: its categories are not those of {train.file} ({how}); both must be the same")
    seen: dict[bytes, Path] = {}
    parts: list[Part] = []
    for name, split in (("train", train), ("val", val)):
        note_shared(((picture.path, picture.digest) for picture in split.pictures), name, seen, findings)
        for picture in split.pictures:
            image = os.path.abspath(picture.path)
            parts.append(Part(name, image, picture.digest.hex(), read_later=True))
            if len(picture.boxes):
                boxes = values_digest(picture.boxes.tobytes(), picture.classes.tobytes())
                parts.append(Part(name, image, boxes, "boxes"))
            if name == "val" and len(picture.crowds):
                parts.append(Part(name, image, values_digest(picture.crowds.tobytes()), "crowds"))
    manifest = of_parts({"class names": list(train.names)}, parts)
    return Detection(train.names, train.pictures, val.pictures, manifest)
