"""Frames of videos: decoded once and kept in memory, then on disk, up to a bound; beyond both found by seeking."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from trainables.limits import limits
from trainables.refdet.frame_store import FrameStore
from trainables.refdet.video import Picture, frames_at, placed, scaled_frame, stretched
from trainables.vision.decode import decode

FRAMES_BYTES = 2 * 1024**3
"""Bound of the decoded frames that one data set keeps in memory; more are kept on disk."""


class Source(Protocol):
    """A video and the frames of it that anybody will ask for."""

    @property
    def video(self) -> Path: ...

    @property
    def frames(self) -> tuple[int, ...]: ...

    @property
    def times(self) -> tuple[int, ...]: ...


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
        cached = self._cached_frame(video, number, size)
        if cached is not None:
            return cached
        source = self._sources[video]
        with self._lock:
            decoding = self._decoding[video]
        with decoding:
            cached = self._cached_frame(video, number, size)  # another thread may have decoded it meanwhile
            if cached is not None:
                return cached
            room = self.bytes + 3 * size * size <= self.limit or self._on_disk.room(3 * size * size)
            return self._decode(source, number, size, set(source.frames) if room else {number})

    def _cached_frame(self, video: Path, number: int, size: int) -> tuple[Picture, float] | None:
        """The frame, if it is in memory or on disk."""
        cached = self._cached.get((video, number, size))
        if cached is not None:
            return cached
        picture = self._on_disk.get((video, number, size))
        return None if picture is None else placed(picture, self._scale[video, size], size)

    def _decode(self, source: Source, number: int, size: int, wanted: set[int]) -> tuple[Picture, float]:
        """Decode the frames `wanted` of a video and keep them; returns frame `number`."""
        import av

        result: tuple[Picture, float] | None = None
        scaler = av.video.reformatter.VideoReformatter()
        for index, frame in frames_at(source.video, source.times, sorted(wanted)):
            picture, scale = scaled_frame(frame, size, scaler)
            self._scale[source.video, size] = scale
            key, canvas = (source.video, index, size), placed(picture, scale, size)
            if not self._keep(key, canvas):
                self._on_disk.keep(key, picture)
            result = canvas if index == number else result
        assert result is not None, "the frames that are decoded are those that are wanted"
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
