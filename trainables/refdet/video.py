"""Videos: what one holds, and its frames as they are shown, in the size they are asked for."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainables.errors import DataError, first_line
from trainables.file_facts import FileFacts, stamp_of
from trainables.limits import limits, variable
from trainables.regular_file import check_regular

NAME = "drone_video"
SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv"})
CONTAINERS = "avi,asf,flv,h264,hevc,ivf,matroska,webm,mjpeg,mov,mp4,mpeg,mpegts,mpegvideo,m4v,obu,ogg"
"""FFmpeg's names of what a video may be."""
KIND = "video 2"
_FACTS = struct.Struct("<III")
LONGEST_GROUP = 250
"""Frames from one keyframe to the next, at most, as x264 and x265 write them. A longer stretch without a frame that is
asked for is skipped, which then never decodes more than reading on would."""
Picture = NDArray[np.uint8]


class Video(NamedTuple):
    """What a video holds: `frames` of `width` × `height` pixels.

    `times` are the frames' presentation times, rising; empty if the file does not give them, so nothing can be sought.
    """

    frames: int
    width: int
    height: int
    times: tuple[int, ...]


def video_in(folder: Path) -> Path:
    """The file `drone_video.mp4` in `folder`, or the only one of that name with another suffix of a video."""
    usual = folder / f"{NAME}.mp4"
    if usual.exists() or usual.is_symlink():
        return usual
    others = [path for path in sorted(folder.glob(f"{NAME}.*")) if path.suffix.lower() in SUFFIXES]
    return others[0] if len(others) == 1 else usual


def probe(path: Path, facts: FileFacts) -> Video:
    """What the video at `path` holds, which is decoded to its end unless `facts` have it.

    Raises:
        DataError: there is none, a frame cannot be decoded, or it is larger or longer than the limits.
    """
    if not path.exists() and not path.is_symlink():
        raise DataError(f"{path}: no such file; the RefDet few-shot guide has the video there")
    status = check_regular(path, "video_bytes")
    file = os.path.abspath(path)
    fact = facts.recall(file, KIND, stamp_of(status))
    if fact is not None:
        times = tuple(np.frombuffer(fact[_FACTS.size :], dtype=np.int64).tolist())
        frames, width, height = _FACTS.unpack(fact[: _FACTS.size])
        return Video(frames, width, height, times)
    count, size = 0, (0, 0)
    stamps: list[int | None] = []
    for frame in _decoded(path):
        width, height = upright_size(frame)
        if count and (width, height) != size:
            before = f"those before it {size[0]}x{size[1]}"
            raise DataError(f"{path}: frame {count} is {width}x{height} pixels, {before}; write it in one size")
        count, size = count + 1, (width, height)
        stamps.append(frame.pts)
    if count == 0:
        raise DataError(f"{path}: holds no frame; replace it")
    times = _rising(stamps)
    facts.keep(file, KIND, status, _FACTS.pack(count, *size) + np.array(times, dtype=np.int64).tobytes())
    return Video(count, *size, times)


def _rising(stamps: Sequence[int | None]) -> tuple[int, ...]:
    """Presentation times by which every frame can be found again; none if one is missing or not after the last."""
    times = tuple(time for time in stamps if time is not None)
    rising = len(times) == len(stamps) and all(earlier < later for earlier, later in pairwise(times))
    return times if rising else ()


def _decoded(path: Path, start: int | None = None) -> Iterator[Any]:
    """The frames (`av.VideoFrame`) in the order in which they are shown, however long each is: the order of OpenCV.

    Args:
        path: the video.
        start: a presentation time; the frames begin at the last keyframe before it.

    Raises:
        DataError: it is no video, broken, or larger than the limits.
    """
    import av

    most = limits()
    check_regular(path, "video_bytes")
    try:
        # A playlist, or a list of files to join, would name other files and hosts.
        options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
        with av.open(str(path), container_options=options) as container:
            if not container.streams.video:
                raise DataError(f"{path}: holds no video; replace it")
            codec = container.streams.video[0].codec_context
            _check_size(path, codec.width, codec.height)
            if start is not None:
                container.seek(start, stream=container.streams.video[0])
            for number, frame in enumerate(container.decode(video=0), start=1):
                _check_size(path, frame.width, frame.height)
                if number > most.video_frames:
                    bound = f"more than {most.video_frames:,} frames"
                    raise DataError(f"{path}: has {bound}; cut it, or raise {variable('video_frames')}")
                yield frame
    except DataError:
        raise
    except Exception as error:  # PyAV raises kinds of its own, and those of what it wraps
        reason = getattr(error, "strerror", None) or first_line(error)
        raise DataError(f"{path}: cannot be decoded ({reason}); replace it") from None


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > limits().image_pixels:
        bound = f"{width}x{height} pixels, more than {limits().image_pixels:,}"
        raise DataError(f"{path}: its frames are {bound}; replace it, or raise {variable('image_pixels')}")


