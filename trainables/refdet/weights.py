"""Where the first weights come from. Never random ones where others were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from trainables.errors import CheckpointError
from trainables.refdet.model import Refdet
from trainables.vision.first_weights import check_shapes, read_weights
from trainables.vision.inference import parts
from trainables.vision.weights_only import load_pickled, weights_in

SAMPLE = Path(__file__).with_name("digit_encoder.pt")
"""The tiny encoder, pretrained on handwritten digits by `python -m trainables.refdet.pretrain`."""
YOLO = "https://github.com/ultralytics/assets/releases/download/v8.4.0/yolov8n.pt"
DINOV2 = "timm's vit_small_patch14_dinov2.lvd142m (huggingface.co/timm)"


def load_weights(detector: Refdet, weights: str, reference_weights: str) -> None:
    """Fill `detector`: its encoder and its backbone from a file each, or the whole from an earlier stage.

    Args:
        detector: freshly built.
        weights: "none", an Ultralytics YOLOv8 checkpoint of the same width, or what an earlier training left: a
            checkpoint directory, or the weights.pt of its export.
        reference_weights: "none", "sample" or a state dict file.

    An Ultralytics .pt file holds a pickled model; its numbers are taken, and nothing in it is run.

    Raises:
        CheckpointError: nothing there, another format, another size, or two sources of the reference encoder.
    """
    is_detector, state = _state(weights) if weights != "none" else (False, {})
    if is_detector:
        if reference_weights != "none":
            raise CheckpointError(
                f"refdet: weights {weights}: an earlier stage's hold the reference encoder too, but reference_weights"
                f" is {reference_weights}; set reference_weights to none"
            )
        _fill(detector, state, f"weights {weights}")
        return
    load_encoder(detector.encoder, reference_weights)
    if state:
        expected = detector.backbone.state_dict()
        fitting = {name: value for name, value in state.items() if name in expected}
        _fill(detector.backbone, fitting, f"weights {weights}")


def load_encoder(encoder: nn.Module, weights: str) -> None:
    """Fill the reference `encoder` from `weights`: "none", "sample" or a state dict file.

    Raises:
        CheckpointError: nothing there, no state dict, or one of another model; says what to fetch.
    """
    if weights == "none":
        return
    path = SAMPLE if weights == "sample" else Path(weights)
    fix = f"give {DINOV2} saved as a state dict, or none"
    state = read_weights(path, f"refdet: weights {path}", missing=fix, broken=fix)
    if not isinstance(state, dict):
        raise CheckpointError(f"refdet: weights {path}: hold a {type(state).__name__}; {fix}")
    _fill(encoder, state, f"reference_weights {weights}")


def _state(weights: str) -> tuple[bool, Mapping[str, Any]]:
    """Whether `weights` are the whole detector's, of an earlier stage, and those in it."""
    path = Path(weights)
    if path.is_dir():
        return True, parts(path, "model")["model"]
    fix = f"give Ultralytics' {YOLO}, a checkpoint of an earlier stage, or none"
    saved = read_weights(path, f"refdet: weights {path}", missing=fix, broken=fix, load=load_pickled)
    earlier = (saved.get("ema") or saved.get("model")) if isinstance(saved, dict) else None
    if isinstance(earlier, Mapping):
        return True, earlier
    state = weights_in(saved)
    if not state:
        raise CheckpointError(f"refdet: weights {weights}: hold no Ultralytics model and no earlier stage; give {YOLO}")
    return False, state


def _fill(module: nn.Module, state: Mapping[str, Any], owner: str) -> None:
    check_shapes(state, module.state_dict(), f"refdet: {owner}", "give weights of the same size")
    module.load_state_dict(state)
