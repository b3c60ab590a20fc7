"""The annotated frames of the held-out videos for refdet, each beside a picture of what is sought in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.held_out import HeldOut, Pictures
from trainables.refdet.data import Clip, RefdetData
from trainables.refdet.settings import RefdetSettings
from trainables.vision.decode import decode


def held_out(settings: RefdetSettings, data: RefdetData) -> list[HeldOut]:
    """See `trainables.held_out.Shows`."""
    return [_example(data, clip, number, settings) for clip in data.val for number in clip.frames]


def _example(data: RefdetData, clip: Clip, number: int, settings: RefdetSettings) -> HeldOut:
    references: tuple[Path, ...] = clip.references[: settings.n_reference]

    def frame() -> NDArray[np.uint8]:
        pixels, _ = data.frames.frame(clip.video, number, max(clip.width, clip.height))
        return pixels[: clip.height, : clip.width]

    def given() -> dict[str, Any]:
        return {"frame": np.ascontiguousarray(frame()), "references": list(references)}

    def pictures() -> Pictures:
        return [frame(), decode(references[0])]

    boxes = clip.boxes[number].astype(np.float32)
    return HeldOut(f"{clip.name}, frame {number}", given, (clip.name,) * len(boxes), boxes, pictures, sought=clip.name)
