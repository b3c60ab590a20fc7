"""Sequences in COCO files, as ByteTrack's, MMTracking's and TAO's have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainables.errors import DataError
from trainables.tracks.reading import open_sequences

NAMES = ("cow", "pig")


def described() -> dict[str, Any]:
    """The three frames of the fixture `walk`, out of order, with two objects."""
    images = [
        {"id": n, "file_name": f"walk/img1/{n:06d}.png", "width": 64, "height": 48, "video_id": 4, "frame_id": 10 + n}
        for n in (3, 1, 2)
    ]
    annotations = [
        {"id": 10 * n + t, "image_id": n, "category_id": t, "track_id": 70 + t, "bbox": [4 * n * t, 5, 10, 20]}
        for n in (1, 2, 3)
        for t in (1, 2)
    ]
    return {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "pig"}, {"id": 2, "name": "cow"}],
        "videos": [{"id": 4, "name": "meadow"}],
    }


def write(walk: Path, content: dict[str, Any]) -> Path:
    file = walk.parent / "tracks.json"
    file.write_text(json.dumps(content))
    return file


def test_frames_follow_their_numbers(walk: Path) -> None:
    (sequence,) = open_sequences(write(walk, described()), NAMES).members
    assert sequence.name == "meadow"
    assert [frame.picture.name for frame in sequence.frames] == ["000001.png", "000002.png", "000003.png"]
    first = sequence.frames[0]
    assert (first.ids.tolist(), first.labels) == ([71, 72], ("pig", "cow"))
    assert first.boxes.tolist() == [[4, 5, 14, 25], [8, 5, 18, 25]]


def test_names_of_mmtracking_and_tao_are_read_and_crowds_do_not_count(walk: Path) -> None:
    content = described()
    for image in content["images"]:
        image["frame_index"] = 30 * image.pop("frame_id")
    for annotation in content["annotations"]:
        annotation["instance_id"] = annotation.pop("track_id")
    content["annotations"].append({"id": 99, "image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5], "iscrowd": 1})
    (sequence,) = open_sequences(write(walk, content), NAMES).members
    assert sequence.frames[0].counted.tolist() == [True, True, False]


def drop_frame(content: dict[str, Any]) -> None:
    content["images"][0]["frame_id"] = 14


def same_frame(content: dict[str, Any]) -> None:
    content["images"][0]["frame_id"] = 11


def same_object(content: dict[str, Any]) -> None:
    content["annotations"][1]["track_id"] = 71


def no_track(content: dict[str, Any]) -> None:
    del content["annotations"][2]["track_id"]


def no_video(content: dict[str, Any]) -> None:
    del content["images"][1]["video_id"]


def no_file(content: dict[str, Any]) -> None:
    content["images"][2]["file_name"] = "walk/img1/000009.png"


def other_size(content: dict[str, Any]) -> None:
    content["images"][2]["width"] = 65


def shares(content: dict[str, Any]) -> None:
    for annotation in content["annotations"]:
        annotation["bbox"] = [0.1, 0.2, 0.5, 0.5]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (drop_frame, r"video meadow: after frame 12 comes 14, but others follow in steps of 1; add the missing frames"),
        (same_frame, r"video meadow has two images with frame_id 11; each frame needs its own"),
        (same_object, r"annotations\[1\]: track_id 71 is twice in image 1; an object is in a frame once"),
        (no_track, r"annotations\[2\]: track_id is None; it must be a whole number \(or instance_id\)"),
        (no_video, r"images\[1\]: video_id is None; it must be the number of its sequence"),
        (no_file, r"000009.png: no such image, but tracks.json names it; add it or delete its entries"),
        (
            shares,
            r"tracks.json: every box is within the first pixel; boxes are in pixels, not in shares of the picture",
        ),
        (other_size, r"000002.png: is 64 by 48 pixels, but tracks.json says 65 by 48; mend one of them"),
    ],
)
def test_a_fault_is_told_in_one_sentence(walk: Path, spoil: Callable[[dict[str, Any]], None], sentence: str) -> None:
    content = described()
    spoil(content)
    with pytest.raises(DataError, match=sentence):
        open_sequences(write(walk, content), NAMES)
