"""Where the first weights come from. Never random ones where others were asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from trainables.errors import CheckpointError
from trainables.refdet.model import Refdet
from trainables.refdet.settings import RefdetSettings
from trainables.vision.first_weights import check_shapes, downloaded, read_weights
from trainables.vision.inference import parts
from trainables.vision.weights_only import load_pickled, weights_in

SAMPLE = Path(__file__).with_name("digit_encoder.pt")
"""The tiny encoder, pretrained on handwritten digits by `python -m trainables.refdet.pretrain`."""
YOLO = "https://github.com/ultralytics/assets/releases/download/v8.4.0/yolov8n.pt"
HUB = "timm/vit_small_patch14_dinov2.lvd142m"
DINOV2 = "timm's vit_small_patch14_dinov2.lvd142m (huggingface.co/timm)"


def load_weights(detector: Refdet, weights: str, reference_weights: str) -> None:
    """Fill `detector`: its encoder and its backbone from a file each, or the whole from an earlier stage.

    Args:
        detector: freshly built.
        weights: "none", "yolov8n" (downloaded), an Ultralytics YOLOv8 checkpoint of the same width, or what an
            earlier training left: a checkpoint directory, or the weights.pt of its export.
        reference_weights: "none", "sample", "dinov2" (downloaded) or a state dict file.

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
    """Fill the reference `encoder` from `weights`: "none", "sample", "dinov2" (downloaded) or a state dict file.

    Weights for pictures of another size fit too: their table of positions is resampled, as timm does.

    Raises:
        CheckpointError: nothing there, no state dict, or one of another model; says what to fetch.
    """
    if weights == "none":
        return
    state = _downloaded_dinov2() if weights == "dinov2" else _read_encoder(weights)
    _fill(encoder, _for_its_size(state, encoder), f"reference_weights {weights}")


def _read_encoder(weights: str) -> dict[str, Tensor]:
    path = SAMPLE if weights == "sample" else Path(weights)
    fix = f"give {DINOV2} saved as a state dict, dinov2 to download it, or none"
    state = read_weights(path, f"refdet: weights {path}", missing=fix, broken=fix)
    if not isinstance(state, dict):
        raise CheckpointError(f"refdet: weights {path}: hold a {type(state).__name__}; {fix}")
    return dict(state)


def _downloaded_dinov2() -> dict[str, Tensor]:
    from timm.models import load_state_dict_from_hf

    try:
        return dict(load_state_dict_from_hf(HUB, weights_only=True))
    except Exception as error:  # huggingface_hub and its HTTP client have a dozen unrelated ones
        raise CheckpointError(
            f"refdet: reference_weights dinov2: {DINOV2} cannot be downloaded ({type(error).__name__}: "
            f"{' '.join(str(error).split())}); fetch it elsewhere and set reference_weights to the file, or to none"
        ) from None


def _for_its_size(state: dict[str, Tensor], encoder: Any) -> dict[str, Tensor]:
    """`state` with its table of positions (1, 1 + places, F) resampled to as many places as `encoder` has."""
    from timm.layers import resample_abs_pos_embed

    table = state.get("pos_embed")
    if table is None or table.ndim != 3 or table.shape[1] == encoder.pos_embed.shape[1]:
        return state
    patches = table.shape[1] - encoder.num_prefix_tokens
    if math.isqrt(max(patches, 0)) ** 2 != patches or not patches:  # of no square picture
        return state
    size = list(encoder.patch_embed.grid_size)
    resampled = resample_abs_pos_embed(table, new_size=size, num_prefix_tokens=encoder.num_prefix_tokens)
    return {**state, "pos_embed": resampled}


def _state(weights: str) -> tuple[bool, Mapping[str, Any]]:
    """Whether `weights` are the whole detector's, of an earlier stage, and those in it."""
    path = _downloaded_yolo() if weights == "yolov8n" else Path(weights)
    if path.is_dir():
        return True, parts(path, "model")["model"]
    fix = f"give Ultralytics' {YOLO}, yolov8n to download it, a checkpoint of an earlier stage, or none"
    saved = read_weights(path, f"refdet: weights {path}", missing=fix, broken=fix, load=load_pickled)
    earlier = (saved.get("ema") or saved.get("model")) if isinstance(saved, dict) else None
    if isinstance(earlier, Mapping):
        return True, earlier
    state = weights_in(saved)
    if not state:
        raise CheckpointError(f"refdet: weights {weights}: hold no Ultralytics model and no earlier stage; give {YOLO}")
    return False, state


def _downloaded_yolo() -> Path:
    return downloaded(YOLO, "refdet: weights yolov8n", "weights")


def fetch(settings: RefdetSettings) -> None:
    """See `Recipe.fetch`."""
    if settings.weights == "yolov8n":
        _downloaded_yolo()
    if settings.reference_weights == "dinov2":
        _downloaded_dinov2()


def _fill(module: nn.Module, state: Mapping[str, Any], owner: str) -> None:
    check_shapes(state, module.state_dict(), f"refdet: {owner}", "give weights of the same size")
    module.load_state_dict(state)
