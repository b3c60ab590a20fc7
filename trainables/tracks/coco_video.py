"""Sequences in a COCO file: images have `video_id` and `frame_id`, annotations `track_id`, as ByteTrack's, MMTracking's
(`instance_id`) and TAO's (`frame_index`) files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from trainables.errors import DataError
from trainables.file_facts import FileFacts
from trainables.json_file import is_number
from trainables.manifest import Part, values_digest
from trainables.regular_file import read_regular
from trainables.tracks.sequence import OTHER_CLASS, USUAL_RATE, Box, Frame, TrackedSequence, check_pixels, frame_of
from trainables.vision.coco_categories import coco_categories
from trainables.vision.coco_layout import coco_content, coco_images, image_folder, is_crowd, known_id
from trainables.vision.findings import Findings
from trainables.vision.image_facts import image_facts

ORDER, IDENTITY = ("frame_id", "frame_index"), ("track_id", "instance_id")


def read_coco_sequences(
    file: Path, names: Sequence[str], findings: Findings, facts: FileFacts
) -> tuple[list[TrackedSequence], list[Part]]:
    """The videos of a COCO `file`, of a data set with classes `names`, and what they were read from.

    Raises:
        DataError: with the file, the entry, what is wrong and how to mend it.
    """
    content = coco_content(file)
    images = coco_images(file, content["images"])
    if not images:
        raise DataError(f"{file}: images is empty; sequences need frames")
    folder = image_folder(file.parent.parent if file.parent.name == "annotations" else file.parent, file, images)
    boxes = _boxes(file, content, images, names, findings)
    check_pixels(chain.from_iterable(boxes.values()), file)
    titles = {video["id"]: str(video.get("name", video["id"])) for video in _videos(content)}
    videos: dict[Any, list[tuple[int, Any]]] = {}
    for index, (entry, number) in enumerate(zip(content["images"], images, strict=True)):
        video = entry.get("video_id")
        if not isinstance(video, (int, str)) or isinstance(video, bool):
            raise DataError(f"{file}: images[{index}]: video_id is {video!r}; it must be the number of its sequence")
        videos.setdefault(video, []).append((_whole(file, f"images[{index}]", entry, ORDER), number))
    parts = [Part("tracks", str(file), values_digest(read_regular(file, "json_bytes")[0]))]
    members = []
    for video, listed in sorted(videos.items(), key=lambda item: str(item[0])):
        title = titles.get(video, str(video))
        frames: list[Frame] = []
        for number in _in_order(file, title, listed):
            picture, size = folder / images[number]["file_name"], (images[number]["width"], images[number]["height"])
            parts.append(_picture_part(file, picture, size, findings, facts))
            frames.append(frame_of(picture, size, boxes[number], file, findings))
        members.append(TrackedSequence(title, USUAL_RATE, tuple(frames)))
    if not any(frame.counted.any() for member in members for frame in member.frames):
        raise DataError(f"{file}: holds no object that counts; sequences need at least one")
    return members, parts


def _videos(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of `videos`, which a file may lack."""
    listed = content.get("videos", [])
    return [video for video in listed if isinstance(video, dict) and isinstance(video.get("id"), (int, str))]


def _boxes(
    file: Path, content: Mapping[str, Any], images: Mapping[Any, Any], names: Sequence[str], findings: Findings
) -> dict[Any, list[Box]]:
    ids, labels = coco_categories(file, content["categories"], content["annotations"], findings)
    boxes: dict[Any, list[Box]] = {number: [] for number in images}
    for index, entry in enumerate(content["annotations"]):
        where = f"annotations[{index}]"
        image = known_id(file, where, entry, "image_id", images)
        label = labels[ids[known_id(file, where, entry, "category_id", ids)]]
        crowd = is_crowd(file, where, entry)
        identity = len(content["annotations"]) + index if crowd else _whole(file, where, entry, IDENTITY)
        bbox = entry.get("bbox")
        if not isinstance(bbox, list) or len(bbox) != 4 or not all(map(is_number, bbox)):
            raise DataError(
                f"{file}: {where}: bbox is {str(bbox)[:80]}; it must be four finite numbers: x y width height"
            )
        x, y, width, height = map(float, bbox)
        counted = not crowd
        if counted and label not in names:
            findings.add(OTHER_CLASS, file, f"{where}: {label} is no class of the data set")
            counted = False
        if any(identity == other.identity for other in boxes[image]):
            raise DataError(
                f"{file}: {where}: {IDENTITY[0]} {identity} is twice in image {image}; an object is in a frame once"
            )
        boxes[image].append(Box((x, y, x + width, y + height), identity, label, counted, where))
    return boxes


def _whole(file: Path, where: str, entry: Mapping[str, Any], keys: Sequence[str]) -> int:
    """The whole number under the first of `keys` that is there."""
    value = next((entry[key] for key in keys if key in entry), None)
    if not is_number(value) or value != int(value):
        raise DataError(f"{file}: {where}: {keys[0]} is {value!r}; it must be a whole number (or {keys[1]})")
    return int(value)


def _in_order(file: Path, title: str, listed: Sequence[tuple[int, Any]]) -> list[Any]:
    """The ids of images in the order of their frames, which go in equal steps."""
    ordered = sorted(listed, key=lambda numbered: numbered[0])
    steps = [after[0] - before[0] for before, after in pairwise(ordered)]
    for (before, _), (after, _), step in zip(ordered, ordered[1:], steps, strict=False):
        if step == 0:
            raise DataError(f"{file}: video {title} has two images with {ORDER[0]} {before}; each frame needs its own")
        if step != min(filter(None, steps)):
            raise DataError(
                f"{file}: video {title}: after frame {before} comes {after}, but others follow in steps of "
                f"{min(filter(None, steps))}; add the missing frames, or make two videos of it"
            )
    return [number for _, number in ordered]


def _picture_part(file: Path, picture: Path, size: tuple[int, int], findings: Findings, facts: FileFacts) -> Part:
    if not picture.is_file():
        raise DataError(f"{picture}: no such image, but {file.name} names it; add it or delete its entries")
    properties = image_facts(picture, facts, findings)
    if properties.why:
        raise DataError(f"{picture}: {properties.why}; a sequence cannot do without a frame, so replace it")
    if (properties.width, properties.height) != size:
        stated = f"{file.name} says {size[0]} by {size[1]}"
        raise DataError(
            f"{picture}: is {properties.width} by {properties.height} pixels, but {stated}; mend one of them"
        )
    return Part("tracks", str(picture), properties.digest.hex(), read_later=True)
