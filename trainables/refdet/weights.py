"""Where the first weights come from. Never random ones where others were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainables.errors import CheckpointError
from trainables.refdet.model import Refdet
from trainables.trained import parts

SAMPLE = Path(__file__).parents[1] / "samples" / "digit_encoder.pt"
"""The tiny encoder, pretrained on handwritten digits by `python -m trainables.samples.digit_encoder`."""
YOLO = "https://github.com/ultralytics/assets/releases/download/v8.4.0/yolov8n.pt"
DINOV2 = "timm's vit_small_patch14_dinov2.lvd142m (huggingface.co/timm)"


def load_weights(detector: Refdet, weights: str, reference_weights: str) -> None:
    """Fill `detector`: its encoder and its backbone from a file each, or the whole from an earlier stage.

    Args:
        detector: freshly built.
        weights: "none", an Ultralytics YOLOv8 checkpoint of the same width, or what an earlier training left: a
            checkpoint directory, or the weights.pt of its export.
        reference_weights: "none", "sample" or a state dict file.

    An Ultralytics .pt file holds a pickled model, so loading one runs what it says: give files that you trust.

    Raises:
        CheckpointError: nothing there, another format, another size, or two sources of the reference encoder.
    """
    model = _model(weights) if weights != "none" else None
    if isinstance(model, Mapping):
        if reference_weights != "none":
            raise CheckpointError(
                f"refdet: weights {weights}: an earlier stage's hold the reference encoder too, but reference_weights"
                f" is {reference_weights}; set reference_weights to none"
            )
        _fill(detector, model, f"weights {weights}")
        return
    load_encoder(detector.encoder, reference_weights)
    if model is not None:
        wanted = detector.backbone.state_dict()
        state = {name: value for name, value in model.float().state_dict().items() if name in wanted}
        _fill(detector.backbone, state, f"weights {weights}")


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


def _model(weights: str) -> nn.Module | Mapping[str, Any]:
    """Ultralytics' model in the file `weights`, or the whole detector's state that an earlier stage left there."""
    path = Path(weights)
    if path.is_dir():
        return dict(parts(path, "model")["model"])
    saved = _read(path, f"give Ultralytics' {YOLO}, a checkpoint of an earlier stage, or none", weights_only=False)
    model = saved.get("ema") or saved.get("model")
    if not isinstance(model, (nn.Module, Mapping)):
        raise CheckpointError(f"refdet: weights {weights}: hold no Ultralytics model and no earlier stage; give {YOLO}")
    return model


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


def _fill(module: nn.Module, state: Mapping[str, Any], owner: str) -> None:
    expected = module.state_dict()
    for name in sorted(state.keys() | expected.keys()):
        shapes = [tuple(table[name].shape) if name in table else "nothing" for table in (state, expected)]
        if shapes[0] != shapes[1]:
            raise CheckpointError(
                f"refdet: {owner}: {name} is {shapes[0]}, but the model has {shapes[1]}; give weights of the same size"
            )
    module.load_state_dict(state)
