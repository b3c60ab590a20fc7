"""What the loader of the RefDet few-shot guide's layout (document 003) accepts, refuses and keeps in memory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainables.errors import DataError
from trainables.refdet.data import open_refdet
from trainables.samples.reference_videos import NOVEL, TRAINED, kinds, write_refdet


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_refdet(tmp_path_factory.mktemp("videos") / "videos", train=2, test=2, frames=3, size=64)


@pytest.fixture
def root(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "videos")


FILE = "train/annotations/annotations.json"


def entries(change: Callable[[list[Any]], object]) -> Callable[[Path], None]:
    """Spoil the list in the annotations of the training split."""

    def spoil(root: Path) -> None:
        listed = json.loads((root / FILE).read_text())
        change(listed)
        (root / FILE).write_text(json.dumps(listed))

    return spoil


def box(**values: Any) -> Callable[[Path], None]:
    """Spoil the first box of the first training video, Sign0a_0."""
    return entries(lambda listed: listed[0]["annotations"][0]["bboxes"][0].update(values))


def cut(root: Path) -> None:
    path = root / "train/samples/Sign0a_0/drone_video.mp4"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def one_class(root: Path) -> None:
    shutil.rmtree(root / "train/samples/Sign1a_0")
    entries(lambda listed: listed.pop())(root)


def train_twice(root: Path) -> None:
    shutil.rmtree(root / "test")
    shutil.copytree(root / "train", root / "test")


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, r"videos: is no folder; give the one that holds train and test"),
    "no samples": (lambda root: shutil.rmtree(root / "test/samples"), r"test/samples: no such folder"),
    "no annotations": (lambda root: (root / FILE).unlink(), r"annotations\.json: no such file"),
    "no JSON": (lambda root: (root / FILE).write_text("[{"), r"annotations\.json line 1: not valid JSON"),
    "no list": (lambda root: (root / FILE).write_text("{}"), r"annotations\.json: holds a dict"),
    "unknown video": (entries(lambda listed: listed[0].update(video_id="Boat_0")), r"entry 0: video_id is 'Boat_0'"),
    "a video twice": (entries(lambda listed: listed.append(listed[0])), r"entry 2: video_id Sign0a_0 was there before"),
    "not annotated": (entries(lambda listed: listed.pop()), r"Sign1a_0: .*annotations\.json has no entry of it"),
    "no tracks": (entries(lambda listed: listed[0].pop("annotations")), r"entry 0 \(Sign0a_0\): annotations is None"),
    "no boxes": (
        entries(lambda listed: listed[0]["annotations"][0].update(bboxes=[])),
        r"entry 0 \(Sign0a_0\): has no box",
    ),
    "x1 beyond x2": (box(x1=40, x2=20), r"entry 0 \(Sign0a_0\) box 0: x1 40 .* x2 20 .*x1 must be below x2"),
    "no height": (box(y1=20, y2=20), r"box 0: .*y1 must be below|box 0: .*y1 below y2"),
    "shares of the picture": (
        entries(
            lambda listed: listed[0]["annotations"][0].update(
                bboxes=[{"frame": 0, "x1": 0.1, "y1": 0.2, "x2": 0.5, "y2": 1.0}]
            )
        ),
        r"entry 0 \(Sign0a_0\): every box is within the first pixel; boxes are in pixels, not in shares of the picture",
    ),
    "a word": (box(x1="left"), r"box 0: x1 is 'left'; it must be a number"),
    "half a frame": (box(frame=0.5), r"box 0: frame is 0\.5; frames are whole numbers from 0"),
    "beyond the video": (box(frame=3), r"video Sign0a_0 frame 3: the video has 3 frames, so they go up to 2"),
    "outside": (box(x2=65), r"video Sign0a_0 frame 0: box .* 65 .* leaves the picture of 64x64"),
    "outside by less than a pixel": (box(x1=-0.9, x2=-0.1), r"box -0\.9 .* -0\.1 .* leaves the picture"),
    "negative": (box(x1=-1), r"video Sign0a_0 frame 0: box -1 .* leaves the picture"),
    "no references": (
        lambda root: shutil.rmtree(root / "train/samples/Sign0a_0/object_images"),
        r"Sign0a_0/object_images: holds no reference image",
    ),
    "a broken reference": (
        lambda root: (root / "train/samples/Sign0a_0/object_images/img_1.png").write_bytes(b"hello"),
        r"object_images/img_1\.png: cannot be decoded",
    ),
    "no video": (
        lambda root: (root / "train/samples/Sign0a_0/drone_video.mp4").unlink(),
        r"drone_video\.mp4: no such file",
    ),
    "a broken video": (cut, r"Sign0a_0/drone_video\.mp4: cannot be decoded"),
    "one class": (
        one_class,
        r"train/samples: holds 1 videos; an episode needs at least 2 classes",
    ),
    "a tested class that is trained": (
        train_twice,
        r"test: class Sign0a_0 is in train too; a class that is tested must be novel",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case: str, root: Path) -> None:
    spoil, complaint = WRONG[case]
    spoil(root)
    with pytest.raises(DataError, match=complaint):
        open_refdet(root)


def test_a_frame_is_the_one_that_was_asked_for(written: Path) -> None:
    data = open_refdet(written)
    clip = data.train[0]
    assert clip.frames
    for number in clip.frames:
        pixels, scale = data.frames.frame(clip.video, number, 128)
        x1, y1, x2, y2 = (clip.boxes[number][0] * scale).astype(int)
        assert (pixels.shape, scale) == ((128, 128, 3), 2.0)
        assert pixels[y1:y2, x1:x2].mean() > pixels.mean() + 20, "the sign is in its box"


def test_frames_are_decoded_once_while_there_is_room(written: Path) -> None:
    frame_bytes = 64 * 64 * 3
    roomy, full = (open_refdet(written, cache_bytes=limit) for limit in (10 * frame_bytes, frame_bytes))
    for data, is_same in ((roomy, True), (full, False)):
        video = data.train[0].video
        assert (data.frames.frame(video, 2, 64)[0] is data.frames.frame(video, 2, 64)[0]) is is_same
        assert data.frames.bytes <= data.frames.limit
    with pytest.raises(ValueError, match="read-only"):
        roomy.frames.frame(roomy.train[0].video, 2, 64)[0][:] = 0


def test_a_box_that_reaches_beyond_the_picture_by_rounding_is_cut(root: Path) -> None:
    box(x1=-0.3, y1=2, x2=64.4, y2=63.5)(root)
    clip = next(clip for clip in open_refdet(root).train if clip.name == "Sign0a_0")
    assert clip.boxes[clip.frames[0]][0].tolist() == [0, 2, 64, 63.5]
    assert clip.boxes[clip.frames[0]].dtype == np.float32


def test_hidden_files_and_folders_are_no_videos_and_no_references(written: Path, root: Path) -> None:
    """macOS writes `._x.png` into archives, Jupyter `.ipynb_checkpoints` beside what it opens."""
    (root / "train/samples/.ipynb_checkpoints").mkdir()
    references = root / "train/samples/Sign0a_0/object_images"
    (references / "._img_1.png").write_text("Mac OS X")
    data = open_refdet(root)
    assert [clip.name for clip in data.train] == [clip.name for clip in open_refdet(written).train]
    assert not any(image.name.startswith(".") for clip in data.train for image in clip.references)


def test_the_fingerprint_is_of_the_content_not_of_the_place(written: Path, root: Path) -> None:
    assert open_refdet(written).fingerprint == open_refdet(root).fingerprint
    box(x1=0)(root)
    assert open_refdet(written).fingerprint != open_refdet(root).fingerprint


def test_the_sample_is_the_same_each_time_but_for_no_class_in_both_splits(written: Path, tmp_path: Path) -> None:
    again = write_refdet(tmp_path / "again", train=2, test=2, frames=3, size=64)
    first, second = (open_refdet(path) for path in (written, again))
    frames = [data.frames.frame(data.val[0].video, 1, 64)[0] for data in (first, second)]
    assert np.array_equal(frames[0], frames[1])
    assert not set(kinds(TRAINED)) & set(kinds(NOVEL))
