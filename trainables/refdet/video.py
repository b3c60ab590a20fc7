"""Frames out of videos: decoded once and kept in memory, then on disk, up to a bound; beyond both found by seeking."""

from __future__ import annotations

import os
import struct
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainables.errors import DataError, first_line
from trainables.file_facts import FileFacts, stamp_of
from trainables.limits import limits, variable
from trainables.refdet.frame_store import FrameStore
from trainables.regular_file import check_regular
from trainables.vision.decode import decode

NAME = "drone_video"
SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv"})
CONTAINERS = "avi,asf,flv,h264,hevc,ivf,matroska,webm,mjpeg,mov,mp4,mpeg,mpegts,mpegvideo,m4v,obu,ogg"
"""FFmpeg's names of what a video may be."""
KIND = "video 2"
_FACTS = struct.Struct("<III")
FRAMES_BYTES = 2 * 1024**3
"""Bound of the decoded frames that one data set keeps in memory; more are kept on disk."""
Picture = NDArray[np.uint8]


class Video(NamedTuple):
    """What a video holds: `frames` of `width` × `height` pixels.

    `times` are the frames' presentation times, rising; empty if the file does not give them, so nothing can be sought.
    """

    frames: int
    width: int
    height: int
    times: tuple[int, ...]


class Source(Protocol):
    """A video and the frames of it that anybody will ask for."""

    @property
    def video(self) -> Path: ...

    @property
    def frames(self) -> tuple[int, ...]: ...

    @property
    def times(self) -> tuple[int, ...]: ...


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
    kept = facts.recall(file, KIND, stamp_of(status))
    if kept is not None:
        times = tuple(np.frombuffer(kept[_FACTS.size :], dtype=np.int64).tolist())
        frames, width, height = _FACTS.unpack(kept[: _FACTS.size])
        return Video(frames, width, height, times)
    count, size = 0, (0, 0)
    given: list[int | None] = []
    for frame in _decoded(path):
        width, height = upright_size(frame)
        if count and (width, height) != size:
            before = f"those before it {size[0]}x{size[1]}"
            raise DataError(f"{path}: frame {count} is {width}x{height} pixels, {before}; write it in one size")
        count, size = count + 1, (width, height)
        given.append(frame.pts)
    if count == 0:
        raise DataError(f"{path}: holds no frame; replace it")
    times = _rising(given)
    facts.keep(file, KIND, status, _FACTS.pack(count, *size) + np.array(times, dtype=np.int64).tobytes())
    return Video(count, *size, times)


def _rising(given: Sequence[int | None]) -> tuple[int, ...]:
    """Presentation times by which every frame can be found again; none if one is missing or not after the last."""
    times = tuple(time for time in given if time is not None)
    rising = len(times) == len(given) and all(earlier < later for earlier, later in pairwise(times))
    return times if rising else ()


