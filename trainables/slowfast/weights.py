"""Where the first weights come from. Never random ones where others were asked for."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from trainables.errors import CheckpointError
from trainables.vision.first_weights import check_shapes, check_state_dict, read_weights

KINETICS = "https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics/SLOWFAST_8x8_R50.pyth"
"""pytorchvideo's own SlowFast R50 (its `models.hub`)."""
PROJECTION = "blocks.6.proj"


def load_network(network: nn.Module, weights: str) -> None:
    """Fill all but the projection from `weights`: "none", "kinetics" or a pytorchvideo state dict file.

    Raises:
        CheckpointError: nothing there, no network, no state dict, or one of another model; says what to fetch.
    """
    if weights == "none":
        return
    state = _downloaded() if weights == "kinetics" else _read(Path(weights))
    state = {name: value for name, value in state.items() if not name.startswith(PROJECTION)}
    expected = {name: value for name, value in network.state_dict().items() if not name.startswith(PROJECTION)}
    fix = "give weights of the same depth, stem_width and reduction, or weights: none"
    check_shapes(state, expected, f"slowfast: weights {weights}", fix)
    network.load_state_dict(state, strict=False)


def _downloaded() -> dict[str, Any]:
    try:
        saved = torch.hub.load_state_dict_from_url(KINETICS, map_location="cpu", progress=False, weights_only=True)
        return dict(saved["model_state"])
    except (OSError, RuntimeError, UnpicklingError) as error:  # no network, no room, or not what it should be
        raise CheckpointError(
            f"slowfast: weights kinetics: {KINETICS} cannot be downloaded ({error}); fetch it elsewhere and set weights"
            " to the file, or set weights: none"
        ) from None


def _read(path: Path) -> dict[str, Any]:
    owner = f"slowfast: weights {path}"
    missing = f"give a pytorchvideo state dict ({KINETICS}), kinetics to download it, or none"
    saved = read_weights(path, owner, missing=missing, broken="it must be a saved state dict")
    return check_state_dict(saved.get("model_state", saved) if isinstance(saved, dict) else None, owner)
