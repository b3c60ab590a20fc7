"""The held-out pairs of a data set for rgbt."""

from __future__ import annotations

import numpy as np

from trainables.held_out import HeldOut, Pictures
from trainables.rgbt.data import Pair, RgbtData
from trainables.rgbt.settings import RgbtSettings
from trainables.vision.decode import decode, decode_grey


def held_out(settings: RgbtSettings, data: RgbtData) -> list[HeldOut]:
    """See `trainables.held_out.Shows`."""
    return [_example(pair, data.names) for pair in data.val.samples]


def _example(pair: Pair, names: tuple[str, ...]) -> HeldOut:
    def pictures() -> Pictures:
        return [decode(pair.rgb), np.repeat(decode_grey(pair.thermal)[..., None], 3, axis=2)]

    kind, cx, cy, w, h = pair.labels.T
    # Not cut at the picture's edge: neither Ultralytics nor the training's own evaluation cuts them.
    edges = np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1)
    boxes = (edges * (pair.width, pair.height, pair.width, pair.height)).astype(np.float32)
    labels = tuple(names[int(index)] for index in kind)
    return HeldOut(pair.rgb.name, lambda: (pair.rgb, pair.thermal), labels, boxes, pictures, 2, pair.scene)
