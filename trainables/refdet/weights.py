"""Where the first weights of frame and reference encoder come from. Never random ones where others were asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainables.errors import CheckpointError
from trainables.pickled import load_pickled, weights_in

SAMPLE = Path(__file__).parents[1] / "samples" / "digit_encoder.pt"
"""The tiny encoder, pretrained on handwritten digits by `python -m trainables.samples.digit_encoder`."""
YOLO = "https://github.com/ultralytics/assets/releases/download/v8.4.0/yolov8n.pt"
DINOV2 = "timm's vit_small_patch14_dinov2.lvd142m (huggingface.co/timm)"


def load_encoder(encoder: nn.Module, weights: str) -> None:
    """Fill the reference `encoder` from `weights`: "none", "sample" or a state dict file.

    Raises:
        CheckpointError: nothing there, no state dict, or one of another model; says what to fetch.
    """
    if weights == "none":
        return
    path = SAMPLE if weights == "sample" else Path(weights)
    fix = f"give {DINOV2} saved as a state dict, or none"
    state = _read(path, fix, partial(torch.load, map_location="cpu", weights_only=True))
    if not isinstance(state, dict):
        raise CheckpointError(f"refdet: weights {path}: hold a {type(state).__name__}; {fix}")
    _fill(encoder, state, f"reference_weights {weights}")


def load_backbone(backbone: nn.Module, weights: str) -> None:
    """Fill the query `backbone` from `weights`: "none", or an Ultralytics YOLOv8 checkpoint of the same width.

    A .pt file of Ultralytics holds a pickled model; its numbers are taken, and nothing in it is run.

    Raises:
        CheckpointError: as `load_encoder`.
    """
    if weights == "none":
        return
    state = weights_in(_read(Path(weights), f"give Ultralytics' {YOLO}, or none", load_pickled))
    if not state:
        raise CheckpointError(f"refdet: weights {weights}: hold no Ultralytics model; give {YOLO}")
    wanted = backbone.state_dict()
    _fill(backbone, {name: value for name, value in state.items() if name in wanted}, f"weights {weights}")


def _read(path: Path, fix: str, load: Callable[[Path], Any]) -> Any:
    if not path.is_file():
        raise CheckpointError(f"refdet: weights {path}: no such file; {fix}")
    try:
        return load(path)
    except Exception as error:  # torch raises whatever reading a broken file runs into
        raise CheckpointError(f"refdet: weights {path}: cannot be read ({type(error).__name__}); {fix}") from None


def _fill(module: nn.Module, state: dict[str, Any], owner: str) -> None:
    expected = module.state_dict()
    for name in sorted(state.keys() | expected.keys()):
        shapes = [tuple(table[name].shape) if name in table else "nothing" for table in (state, expected)]
        if shapes[0] != shapes[1]:
            raise CheckpointError(
                f"refdet: {owner}: {name} is {shapes[0]}, but the model has {shapes[1]}; give weights of the same size"
            )
    module.load_state_dict(state)
