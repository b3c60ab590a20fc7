"""Videos in and out, frame by frame, by OpenCV's own decoder and encoder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.errors import DataError, SteadytuneError

SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"})
CODEC, SUFFIX = "mp4v", ".mp4"
"""Of videos that are written: MPEG-4, which OpenCV's wheels can encode; H.264 they cannot."""
USUAL_RATE = 25.0
"""Frames a second of a video that does not say."""


def stated(file: Path) -> tuple[float, int]:
    """Frames a second of a video, and how many it has, by what its file states; 0 if it states none.

    Raises:
        DataError: it is no video that can be read.
    """
    import cv2

    with _opened(file) as video:
        rate, count = float(video.get(cv2.CAP_PROP_FPS)), float(video.get(cv2.CAP_PROP_FRAME_COUNT))
    return rate if 0 < rate < 1000 else USUAL_RATE, int(count) if 0 < count < 1e9 else 0


def frames(file: Path) -> Iterator[NDArray[np.uint8]]:
    """The frames of a video, RGB (h, w, 3), upright as its file says, up to the first that cannot be decoded.

    Raises:
        DataError: it is no video that can be read, or holds no frame.
    """
    count = 0
    with _opened(file) as video:
        while True:
            is_there, pixels = video.read()
            if not is_there:
                break
            count += 1
            yield np.ascontiguousarray(pixels[..., ::-1])
    if not count:
        raise DataError(f"{file}: no frame of it can be decoded; give another video")


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    import cv2

    video = cv2.VideoCapture(str(file))
    try:
        if not video.isOpened():
            raise DataError(f"{file}: cannot be read as a video; give a file such as .mp4")
        yield video
    finally:
        video.release()


class VideoWriter:
    """Writes frames of one size into a file, whose suffix is `SUFFIX`.

    Args:
        file: to write.
        rate: frames a second.
    """

    def __init__(self, file: Path, rate: float) -> None:
        self._file, self._rate = file, rate
        self._video: Any = None

    def add(self, pixels: NDArray[np.uint8]) -> None:
        """Write a frame, RGB (h, w, 3).

        Raises:
            SteadytuneError: the file cannot be written.
        """
        import cv2

        if self._video is None:
            size = pixels.shape[1], pixels.shape[0]
            self._video = cv2.VideoWriter(str(self._file), cv2.VideoWriter.fourcc(*CODEC), self._rate, size)
            if not self._video.isOpened():
                raise SteadytuneError(f"{self._file}: cannot be written; give another folder with --to")
        self._video.write(np.ascontiguousarray(pixels[..., ::-1]))

    def close(self) -> None:
        """Finish the file."""
        if self._video is not None:
            self._video.release()
