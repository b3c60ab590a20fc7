"""Where the weights of backbone and neck come from. Never random ones where others were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from yolox.config import YoloxConfig
from yolox.models import YoloPafpn, YoloxModule

from trainables.errors import CheckpointError
from trainables.vision.first_weights import check_shapes, load_earlier, read_weights
from trainables.yolox.experiment import Detector
from trainables.yolox.settings import YoloxSettings

SHIPPED = {"digits": Path(__file__).with_name("digits_backbone.pt")}
"""Of the tiny preset's size, written by `trainables.yolox.pretrain`."""
PREFIX = "backbone."
CLASSES = r"head\.cls_preds\."
"""Weights of the outputs for classes."""
FIX = "give weights of the same depth and width, or weights: none"


def load_detector(detector: Detector, weights: str, names: Sequence[str]) -> None:
    """Fill `detector`, whose classes are `names`: by `load_backbone`, or all from an earlier training's checkpoint.

    Raises:
        CheckpointError: see `load_backbone`, or the checkpoint is of a model of another size.
    """
    if Path(weights).is_dir():
        owner = f"yolox: weights {weights}"
        load_earlier(detector, Path(weights), names, of_classes=CLASSES, owner=owner, fix=FIX)
    else:
        load_backbone(detector.backbone, weights)


def load_backbone(backbone: YoloPafpn, weights: str) -> None:
    """Fill backbone and neck from `weights`: "none", "digits", a model of upstream's by name, or a file of its format.

    Raises:
        CheckpointError: nothing there, no network, no YOLOX checkpoint, or one of another size; says what to fetch.
    """
    if weights == "none":
        return
    state = _named(weights) if YoloxConfig.get_named_config(weights) else _read(SHIPPED.get(weights, Path(weights)))
    check_shapes(state, backbone.state_dict(), f"yolox: weights {weights}", FIX, PREFIX)
    for name, value in state.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise CheckpointError(f"yolox: weights {weights}: {PREFIX}{name} is not finite; give a sound checkpoint")
    backbone.load_state_dict(state)


def fetch(settings: YoloxSettings) -> None:
    """See `Recipe.fetch`."""
    _named(settings.weights)


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
    missing = "give a YOLOX checkpoint, yolox_l and the like to download one, digits (tiny preset) or none"
    saved = read_weights(path, f"yolox: weights {path}", missing=missing, broken="it must be a YOLOX checkpoint")
    state = saved.get("model", saved) if isinstance(saved, dict) else {}
    weights = {name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)}
    if not weights:
        raise CheckpointError(f"yolox: weights {path}: holds no {PREFIX}* weights; it must be a YOLOX checkpoint")
    return weights
