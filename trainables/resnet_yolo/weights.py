"""Where the backbone's first weights come from. Never random ones where others were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torchvision.models import ResNet18_Weights

from trainables.errors import CheckpointError
from trainables.resnet_yolo.model import Backbone, Detector
from trainables.resnet_yolo.settings import ResnetYoloSettings
from trainables.vision.first_weights import check_shapes, check_state_dict, downloaded_file, load_earlier, read_weights

OUTPUTS = r"heads\.\d+\.outputs\."
"""Weights of the last layers, which are for boxes and classes at once."""
FIX = "give weights of the same widths and blocks, or weights: none"


def load_detector(detector: Detector, weights: str, names: Sequence[str]) -> None:
    """Fill `detector`, whose classes are `names`: by `load_backbone`, or all from an earlier training's checkpoint.

    Raises:
        CheckpointError: see `load_backbone`, or the checkpoint is of a model of another size.
    """
    if Path(weights).is_dir():
        owner = f"resnet_yolo: weights {weights}"
        load_earlier(detector, Path(weights), names, of_classes=OUTPUTS, owner=owner, fix=FIX)
    else:
        load_backbone(detector.backbone, weights)


def load_backbone(backbone: Backbone, weights: str) -> None:
    """Fill `backbone` from `weights`: "none", "torchvision" (its own download) or a torchvision state dict file.

    Raises:
        CheckpointError: nothing there, no network, no state dict, or one of another model; says what to fetch.
    """
    if weights == "none":
        return
    state = _downloaded() if weights == "torchvision" else _read(Path(weights))
    state = {name: value for name, value in state.items() if not name.startswith("fc.")}
    check_shapes(state, backbone.state_dict(), f"resnet_yolo: weights {weights}", FIX)
    backbone.load_state_dict(state)


def fetch(settings: ResnetYoloSettings) -> None:
    """See `Recipe.fetch`."""
    if not downloaded_file(ResNet18_Weights.IMAGENET1K_V1.url).is_file():
        _downloaded()


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
    owner = f"resnet_yolo: weights {path}"
    url = ResNet18_Weights.IMAGENET1K_V1.url
    missing = f"give a torchvision resnet18 state dict ({url}), torchvision to download it, or none"
    saved = read_weights(path, owner, missing=missing, broken="it must be a saved state dict")
    return check_state_dict(saved, owner)
