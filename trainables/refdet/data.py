"""The layout of the RefDet few-shot guide (document 003).

Drone videos, images of the object that each is searched for, and boxes by frame.

Everything is checked before the first epoch, every video down to its last frame; annotated frames stay in memory up to
a bound, for all trials of a process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.errors import DataError, first_few
from trainables.file_facts import FileFacts, file_facts
from trainables.json_file import is_number, read_json
from trainables.manifest import Manifest, Part, of_parts, values_digest
from trainables.refdet.frame_cache import FRAMES_BYTES, FrameCache
from trainables.refdet.video import probe, video_in
from trainables.vision.decode import SUFFIXES, UndecodableError
from trainables.vision.findings import Findings
from trainables.vision.image_facts import image_facts
from trainables.vision.image_files import is_hidden

REFERENCES = "object_images"
ROUNDING = 1.0
"""Pixels by which a box may reach beyond the picture, as tools round; it is cut there, as in COCO's files."""


@dataclass(frozen=True)
class Clip:
    """One video of one class, `width` by `height` pixels, and its reference images.

    Boxes (M, 4) by frame from 0 are x1 y1 x2 y2 in its pixels; `times` is as in `Video`.
    """

    name: str
    video: Path
    references: tuple[Path, ...]
    boxes: Mapping[int, NDArray[np.float32]]
    width: int
    height: int
    times: tuple[int, ...]

    @property
    def frames(self) -> tuple[int, ...]:
        """The annotated frames, in order."""
        return tuple(sorted(self.boxes))


@dataclass(frozen=True)
class RefdetData:
    """A checked data set.

    Attributes:
        train, val: clips by class; no class is in both.
        frames: decoded frames of all clips.
        manifest: what is trained on, by content.
        findings: what of the reference images is not taken.
    """

    train: tuple[Clip, ...]
    val: tuple[Clip, ...]
    frames: FrameCache
    manifest: Manifest
    findings: Findings = field(default_factory=Findings)

    @property
    def fingerprint(self) -> str:
        """The manifest's: the same data give the same one anywhere."""
        return self.manifest.fingerprint

    def references(self, clip: Clip, size: int) -> NDArray[np.uint8]:
        """The reference images (K, size, size, 3) of `clip`, RGB."""
        return self.frames.references(clip.references, size)


def open_refdet(path: Path, cache_bytes: int = FRAMES_BYTES) -> RefdetData:
    """Check the data set in the folder `path`, which holds `train` and `test`, laid out as in the guide.

    Raises:
        DataError: with the file and the entry, what is wrong and how to mend it.
    """
    if not path.is_dir():
        raise DataError(f"{path}: is no folder; give the one that holds train and test")
    findings = Findings()
    with file_facts() as facts:
        train, val = (_split(path / split, facts, findings) for split in ("train", "test"))
    trained = {clip.name for clip in train}
    for clip in val:
        if clip.name in trained:
            raise DataError(f"{path / 'test'}: class {clip.name} is in train too; a class that is tested must be novel")
    with file_facts() as facts:
        parts = [*_parts(train, _annotations(path / "train"), facts), *_parts(val, _annotations(path / "test"), facts)]
    return RefdetData(train, val, FrameCache((*train, *val), cache_bytes), of_parts({}, parts), findings)


def _parts(clips: Sequence[Clip], annotations: Path, facts: FileFacts) -> Iterator[Part]:
    """The videos, their references and their boxes."""
    for clip in clips:
        for file in (clip.video, *clip.references):
            yield Part("", os.path.abspath(file), facts.digest(file), read_later=True)
        boxes = values_digest(*(f"{frame}{clip.boxes[frame].tolist()}".encode() for frame in clip.frames))
        yield Part("", os.path.abspath(annotations), boxes, f"boxes of {clip.name}")


def _annotations(root: Path) -> Path:
    return root / "annotations" / "annotations.json"


def annotated_boxes(root: Path) -> dict[str, dict[int, list[list[float]]]]:
    """The boxes of a split, `root`, by video and frame; there are some for each folder of a video. Raises DataError."""
    samples, file = root / "samples", _annotations(root)
    if not samples.is_dir():
        raise DataError(f"{samples}: no such folder; the RefDet few-shot guide has one folder per video there")
    folders = {
        folder.name: folder
        for folder in sorted(samples.iterdir())
        if os.path.isdir(folder) and not is_hidden(folder.name)
    }
    annotated: dict[str, dict[int, list[list[float]]]] = {}
    for number, entry in enumerate(_entries(file)):
        where = f"{file} entry {number}"
        name = entry.get("video_id") if isinstance(entry, dict) else None
        if not isinstance(name, str) or name not in folders:
            raise DataError(f"{where}: video_id is {name!r}; {samples} holds {first_few([*folders]) or 'nothing'}")
        if name in annotated:
            raise DataError(f"{where}: video_id {name} was there before; put all its boxes into one entry")
        annotated[name] = _boxes(entry, f"{where} ({name})")
    for name, folder in folders.items():
        if name not in annotated:
            raise DataError(f"{folder}: {file} has no entry of it; annotate it or remove it")
    return {name: annotated[name] for name in folders}


