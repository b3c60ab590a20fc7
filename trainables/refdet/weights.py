"""Where the first weights of frame and reference encoder come from. Never random ones where others were asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainables.errors import CheckpointError

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
    state = _read(path, f"give {DINOV2} saved as a state dict, or none", weights_only=True)
    _fill(encoder, state, f"reference_weights {weights}")


def load_backbone(backbone: nn.Module, weights: str) -> None:
    """Fill the query `backbone` from `weights`: "none", or an Ultralytics YOLOv8 checkpoint of the same width.

    A .pt file of Ultralytics holds a pickled model, so loading one runs what it says: give files that you trust.

    Raises:
        CheckpointError: as `load_encoder`.
    """
    if weights == "none":
        return
    saved = _read(Path(weights), f"give Ultralytics' {YOLO}, or none", weights_only=False)
    model = saved.get("ema") or saved.get("model")
    if not isinstance(model, nn.Module):
        raise CheckpointError(f"refdet: weights {weights}: hold no Ultralytics model; give {YOLO}")
    wanted = backbone.state_dict()
    _fill(backbone, {name: value for name, value in model.float().state_dict().items() if name in wanted}, weights)


def _read(path: Path, fix: str, *, weights_only: bool) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(f"refdet: weights {path}: no such file; {fix}")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=weights_only)
    except Exception as error:  # torch raises whatever unpickling a broken file runs into
        raise CheckpointError(f"refdet: weights {path}: cannot be read ({type(error).__name__}); {fix}") from None
    if not isinstance(saved, dict):
        raise CheckpointError(f"refdet: weights {path}: hold a {type(saved).__name__}; {fix}")
    return saved


def _fill(module: nn.Module, state: dict[str, Any], owner: str) -> None:
    expected = module.state_dict()
    for name in sorted(state.keys() | expected.keys()):
        shapes = [tuple(table[name].shape) if name in table else "nothing" for table in (state, expected)]
        if shapes[0] != shapes[1]:
            raise CheckpointError(
                f"refdet: {owner}: {name} is {shapes[0]}, but the model has {shapes[1]}; give weights of the same size"
            )
    module.load_state_dict(state)
