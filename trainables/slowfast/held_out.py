"""The held-out clips of a data set for slowfast."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainables.held_out import HeldOut, Pictures
from trainables.slowfast.data import ThermalData
from trainables.slowfast.settings import SlowfastSettings

FRAMES = 4
"""Of a clip, that a person sees."""


def held_out(settings: SlowfastSettings, data: ThermalData) -> list[HeldOut]:
    """See `trainables.held_out.Shows`."""
    span = float(data.train.frames.min()), float(data.train.frames.max())
    clips = zip(data.val.frames, data.val.labels, strict=True)
    return [_example(number, frames, data.names[int(kind)], span) for number, (frames, kind) in enumerate(clips)]


def _example(number: int, frames: NDArray[np.float32], name: str, span: tuple[float, float]) -> HeldOut:
    def pictures() -> Pictures:
        return [drawn(frames, span)]

    return HeldOut(f"clip {number}", lambda: frames, (name,), None, pictures)


def drawn(frames: NDArray[np.float32], span: tuple[float, float]) -> NDArray[np.uint8]:
    """A row of `FRAMES` frames of a clip (T, H, W) in Celsius as an RGB picture, black and white at `span`."""
    chosen = frames[np.linspace(0, len(frames) - 1, FRAMES).round().astype(int)]
    shares = ((chosen - span[0]) / max(span[1] - span[0], 1e-6)).clip(0, 1)
    return np.repeat((255 * np.hstack([*shares])).round().astype(np.uint8)[..., None], 3, axis=2)
