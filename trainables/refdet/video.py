"""Frames out of videos, decoded once and kept up to a bound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainables.errors import DataError
from trainables.vision.decode import decode

FRAMES_BYTES = 2 * 1024**3
"""Bound of the decoded frames that one data set keeps. Beyond it the video is decoded again each time."""
Picture = NDArray[np.uint8]


class Video(NamedTuple):
    """What a video holds: `frames` of `width` × `height` pixels."""

    frames: int
    width: int
    height: int


class Source(Protocol):
    """A video and the frames of it that anybody will ask for."""

    @property
    def video(self) -> Path: ...

    @property
    def frames(self) -> tuple[int, ...]: ...


def probe(path: Path) -> Video:
    """Decode the video at `path` to its end.

    Raises:
        DataError: there is none, or a frame cannot be decoded.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; the RefDet few-shot guide has the video there")
    count, width, height = 0, 0, 0
    for picture in _decoded(path):
        count, (height, width) = count + 1, picture.shape[:2]
    if count == 0:
        raise DataError(f"{path}: holds no frame; replace it")
    return Video(count, width, height)


class FrameCache:
    """Annotated frames and reference images, in the size they are asked for, up to `limit` bytes."""

    def __init__(self, sources: Iterable[Source], limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self._frames_of: Mapping[Path, tuple[int, ...]] = {source.video: source.frames for source in sources}
        self._cached: dict[tuple[Path, int, int], tuple[Picture, float]] = {}

    def frame(self, video: Path, number: int, size: int) -> tuple[Picture, float]:
        """Frame `number` in the upper left of (size, size, 3) RGB, not to be written to; and its scale there."""
        cached = self._cached.get((video, number, size))
        if cached is not None:
            return cached
        result: tuple[Picture, float] | None = None
        annotated = set(self._frames_of[video])
        for index, picture in enumerate(_decoded(video)):
            if index in annotated:
                placed = fitted(picture, size)
                self._keep((video, index, size), placed)
                result = placed if index == number else result
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

    def _keep(self, key: tuple[Path, int, int], fitted: tuple[Picture, float]) -> None:
        if key not in self._cached and self.bytes + fitted[0].nbytes <= self.limit:
            fitted[0].flags.writeable = False
            self.bytes += fitted[0].nbytes
            self._cached[key] = fitted


def _decoded(path: Path) -> Iterable[Picture]:
    import av

    try:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                yield frame.to_ndarray(format="rgb24")
    except (av.error.FFmpegError, IndexError, OSError) as error:
        raise DataError(f"{path}: cannot be decoded ({error}); replace it") from None


def stretched(opened: Image.Image, size: int) -> Picture:
    """A reference image as (size, size, 3), RGB."""
    return np.array(opened.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def fitted(picture: Picture, size: int) -> tuple[Picture, float]:
    """`picture` (h, w, 3) in the upper left of (size, size, 3), and its scale there."""
    height, width = picture.shape[:2]
    scale = size / max(height, width)
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = np.zeros((size, size, 3), dtype=np.uint8)
    canvas[: shape[1], : shape[0]] = np.asarray(Image.fromarray(picture).resize(shape, Image.Resampling.BILINEAR))
    return canvas, scale
