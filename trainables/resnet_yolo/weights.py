"""Where the backbone's first weights come from. Never random ones where others were asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torchvision.models import ResNet18_Weights

from trainables.errors import CheckpointError
from trainables.resnet_yolo.model import Backbone


def load_backbone(backbone: Backbone, weights: str) -> None:
    """Fill `backbone` from `weights`: "none", "torchvision" (its own download) or a torchvision state dict file.

    Raises:
        CheckpointError: nothing there, no network, no state dict, or one of another model; says what to fetch.
    """
    if weights == "none":
        return
    state = _downloaded() if weights == "torchvision" else _read(Path(weights))
    state = {name: value for name, value in state.items() if not name.startswith("fc.")}
    expected = backbone.state_dict()
    for name in sorted(state.keys() | expected.keys()):
        shapes = [tuple(table[name].shape) if name in table else "nothing" for table in (state, expected)]
        if shapes[0] != shapes[1]:
            raise CheckpointError(
                f"resnet_yolo: weights {weights}: {name} is {shapes[0]}, but the backbone has {shapes[1]}; give weights"
                " of the same widths and blocks, or weights: none"
            )
    backbone.load_state_dict(state)


def _downloaded() -> dict[str, Any]:
    chosen = ResNet18_Weights.IMAGENET1K_V1
    try:
        return dict(chosen.get_state_dict(progress=False, check_hash=True))
    except (OSError, RuntimeError) as error:  # no network, no room, or a damaged download
        raise CheckpointError(
            f"resnet_yolo: weights torchvision: {chosen.url} cannot be downloaded ({error}); fetch it elsewhere and set"
            " weights to the file, or set weights: none"
        ) from None


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(
            f"resnet_yolo: weights {path}: no such file; give a torchvision resnet18 state dict"
            f" ({ResNet18_Weights.IMAGENET1K_V1.url}), torchvision to download it, or none"
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever unpickling a broken file runs into
        raise CheckpointError(
            f"resnet_yolo: weights {path}: cannot be read ({type(error).__name__}); it must be a saved state dict"
        ) from None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CheckpointError(f"resnet_yolo: weights {path}: is no state dict of tensors; save model.state_dict()")
    return dict(state)
