"""Frames of videos: which are decoded, which are kept where, and that they are the same wherever they come from."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest

from trainables.errors import DataError
from trainables.file_facts import FileFacts
from trainables.refdet import video as videos
from trainables.refdet.frame_cache import FrameCache
from trainables.refdet.frame_store import FrameStore
from trainables.refdet.video import probe


def filmed(video: Path, length: int) -> SimpleNamespace:
    """A video with a keyframe in ten and with B-frames, each frame of it annotated."""
    import av

    random = np.random.default_rng(0)
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "10", "bf": "2", "sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(length):
            picture = random.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    times = probe(video, FileFacts(None)).times
    assert len(times) == length
    return SimpleNamespace(video=video, frames=tuple(range(length)), times=times)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    return filmed(tmp_path_factory.mktemp("long") / "long.mp4", 40)


@contextmanager
def counted() -> Iterator[list[int]]:
    """The times of the frames that are decoded in the block."""
    decoded: list[int] = []
    original = videos._decoded

    def counting(path: Path, start: int | None = None) -> Iterator[Any]:
        for frame in original(path, start):
            decoded.append(frame.pts)
            yield frame

    with mock.patch.object(videos, "_decoded", counting):
        yield decoded


def test_a_frame_beyond_the_bounds_is_sought_and_is_the_same(long: SimpleNamespace) -> None:
    """Of 40 frames, only those from the last keyframe on are decoded."""
    in_memory, sought = FrameCache([long], 10**9), FrameCache([long], 0, FrameStore(0))
    for number in (0, 9, 10, 25, 39):
        with counted() as decoded:
            pixels, scale = sought.frame(long.video, number, 64)
        assert np.array_equal(pixels, in_memory.frame(long.video, number, 64)[0])
        assert scale == 1.0
        assert len(decoded) <= 12, "of a group of ten"
    assert sought.bytes == 0


def test_frames_beyond_the_memory_are_decoded_once_and_read_from_disk(long: SimpleNamespace, tmp_path: Path) -> None:
    in_memory, on_disk = FrameCache([long], 10**9), FrameCache([long], 0, FrameStore(10**9, tmp_path))
    with counted() as decoded:
        for number in (25, 0, 39, 10):
            pixels, scale = on_disk.frame(long.video, number, 32)
            expected, expected_scale = in_memory.frame(long.video, number, 32)
            assert np.array_equal(pixels, expected)
            assert scale == expected_scale == 0.5
    assert len(decoded) == 2 * 40, "once by each of the two"
    assert on_disk.bytes == 0


def test_threads_that_ask_for_one_video_decode_it_once(long: SimpleNamespace, tmp_path: Path) -> None:
    cache = FrameCache([long], 0, FrameStore(10**9, tmp_path))
    with counted() as decoded, ThreadPoolExecutor(4) as pool:
        frames = list(pool.map(lambda number: cache.frame(long.video, number, 32)[0], range(8)))
    assert len(decoded) == 40
    assert len({frame.tobytes() for frame in frames}) == 8


def test_what_neither_memory_nor_disk_have_room_for_is_sought(long: SimpleNamespace, tmp_path: Path) -> None:
    frame_bytes = 32 * 32 * 3
    cache = FrameCache([long], frame_bytes, FrameStore(2 * frame_bytes, tmp_path))
    cache.frame(long.video, 0, 32)
    with counted() as decoded:
        cache.frame(long.video, 0, 32)
        assert not decoded, "in memory"
        cache.frame(long.video, 1, 32)
        assert not decoded, "on disk"
        cache.frame(long.video, 15, 32)
        assert 0 < len(decoded) <= 12


def test_a_long_stretch_without_an_annotated_frame_is_not_decoded(tmp_path: Path) -> None:
    """Objects are in sight for parts of a video; its other frames cost nothing."""
    source = filmed(tmp_path / "a.mp4", 700)
    source.frames = 3, 5, 690
    sparse, all_of_it = FrameCache([source], 10**9), FrameCache([filmed(tmp_path / "a.mp4", 700)], 10**9)
    with counted() as decoded:
        pictures = [sparse.frame(source.video, number, 32)[0] for number in source.frames]
    assert len(decoded) <= 6 + 12, "up to the fifth, and of the group of the last"
    for number, picture in zip(source.frames, pictures, strict=True):
        assert np.array_equal(picture, all_of_it.frame(source.video, number, 32)[0])


def test_a_video_that_was_replaced_meanwhile_is_told(long: SimpleNamespace) -> None:
    times = tuple(time + 10**6 for time in long.times)
    cache = FrameCache([SimpleNamespace(video=long.video, frames=long.frames, times=times)], 10**9)
    with pytest.raises(DataError, match=r"long.mp4: the frame at \d+ cannot be found again; has the file changed?"):
        cache.frame(long.video, 3, 32)


def test_a_video_without_times_that_is_shorter_than_before_is_told(long: SimpleNamespace) -> None:
    cache = FrameCache([SimpleNamespace(video=long.video, frames=(3, 50), times=())], 10**9)
    with pytest.raises(DataError, match=r"long.mp4: frame 50 cannot be found again; has the file changed?"):
        cache.frame(long.video, 3, 32)