def _matrix(frame: Any) -> tuple[int, int, int, int]:
    """How the file says that its frames are to be shown, as signs: a b c d with x' = a x + c y and y' = b x + d y.

    Only quarter turns and mirrors are told apart; 1 0 0 1, as stored, for anything else.
    """
    for side_data in frame.side_data:
        if side_data.type.name == "DISPLAYMATRIX":
            values = np.frombuffer(side_data, dtype="<i4").reshape(3, 3)[:2, :2]
            near = np.abs(values) * 2 > np.abs(values).max()
            if values.any() and (near.sum(axis=0) == 1).all() and (near.sum(axis=1) == 1).all():
                (a, b), (c, d) = (np.sign(values) * near).tolist()
                return a, b, c, d
    return 1, 0, 0, 1


def upright_size(frame: Any) -> tuple[int, int]:
    """Width and height of a frame as it is shown."""
    return (frame.width, frame.height) if _matrix(frame)[0] else (frame.height, frame.width)


def upright_pixels(frame: Any) -> Picture:
    """A frame (height, width, 3) as it is shown: turned and mirrored as the file's display matrix says; RGB."""
    return _upright(frame.to_ndarray(format="rgb24"), frame)


def _upright(pixels: Picture, frame: Any) -> Picture:
    """The pixels of `frame` (height, width, 3), as stored, turned and mirrored as its display matrix says."""
    a, b, c, d = _matrix(frame)
    if not a:
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(pixels[::d, ::a])


def frames_at(video: Path, times: Sequence[int], wanted: Sequence[int]) -> Iterator[tuple[int, Any]]:
    """Some frames of a video and their numbers, decoded from the keyframe before the first of them.

    Args:
        video: the file.
        times: of all its frames, as in `Video`.
        wanted: their numbers, in order; at least one.

    Raises:
        DataError: one is not there any more.
    """
    if not times:
        missing = set(wanted)
        for number, frame in enumerate(islice(_decoded(video), wanted[-1] + 1)):
            if number in missing:
                missing.remove(number)
                yield number, frame
        if missing:
            raise _not_found_again(video, f"frame {min(missing)}")
        return
    for numbers in _stretches(wanted):
        sought = {times[number]: number for number in numbers}
        for frame in _decoded(video, min(sought)):
            if frame.pts in sought:
                yield sought.pop(frame.pts), frame
            if not sought:
                break
        if sought:
            raise _not_found_again(video, f"the frame at {min(sought)}")


def _not_found_again(video: Path, frame: str) -> DataError:
    return DataError(f"{video}: {frame} cannot be found again; has the file changed?")


def _stretches(numbers: Sequence[int]) -> list[list[int]]:
    """`numbers`, which rise, apart wherever they rise by more than `LONGEST_GROUP`."""
    stretches = [[numbers[0]]]
    for earlier, later in pairwise(numbers):
        if later - earlier > LONGEST_GROUP:
            stretches.append([])
        stretches[-1].append(later)
    return stretches


def scaled_frame(frame: Any, size: int, scaler: Any) -> tuple[Picture, float]:
    """A frame as it is shown, its longer side of `size` pixels, and its scale there.

    FFmpeg converts and shrinks in one step, in a sixth of the time that RGB in full size and PIL take. It too averages
    over the pixels that fall into one, and errs less, since it keeps the chroma of each.

    Args:
        frame: an `av.VideoFrame`.
        size: in pixels.
        scaler: an `av.VideoReformatter`, the same for all frames of a video.
    """
    from av.video.reformatter import Interpolation

    shape, scale = _scaled_shape(upright_size(frame), size)
    stored = shape if _matrix(frame)[0] else shape[::-1]
    if stored == (frame.width, frame.height):
        return upright_pixels(frame), scale
    interpolation = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
    small = scaler.reformat(frame, *stored, "rgb24", interpolation=interpolation, threads=1)
    return _upright(small.to_ndarray(), frame), scale


def stretched(opened: Image.Image, size: int) -> Picture:
    """A reference image as (size, size, 3), RGB."""
    return np.array(opened.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def fitted(picture: Picture, size: int) -> tuple[Picture, float]:
    """`picture` (h, w, 3) in the upper left of (size, size, 3), and its scale there."""
    return placed(*scaled(picture, size), size)


def scaled(picture: Picture, size: int) -> tuple[Picture, float]:
    """`picture` (h, w, 3) with its longer side of `size` pixels, and its scale."""
    shape, scale = _scaled_shape((picture.shape[1], picture.shape[0]), size)
    return np.asarray(Image.fromarray(picture).resize(shape, Image.Resampling.BILINEAR)), scale


def _scaled_shape(shape: tuple[int, int], size: int) -> tuple[tuple[int, int], float]:
    """Width and height of `shape` with the longer of them `size`, and the scale."""
    scale = size / max(shape)
    return (max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))), scale


def placed(picture: Picture, scale: float, size: int) -> tuple[Picture, float]:
    """`picture`, which is not larger, in the upper left of (size, size, 3), and its `scale`."""
    canvas = np.zeros((size, size, 3), dtype=np.uint8)
    canvas[: picture.shape[0], : picture.shape[1]] = picture
    return canvas, scale
