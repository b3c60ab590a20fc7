"""Thermal clips in HDF5, checked before the first epoch and kept in memory for all trials of a process.

```
DATA/
  annotations/class_mapping.json      {"sitting": 0, "standing": 1, …}
  train.h5, val.h5                    frames (N, T, H, W) in Celsius, labels (N,) whole numbers
```

Frames may have an axis of one plane or three equal ones more. All kinds of floating-point numbers become float32.

The thermal SlowFast report (document 004) names the clips' shape (64 × 40 × 60), their unit and the mapping; the names
in the file are ours.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.class_match import ClassMatch, nothing_left
from trainables.errors import DataError
from trainables.json_file import read_json
from trainables.manifest import Manifest, Part, of_parts, values_digest
from trainables.slowfast.clip_file import check_temperatures, data_set, opened

NEEDED = "it must hold frames and labels"
COLDEST, HOTTEST = -60.0, 200.0
"""Celsius that a scene with people can have; beyond it the values are of another unit or broken."""


@dataclass(frozen=True)
class Clips:
    """One split: `frames` (N, T, H, W) float32 in Celsius and `labels` (N,), not to be written to."""

    frames: NDArray[np.float32]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class ThermalData:
    """A checked data set.

    Attributes:
        names: class names; a label is an index into them.
        train, val: the two splits, no clip in both.
        manifest: what is trained on, by content.
    """

    names: tuple[str, ...]
    train: Clips
    val: Clips
    manifest: Manifest

    @property
    def fingerprint(self) -> str:
        """The manifest's: the same data give the same one anywhere."""
        return self.manifest.fingerprint

    def with_classes(self, match: ClassMatch) -> ThermalData:
        """The data as a checkpoint numbers their classes; see `trainables.class_match.Named`."""
        train, val = (_renumbered(clips, match) for clips in (self.train, self.val))
        if not len(val.labels):
            raise nothing_left(match, "clip")
        # A training split without a clip cannot be batched; an evaluation does not read it.
        return replace(self, names=match.trained, train=train if len(train.labels) else val, val=val)


def _renumbered(clips: Clips, match: ClassMatch) -> Clips:
    frames, labels = match.rows(clips.frames, clips.labels)
    return Clips(frames, labels)


def open_thermal(path: Path) -> ThermalData:
    """Check the data set in the folder `path`: the mapping, and each clip to its last value.

    Raises:
        DataError: with the file, the clip, what is wrong and how to mend it.
    """
    names = class_names(path / "annotations" / "class_mapping.json")
    parts: list[Part] = []
    earlier: dict[bytes, str] = {}
    splits: list[Clips] = []
    for split in ("train", "val"):
        file = path / f"{split}.h5"
        clips = read_clips(file, len(names))
        for index, (frames, label) in enumerate(zip(clips.frames, clips.labels, strict=True)):
            key = hashlib.sha256(frames.tobytes()).digest()
            parts.append(
                Part("", os.path.abspath(file), values_digest(key, bytes([int(label) % 256])), f"clip {index}")
            )
            if split == "val" and key in earlier:
                raise DataError(f"{file}: clip {index} is the same as {earlier[key]}; take it out of one of the two")
            if split == "train":
                earlier[key] = f"clip {index} of {file}"
        splits.append(clips)
    train, val = splits
    if train.frames.shape[1:] != val.frames.shape[1:]:
        raise DataError(
            f"{path / 'val.h5'}: its clips are {val.frames.shape[1:]}, those of train.h5 {train.frames.shape[1:]};"
            " both must be the same"
        )
    return ThermalData(names, train, val, of_parts({"class names": list(names)}, parts))


def class_names(file: Path) -> tuple[str, ...]:
    """The class names in a mapping file, in the order of their numbers. Raises DataError."""
    content = read_json(file, "it must map each class name to its number, so write it again")
    if not isinstance(content, Mapping) or not content:
        raise DataError(f"{file}: holds {content!r}; it must map each class name to its number")
    numbers = list(content.values())
    if any(not isinstance(number, int) or isinstance(number, bool) for number in numbers) or sorted(numbers) != list(
        range(len(numbers))
    ):
        raise DataError(f"{file}: the numbers are {numbers}; they must be 0, 1, 2 … without a gap")
    return tuple(sorted(content, key=lambda name: int(content[name])))


def read_clips(file: Path, classes: int) -> Clips:
    """The clips in an HDF5 file, whose labels are below `classes`. Raises DataError."""
    if not file.exists():
        raise DataError(f"{file}: no such file; the folder must hold train.h5 and val.h5")
    with opened(file) as content:
        stored_frames, stored_labels = (data_set(file, content, name, NEEDED) for name in ("frames", "labels"))
        frames, labels = _frames(file, stored_frames), _labels(file, stored_labels, classes)
    if len(frames) != len(labels):
        raise DataError(f"{file}: has {len(frames)} clips but {len(labels)} labels; each clip needs one")
    frames.flags.writeable = labels.flags.writeable = False
    return Clips(frames, labels)


def _frames(file: Path, dataset: Any) -> NDArray[np.float32]:
    axis = _channel_axis(file, dataset.shape)
    check_temperatures(file, "frames", dataset)
    with np.errstate(over="ignore"):  # what is beyond float32 is told as not finite
        frames: NDArray[np.float32] = dataset[:].astype(np.float32, copy=False)
    if axis is not None:
        planes = np.moveaxis(frames, axis, 0)
        if any(not np.array_equal(planes[0], plane, equal_nan=True) for plane in planes[1:]):
            raise DataError(f"{file}: the {len(planes)} planes of frames differ; a thermal clip has one")
        frames = np.ascontiguousarray(planes[0])
    for index, clip in enumerate(frames):
        if not np.isfinite(clip).all():
            raise DataError(f"{file}: clip {index} holds a value that is not finite; mend or remove the clip")
        low, high = float(clip.min()), float(clip.max())
        if low < COLDEST or high > HOTTEST:
            raise DataError(f"{file}: clip {index} goes from {low:g} to {high:g}; it must be in Celsius")
    return frames


def _channel_axis(file: Path, shape: tuple[int, ...]) -> int | None:
    """Which axis of `shape` is that of planes, where there are five; None where there are four."""
    if 0 not in shape and len(shape) == 4:
        return None
    ones, threes = ([axis for axis in (1, 2, 4) if len(shape) == 5 and shape[axis] == planes] for planes in (1, 3))
    candidates = ones or threes
    if 0 in shape or len(candidates) != 1:
        raise DataError(
            f"{file}: frames has the shape {shape}; it must be (clips, frames, height, width), or have one axis more,"
            " of one plane or three equal ones, before or after the frames or at the end"
        )
    return candidates[0]


def _labels(file: Path, dataset: Any, classes: int) -> NDArray[np.int64]:
    values = dataset[:]
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    with np.errstate(invalid="ignore"):
        labels = values.astype(np.int64)
    if values.ndim != 1 or (labels != values).any():  # MATLAB and pandas write whole numbers as floating-point ones
        raise DataError(
            f"{file}: labels is {dataset.dtype} of shape {dataset.shape}; it must be whole numbers, one a clip"
        )
    for index, label in enumerate(labels):
        if not 0 <= label < classes:
            raise DataError(f"{file}: the label of clip {index} is {label}; it must be 0 to {classes - 1}")
    return np.asarray(labels)