def _split(root: Path, facts: FileFacts, findings: Findings) -> tuple[Clip, ...]:
    samples, file = root / "samples", _annotations(root)
    boxes = annotated_boxes(root)
    clips = tuple(_clip(samples / name, boxes[name], file, facts, findings) for name in boxes)
    if len(clips) < 2:
        raise DataError(f"{samples}: holds {len(clips)} videos; an episode needs at least 2 classes")
    return clips


def _entries(file: Path) -> list[Any]:
    entries = read_json(file, "the RefDet few-shot guide has the boxes there as JSON, so write it again")
    if not isinstance(entries, list):
        raise DataError(f"{file}: holds a {type(entries).__name__}; it must be a list with one entry a video")
    return entries


def _boxes(entry: Mapping[str, Any], where: str) -> dict[int, list[list[float]]]:
    boxes: dict[int, list[list[float]]] = {}
    tracks = entry.get("annotations")
    if not isinstance(tracks, list):
        raise DataError(f"{where}: annotations is {tracks!r}; it must be a list of {{bboxes: […]}}")
    for track in tracks:
        rows = track.get("bboxes") if isinstance(track, dict) else None
        if not isinstance(rows, list):
            raise DataError(f"{where}: bboxes is {rows!r}; it must be a list of {{frame, x1, y1, x2, y2}}")
        for number, row in enumerate(rows):
            frame, *box = _numbers(row, f"{where} box {number}")
            boxes.setdefault(int(frame), []).append(box)
    if not boxes:
        raise DataError(f"{where}: has no box; a video needs at least one annotated frame")
    if max(max(box[2:]) for in_frame in boxes.values() for box in in_frame) <= 1:
        raise DataError(
            f"{where}: every box is within the first pixel; boxes are in pixels, not in shares of the picture"
        )
    return boxes


def _numbers(row: Any, where: str) -> list[float]:
    values = [row.get(key) if isinstance(row, dict) else None for key in ("frame", "x1", "y1", "x2", "y2")]
    for key, value in zip(("frame", "x1", "y1", "x2", "y2"), values, strict=True):
        if not is_number(value):
            raise DataError(f"{where}: {key} is {value!r}; it must be a number")
    frame, x1, y1, x2, y2 = (float(value) for value in values if value is not None)
    if frame < 0 or frame != int(frame):
        raise DataError(f"{where}: frame is {frame:g}; frames are whole numbers from 0")
    if x1 >= x2 or y1 >= y2:
        raise DataError(f"{where}: x1 {x1:g} y1 {y1:g} x2 {x2:g} y2 {y2:g}; x1 must be below x2 and y1 below y2")
    return [frame, x1, y1, x2, y2]


def _clip(
    folder: Path, annotated: Mapping[int, list[list[float]]], file: Path, facts: FileFacts, findings: Findings
) -> Clip:
    references = folder / REFERENCES
    images = sorted(references.iterdir()) if references.is_dir() else []
    images = [image for image in images if image.suffix.lower() in SUFFIXES and not is_hidden(image.name)]
    if not images:
        raise DataError(f"{references}: holds no reference image; put at least one of the object there")
    for image in images:
        properties = image_facts(image, facts, findings)
        if properties.why:
            raise UndecodableError(image, properties.why)
    path = video_in(folder)
    video = probe(path, facts)
    for frame, boxes in annotated.items():
        where = f"{file}: video {folder.name} frame {frame}"
        if frame >= video.frames:
            raise DataError(f"{where}: the video has {video.frames} frames, so they go up to {video.frames - 1}")
        for x1, y1, x2, y2 in boxes:
            beyond = max(-x1, -y1, x2 - video.width, y2 - video.height)
            if beyond >= ROUNDING or max(x1 - video.width, y1 - video.height, -x2, -y2) >= 0:
                corners = f"box {x1:g} {y1:g} {x2:g} {y2:g}"
                raise DataError(f"{where}: {corners} leaves the picture of {video.width}x{video.height}; cut it")
    edges = np.array((video.width, video.height) * 2, dtype=np.float32)
    boxes_of = {frame: np.array(boxes, dtype=np.float32).clip(0, edges) for frame, boxes in annotated.items()}
    return Clip(folder.name, path, tuple(images), boxes_of, video.width, video.height, video.times)