class FrameCache:
    """Annotated frames and reference images, in the size they are asked for; any number of threads may ask.

    A video is decoded once, when the first frame of it is asked for, and its annotated frames are kept. A frame for
    which there is room neither in memory nor on disk is decoded each time, from a keyframe on.

    Args:
        sources: the videos.
        limit: bytes of frames in memory.
        on_disk: where more are kept; a file of `limits().frame_cache_bytes` if not given.
    """

    def __init__(self, sources: Iterable[Source], limit: int, on_disk: FrameStore | None = None) -> None:
        self.limit = limit
        self.bytes = 0
        self._on_disk = on_disk or FrameStore(limits().frame_cache_bytes)
        self._sources: Mapping[Path, Source] = {source.video: source for source in sources}
        self._cached: dict[tuple[Path, int, int], tuple[Picture, float]] = {}
        self._scale: dict[tuple[Path, int], float] = {}  # of a video's frames, which are all of one size
        self._lock = threading.Lock()
        self._decoding: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)

    def frame(self, video: Path, number: int, size: int) -> tuple[Picture, float]:
        """Frame `number` in the upper left of (size, size, 3) RGB, not to be written to; and its scale there."""
        kept = self._kept(video, number, size)
        if kept is not None:
            return kept
        source = self._sources[video]
        with self._lock:
            decoding = self._decoding[video]
        with decoding:
            kept = self._kept(video, number, size)  # another thread may have decoded it meanwhile
            if kept is not None:
                return kept
            room = self.bytes + 3 * size * size <= self.limit or self._on_disk.room(3 * size * size)
            if room or not source.times:
                return self._decode(source, number, size, set(source.frames) if room else {number})
        return placed(*scaled(upright_pixels(_sought(video, source.times[number])), size), size)

    def _kept(self, video: Path, number: int, size: int) -> tuple[Picture, float] | None:
        """The frame, if it is in memory or on disk."""
        cached = self._cached.get((video, number, size))
        if cached is not None:
            return cached
        picture = self._on_disk.get((video, number, size))
        return None if picture is None else placed(picture, self._scale[video, size], size)

    def _decode(self, source: Source, number: int, size: int, wanted: set[int]) -> tuple[Picture, float]:
        """Decode a video up to the last of the frames `wanted` and keep these; returns frame `number`."""
        result: tuple[Picture, float] | None = None
        last = max(wanted)
        for index, frame in enumerate(_decoded(source.video)):
            if index in wanted:
                picture, scale = scaled(upright_pixels(frame), size)
                self._scale[source.video, size] = scale
                key, canvas = (source.video, index, size), placed(picture, scale, size)
                if not self._keep(key, canvas):
                    self._on_disk.keep(key, picture)
                result = canvas if index == number else result
            if index == last:
                break
        assert result is not None, "every annotated frame was there when the data set was opened"
        return result

    def references(self, paths: Sequence[Path], size: int) -> Picture:
        """The images at `paths`, stretched to (K, size, size, 3), RGB."""
        return np.stack([self._reference(path, size) for path in paths])

    def _reference(self, path: Path, size: int) -> Picture:
        cached = self._cached.get((path, 0, size))
        if cached is None:
            cached = stretched(Image.fromarray(decode(path)), size), 1.0
            self._keep((path, 0, size), cached)
        return cached[0]

    def _keep(self, key: tuple[Path, int, int], fitted: tuple[Picture, float]) -> bool:
        """Keep a picture in memory if there is room; whether it is there."""
        with self._lock:
            if key not in self._cached and self.bytes + fitted[0].nbytes <= self.limit:
                fitted[0].flags.writeable = False
                self.bytes += fitted[0].nbytes
                self._cached[key] = fitted
            return key in self._cached


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
    pixels = frame.to_ndarray(format="rgb24")
    a, b, c, d = _matrix(frame)
    if not a:
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(pixels[::d, ::a])


def _sought(path: Path, time: int) -> Any:
    """The frame that is shown at `time`."""
    for frame in _decoded(path, time):
        if frame.pts == time:
            return frame
    raise DataError(f"{path}: the frame at {time} cannot be found again; has the file changed?")


def stretched(opened: Image.Image, size: int) -> Picture:
    """A reference image as (size, size, 3), RGB."""
    return np.array(opened.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def fitted(picture: Picture, size: int) -> tuple[Picture, float]:
    """`picture` (h, w, 3) in the upper left of (size, size, 3), and its scale there."""
    return placed(*scaled(picture, size), size)


def scaled(picture: Picture, size: int) -> tuple[Picture, float]:
    """`picture` (h, w, 3) with its longer side of `size` pixels, and its scale."""
    height, width = picture.shape[:2]
    scale = size / max(height, width)
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(picture).resize(shape, Image.Resampling.BILINEAR)), scale


def placed(picture: Picture, scale: float, size: int) -> tuple[Picture, float]:
    """`picture`, which is not larger, in the upper left of (size, size, 3), and its `scale`."""
    canvas = np.zeros((size, size, 3), dtype=np.uint8)
    canvas[: picture.shape[0], : picture.shape[1]] = picture
    return canvas, scale
