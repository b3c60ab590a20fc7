"""Where the first weights come from. Never random ones where others were asked for."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from trainables.errors import CheckpointError

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
    for name in sorted(state.keys() | expected.keys()):
        shapes = [tuple(table[name].shape) if name in table else "nothing" for table in (state, expected)]
        if shapes[0] != shapes[1]:
            raise CheckpointError(
                f"slowfast: weights {weights}: {name} is {shapes[0]}, but the model has {shapes[1]}; give weights of"
                " the same depth, stem_width and reduction, or weights: none"
            )
    network.load_state_dict(state, strict=False)


def _downloaded() -> dict[str, Any]:
    try:
        found = torch.hub.load_state_dict_from_url(KINETICS, map_location="cpu", progress=False, weights_only=True)
        return dict(found["model_state"])
    except (OSError, RuntimeError, UnpicklingError) as error:  # no network, no room, or not what it should be
        raise CheckpointError(
            f"slowfast: weights kinetics: {KINETICS} cannot be downloaded ({error}); fetch it elsewhere and set weights"
            " to the file, or set weights: none"
        ) from None


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(
            f"slowfast: weights {path}: no such file; give a pytorchvideo state dict ({KINETICS}), kinetics to download"
            " it, or none"
        )
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever unpickling a broken file runs into
        raise CheckpointError(
            f"slowfast: weights {path}: cannot be read ({type(error).__name__}); it must be a saved state dict"
        ) from None
    state = saved.get("model_state", saved) if isinstance(saved, dict) else None
    if not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CheckpointError(f"slowfast: weights {path}: is no state dict of tensors; save model.state_dict()")
    return dict(state)
