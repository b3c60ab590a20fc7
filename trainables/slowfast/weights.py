"""Where the first weights come from. Never random ones where others were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from trainables.errors import CheckpointError
from trainables.slowfast.settings import SlowfastSettings
from trainables.vision.first_weights import check_shapes, check_state_dict, downloaded_file, load_earlier, read_weights

ZOO = "https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics"
KINETICS = {
    (8, 5): f"{ZOO}/SLOWFAST_4x16_R50.pyth",
    (4, 7): f"{ZOO}/SLOWFAST_8x8_R50.pyth",
    (8, 7): f"{ZOO}/SLOWFAST_8x8_R50.pyth",
}
"""pytorchvideo's SlowFast R50 by alpha and fusion_kernel, from its model zoo: 4 slow of 32 fast frames, and 8 of 32.

The last line is what trainings had before there was a setting fusion_kernel: weights that were trained at alpha 4.
"""
LIGHTER = {"slow": f"{ZOO}/SLOW_8x8_R50.pyth", "x3d": f"{ZOO}/X3D_M.pyth"}
"""Likewise of the other networks; SLOW_8x8 sees 8 frames: with alpha 8, every eighth of 64."""
FIX = "give weights of the same model, depth, stem_width and reduction, or weights: none"


def projection(network: nn.Module) -> str:
    """How the names of the projection's weights begin in pytorchvideo's `network`."""
    blocks = network.get_submodule("blocks")
    assert isinstance(blocks, nn.ModuleList)
    return f"blocks.{len(blocks) - 1}.proj."


def load_model(model: nn.Module, settings: SlowfastSettings, names: Sequence[str]) -> None:
    """Fill `model`, whose classes are `names`: by `load_network`, or all from an earlier training's checkpoint.

    Raises:
        CheckpointError: see `load_network`, or the checkpoint is of a model of another size.
    """
    weights, network = settings.weights, model.get_submodule("network")
    if Path(weights).is_dir():
        of_classes = f"network.{projection(network)}"
        owner = f"slowfast: weights {weights}"
        load_earlier(model, Path(weights), names, of_classes=of_classes, owner=owner, fix=FIX)
    else:
        load_network(network, settings)


def load_network(network: nn.Module, settings: SlowfastSettings) -> None:
    """Fill all but the projection by `settings.weights`: "none", "kinetics" or a pytorchvideo state dict file.

    Raises:
        CheckpointError: nothing there, no network, no state dict, or one of another model; says what to fetch.
    """
    weights, begins = settings.weights, projection(network)
    if weights == "none":
        return
    state = _downloaded(settings) if weights == "kinetics" else _read(Path(weights))
    state = {name: value for name, value in state.items() if not name.startswith(begins)}
    expected = {name: value for name, value in network.state_dict().items() if not name.startswith(begins)}
    check_shapes(state, expected, f"slowfast: weights {weights}", FIX)
    network.load_state_dict(state, strict=False)


def fetch(settings: SlowfastSettings) -> None:
    """See `Recipe.fetch`."""
    address = _address(settings)
    if address is None or not downloaded_file(address).is_file():
        _downloaded(settings)


def _address(settings: SlowfastSettings) -> str | None:
    if settings.model == "slowfast":
        return KINETICS.get((settings.alpha, settings.fusion_kernel))
    return LIGHTER[settings.model]


def _downloaded(settings: SlowfastSettings) -> dict[str, Any]:
    address = _address(settings)
    if address is None:
        raise CheckpointError(
            f"slowfast: weights kinetics: there are none of alpha {settings.alpha} with fusion_kernel "
            f"{settings.fusion_kernel}; set alpha 8 with fusion_kernel 5, alpha 4 with fusion_kernel 7, or weights: "
            "none"
        )
    try:
        saved = torch.hub.load_state_dict_from_url(address, map_location="cpu", progress=False, weights_only=True)
        return dict(saved["model_state"])
    except (OSError, RuntimeError, UnpicklingError) as error:  # no network, no room, or not what it should be
        raise CheckpointError(
            f"slowfast: weights kinetics: {address} cannot be downloaded ({error}); fetch it elsewhere and set weights"
            " to the file, or set weights: none"
        ) from None


def _read(path: Path) -> dict[str, Any]:
    owner = f"slowfast: weights {path}"
    missing = f"give a pytorchvideo state dict ({ZOO}), kinetics to download it, or none"
    saved = read_weights(path, owner, missing=missing, broken="it must be a saved state dict")
    return check_state_dict(saved.get("model_state", saved) if isinstance(saved, dict) else None, owner)
