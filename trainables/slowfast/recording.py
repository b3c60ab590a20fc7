"""Clips to predict: those of an HDF5 file, or windows that are cut out of one long recording in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainables.errors import DataError
from trainables.slowfast.clip_file import check_temperatures, data_set, opened

NEEDED = "it must hold frames, (clips, frames, height, width) or one recording as (frames, height, width), in Celsius"


def read_clips(file: Path, window: int) -> list[tuple[str, NDArray[np.float32]]]:
    """Name and frames (T, H, W) of each clip, in order.

    Args:
        file: HDF5 with the data set `frames`.
        window: frames of a clip that is cut out of a recording; each begins half a window after the one before, and
            the last ends with the recording, which is one clip if it has no more frames than a window.

    Raises:
        DataError: the file holds something else.
    """
    with opened(file) as content:
        stored = data_set(file, content, "frames", NEEDED)
        if stored.ndim not in (3, 4) or 0 in stored.shape:
            raise DataError(f"{file}: frames has the shape {stored.shape}; {NEEDED}")
        check_temperatures(file, "frames", stored)
        frames = np.asarray(stored[:], dtype=np.float32)
    if frames.ndim == 4:
        return [(f"clip {number}", clip) for number, clip in enumerate(frames)]
    last = max(0, len(frames) - window)
    starts = [*range(0, last, max(1, window // 2)), last]
    return [
        (f"frames {start} to {min(start + window, len(frames)) - 1}", frames[start : start + window])
        for start in starts
    ]
