"""Videos are read as they are shown: turned as the file says, frame by frame in the order of their time stamps."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from trainables.errors import DataError
from trainables.file_facts import FileFacts
from trainables.refdet.frame_cache import FrameCache
from trainables.refdet.video import _decoded, fitted, probe, scaled_frame, upright_pixels, video_in

STEPS = (10, 200, 30, 500, 10, 80)
"""Milliseconds from frame to frame, as phones write them in changing light."""
CODECS = {
    "h264.mp4": ("libx264", "yuv420p"),
    "hevc.mov": ("libx265", "yuv420p"),
    "vp9.webm": ("libvpx-vp9", "yuv420p"),
    "av1.mkv": ("libsvtav1", "yuv420p"),
    "mjpeg.avi": ("mjpeg", "yuvj420p"),
    "mpeg4.mp4": ("mpeg4", "yuv420p"),
}


def write(file: Path, codec: str = "libx264", pixel_format: str = "yuv420p", **stream_calls: Any) -> Path:
    """Six frames of 96 by 64 pixels, the first dark, the last bright, with a white corner at the upper left."""
    import av

    av.logging.set_level(av.logging.PANIC)
    with av.open(str(file), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 64, pixel_format
        if codec == "mjpeg":
            steps = [1] * 6
        else:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
            steps = list(STEPS)
        for name, value in stream_calls.items():
            getattr(stream, name)(value)
        time = 0
        for number, step in enumerate(steps):
            pixels = np.full((64, 96, 3), 30 * number, np.uint8)
            pixels[:16, :32] = 255
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time, stream.codec_context.time_base or Fraction(1, 30)
            container.mux(stream.encode(frame))
            time += step
        container.mux(stream.encode(None))
    return file


def frames(file: Path) -> list[NDArray[np.uint8]]:
    return [upright_pixels(frame) for frame in _decoded(file)]


def by_opencv(file: Path) -> list[NDArray[np.uint8]]:
    video, pictures = cv2.VideoCapture(str(file)), []
    while (read := video.read())[0]:
        pictures.append(np.asarray(read[1])[..., ::-1])
    return pictures


@pytest.mark.parametrize("name", CODECS)
def test_each_usual_codec_is_read_frame_by_frame(name: str, tmp_path: Path) -> None:
    file = write(tmp_path / name, *CODECS[name])
    assert probe(file, FileFacts(None))[:3] == (6, 96, 64)
    assert [round(float(picture[60, 90].mean()) / 30) for picture in frames(file)] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", CODECS)
def test_a_frame_of_each_usual_codec_is_found_by_seeking(name: str, tmp_path: Path) -> None:
    """A cache without room seeks, if the file gives its frames rising times, and shows the same frames."""
    file = write(tmp_path / name, *CODECS[name])
    source = SimpleNamespace(video=file, frames=tuple(range(6)), times=probe(file, FileFacts(None)).times)
    cache = FrameCache([source], 0)
    for number in (5, 0, 3):
        assert np.array_equal(cache.frame(file, number, 96)[0], fitted(frames(file)[number], 96)[0])


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_frames_are_turned_as_opencv_turns_them(degrees: int, tmp_path: Path) -> None:
    file = write(tmp_path / "a.mp4", set_display_rotation=degrees)
    ours, theirs = frames(file), by_opencv(file)
    assert len(ours) == len(theirs) == 6
    width, height = (64, 96) if degrees in (90, 270) else (96, 64)
    assert probe(file, FileFacts(None))[:3] == (6, width, height)
    for picture, other in zip(ours, theirs, strict=True):
        assert picture.shape == other.shape == (height, width, 3)
        assert np.abs(picture.astype(int) - other).mean() < 3  # another conversion of colours


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_turned_frame_is_shrunk_as_it_is_shown(degrees: int, tmp_path: Path) -> None:
    from av.video.reformatter import VideoReformatter

    frame = next(_decoded(write(tmp_path / "a.mp4", set_display_rotation=degrees)))
    picture, scale = scaled_frame(frame, 48, VideoReformatter())
    other = fitted(upright_pixels(frame), 48)[0]
    height, width = picture.shape[:2]
    assert scale == 0.5
    assert (height, width) == ((48, 32) if degrees in (90, 270) else (32, 48))
    assert np.abs(picture.astype(int) - other[:height, :width]).mean() < 2


def test_shrinking_while_the_colours_are_converted_loses_no_more_than_shrinking_them_afterwards() -> None:
    """Against the picture that was encoded, shrunk by PIL. With half of the chroma, FFmpeg's default, it would."""
    from av import VideoFrame
    from av.video.reformatter import VideoReformatter

    cells = np.random.default_rng(0).integers(0, 255, (34, 60, 3), dtype=np.uint8)
    drawn = cv2.resize(cells, (960, 544), interpolation=cv2.INTER_CUBIC)
    frame = VideoFrame.from_ndarray(drawn, format="rgb24").reformat(format="yuv420p")
    truth = fitted(drawn, 320)[0][:181].astype(int)
    error = np.abs(scaled_frame(frame, 320, VideoReformatter())[0] - truth).mean()
    assert error < np.abs(fitted(upright_pixels(frame), 320)[0][:181] - truth).mean() < 2


def test_a_mirrored_video_is_mirrored_as_players_do(tmp_path: Path) -> None:
    fixed_point_one = 1 << 16
    file = write(
        tmp_path / "a.mp4",
        set_display_matrix=[-fixed_point_one, 0, 0, 0, fixed_point_one, 0, 96 * fixed_point_one, 0, 1 << 30],
    )
    picture = frames(file)[0]
    assert picture[8, 80].mean() > 200 > 50 > picture[8, 16].mean()


def test_a_video_is_decoded_once_for_all_openings(tmp_path: Path) -> None:
    file = write(tmp_path / "a.mp4")
    facts = FileFacts(None, clock=lambda: 2**62)  # by which every file is old
    assert probe(file, facts) == probe(file, facts)
    assert facts.read_count == 1


def test_a_video_may_have_another_suffix(tmp_path: Path) -> None:
    assert video_in(tmp_path) == tmp_path / "drone_video.mp4"
    other = write(tmp_path / "drone_video.MOV")
    assert video_in(tmp_path) == other
    (tmp_path / "drone_video.mp4").touch()
    assert video_in(tmp_path) == tmp_path / "drone_video.mp4"


def test_frames_of_two_sizes_are_refused(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p"
        for number, size in enumerate([(96, 64), (64, 96)]):
            ok, jpeg = cv2.imencode(".jpg", np.zeros((size[1], size[0], 3), np.uint8))
            assert ok
            packet = av.Packet(jpeg.tobytes())
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, number, number, Fraction(1, 10)
            container.mux(packet)
    with pytest.raises(DataError, match="frame 1 is 64x96 pixels, those before it 96x64"):
        probe(tmp_path / "a.avi", FileFacts(None))
