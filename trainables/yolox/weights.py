"""Where the weights of backbone and neck come from. Never random ones where others were asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from yolox.config import YoloxConfig
from yolox.models import YoloPafpn, YoloxModule

from trainables.errors import CheckpointError

SHIPPED = {"digits": Path(__file__).with_name("digits_backbone.pt")}
"""Of the tiny preset's size, written by `trainables.yolox.pretrain`."""
PREFIX = "backbone."


def load_backbone(backbone: YoloPafpn, weights: str) -> None:
    """Fill backbone and neck from `weights`: "none", "digits", a model of upstream's by name, or a file of its format.

    Raises:
        CheckpointError: nothing there, no network, no YOLOX checkpoint, or one of another size; says what to fetch.
    """
    if weights == "none":
        return
    state = _named(weights) if YoloxConfig.get_named_config(weights) else _read(SHIPPED.get(weights, Path(weights)))
    expected = backbone.state_dict()
    for name in sorted(state.keys() | expected.keys()):
        shapes = [tuple(table[name].shape) if name in table else "nothing" for table in (state, expected)]
        if shapes[0] != shapes[1]:
            raise CheckpointError(
                f"yolox: weights {weights}: {PREFIX}{name} is {shapes[0]}, but the model has {shapes[1]}; give weights"
                " of the same depth and width, or weights: none"
            )
    lost = [name for name, value in state.items() if value.is_floating_point() and not bool(value.isfinite().all())]
    if lost:
        raise CheckpointError(f"yolox: weights {weights}: {PREFIX}{lost[0]} is not finite; give a sound checkpoint")
    backbone.load_state_dict(state)


def _named(name: str) -> dict[str, Any]:
    """Upstream's COCO weights; it downloads them into its own cache."""
    try:
        return dict(YoloxModule.from_pretrained(name).backbone.state_dict())
    except (OSError, RuntimeError) as error:  # no network, no room, or a damaged download
        raise CheckpointError(
            f"yolox: weights {name}: upstream cannot download them ({error}); fetch {name}.pth from the releases of"
            " Megvii-BaseDetection/YOLOX elsewhere and set weights to the file, or set weights: none"
        ) from None


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(
            f"yolox: weights {path}: no such file; give a YOLOX checkpoint, yolox_l and the like to download one,"
            " digits (tiny preset) or none"
        )
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever unpickling a broken file runs into
        raise CheckpointError(
            f"yolox: weights {path}: cannot be read ({type(error).__name__}); it must be a YOLOX checkpoint"
        ) from None
    state = saved.get("model", saved) if isinstance(saved, dict) else {}
    found = {name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)}
    if not found:
        raise CheckpointError(f"yolox: weights {path}: holds no {PREFIX}* weights; it must be a YOLOX checkpoint")
    return found
