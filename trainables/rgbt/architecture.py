"""Ultralytics' own description of YOLO26, read without importing Ultralytics, with one stream or two."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

from trainables.settings import read_yaml

FILE = "cfg/models/26/yolo26.yaml"
TINY = [0.33, 0.125, 512]
"""Depth, width and most channels of model t: 0.4 M parameters, as good as n on the sample data at half its cost."""
BACKBONE = 11
"""Layers of YOLO26's backbone."""
ONE_STREAM, TWO_STREAMS = (0,), (3, 5 + BACKBONE)
"""The number of each backbone's first layer: of the only one, or of RGB's and the thermal one."""


def model_yaml(size: str, fusion: str = "concat") -> dict[str, Any]:
    """The description with the scale of `size` alone: `scales` holds depth, width and most channels.

    With `fusion` "two-stream" it has a backbone for RGB and one for the thermal plane.
    """
    described = _upstream()
    described["scales"] = {size: described["scales"][size]}
    described["scale"] = size
    return _with_two_streams(described) if fusion == "two-stream" else described


def first_layers(fusion: str) -> tuple[int, ...]:
    """The number of the first layer of each backbone."""
    return TWO_STREAMS if fusion == "two-stream" else ONE_STREAM


def size_of(width: int, repeats: int) -> str | None:
    """The size whose first convolution has `width` filters and whose first C3k2 has `repeats` blocks; else None."""
    for size, (depth, width_share, most) in _upstream()["scales"].items():
        if (math.ceil(min(64, most) * width_share / 8) * 8, max(round(2 * depth), 1)) == (width, repeats):
            return str(size)
    return None


def _upstream() -> dict[str, Any]:
    spec = importlib.util.find_spec("ultralytics")
    assert spec is not None
    assert spec.origin is not None
    described = read_yaml(Path(spec.origin).parent / FILE)
    described["scales"] = {"t": TINY} | described["scales"]
    return described


def _with_two_streams(described: dict[str, Any]) -> dict[str, Any]:
    """A backbone for R G B and one for T, joined at the levels that the neck takes, all of Ultralytics' own modules.

    `Permute` and `Index` take planes out of the input. Two maps are joined by concatenation and a 1 × 1 convolution.
    That is written as `ConvTranspose2d`: the other convolutions that a description can name have a norm.
    """
    backbone, head = described["backbone"], described["head"]
    assert len(backbone) == BACKBONE
    swap = "torchvision.ops.Permute"  # batch and channels: Index takes from the first dimension
    rows = [[-1, 1, swap, [[1, 0, 2, 3]]]]
    for planes in ([0, 1, 2], [3]):
        rows += [[0, 1, "Index", [len(planes), planes]], [-1, 1, swap, [[1, 0, 2, 3]]], *backbone]
    levels = {layer for row in head for layer in _layers(row[0]) if 0 <= layer < BACKBONE}
    joined_at: dict[int, int] = {}
    for level in sorted(levels | {BACKBONE - 1}):  # the head's first layer takes the last of them
        rows.append([[first + level for first in TWO_STREAMS], 1, "Concat", [1]])
        rows.append([-1, 1, "nn.ConvTranspose2d", [backbone[level][3][0], 1, 1]])
        joined_at[level] = len(rows) - 1
    shift = len(rows) - BACKBONE
    moved_head = []
    for origin, *row in head:
        layers = [layer if layer < 0 else joined_at.get(layer, layer + shift) for layer in _layers(origin)]
        moved_head.append([layers if isinstance(origin, list) else layers[0], *row])
    return {**described, "backbone": rows, "head": moved_head}


def _layers(origin: int | list[int]) -> list[int]:
    return origin if isinstance(origin, list) else [origin]
