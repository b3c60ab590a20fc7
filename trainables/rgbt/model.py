"""Ultralytics' YOLO26 for four planes: with one backbone or two, and what weighs the planes."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from ultralytics.nn.tasks import DetectionModel

from trainables.rgbt.architecture import BACKBONE, TWO_STREAMS, model_yaml
from trainables.rgbt.fusion import STEMS, FusionStem
from trainables.rgbt.settings import RgbtSettings

ADDED = {"gated": "model.0.gate.", "attention": "model.0.attention."}
"""How the names of the weights begin that a fusion adds to the first layer."""
STEM, PLAIN = "model.0.stem.", "model.0."
"""How the names of weights begin: of a stem behind a fusion's module, and of one without."""


def build(settings: RgbtSettings, names: tuple[str, ...], args: Any, weights: DetectionModel | None) -> DetectionModel:
    """The detector of `settings`.

    Args:
        settings: of the training.
        names: classes.
        args: Ultralytics' configuration, which the losses read.
        weights: to start from; None for random ones. First filters on three planes become those on R, G and B; on four
            they are kept, with the module that weighs the planes if both models have it. Of two streams each starts
            from the backbone of weights with one; the thermal one's first filters are the mean of those on R, G and B.
    """
    model = DetectionModel(model_yaml(settings.model, settings.fusion), ch=4, nc=len(names), verbose=False)
    model.args = args
    model.names = dict(enumerate(names))
    model.end2end = True  # inference by the head without NMS, YOLO26's own; this Ultralytics starts with the other
    weights_fusion = fusion_of(weights.state_dict()) if weights is not None else ""
    two_streams = settings.fusion == "two-stream"
    adds_a_stream = two_streams and weights_fusion != "two-stream"
    if weights is not None:
        _load(model, _as_two_streams(weights) if adds_a_stream else weights)
    if adds_a_stream:
        _start_joints(model, settings.thermal_init)
    if not two_streams and (weights is None or first_filters(weights)[0].shape[1] != 4):
        _start_thermal(model.model[0].conv.weight, settings.thermal_init)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = settings.norm_momentum
    if settings.fusion in STEMS:
        model.model[0] = STEMS[settings.fusion](model.model[0])
        if weights is not None and weights_fusion == settings.fusion:
            added = {
                name: value for name, value in weights.model[0].state_dict().items() if not name.startswith("stem.")
            }
            model.model[0].load_state_dict(added, strict=False)
    return model


def empty_model(size: str, fusion: str, channels: int, classes: int) -> DetectionModel:
    """The network for weights of a model of `size` and `fusion` with so many input channels and classes."""
    model = DetectionModel(model_yaml(size, fusion), ch=channels, nc=classes, verbose=False)
    if fusion in STEMS:
        model.model[0] = STEMS[fusion](model.model[0])
    return model


def fusion_of(names: Iterable[str]) -> str:
    """The setting `fusion` of a model whose weights have these names."""
    names = list(names)
    for fusion, beginning in ADDED.items():
        if any(name.startswith(beginning) for name in names):
            return fusion
    return "concat" if any(name.startswith(PLAIN) for name in names) else "two-stream"


def first_filters(model: DetectionModel) -> list[Tensor]:
    """The first convolution's weight (C, 4, 3, 3), or those of two streams, (C, 3, 3, 3) and (C, 1, 3, 3).

    Joined along their second dimension they are the filters on R, G, B and T.
    """
    first: Any = model.model[0]
    if isinstance(first, FusionStem):
        first = first.stem
    layers: list[Any] = [first] if hasattr(first, "conv") else [model.model[number] for number in TWO_STREAMS]
    return [layer.conv.weight for layer in layers]


def _load(model: DetectionModel, weights: DetectionModel) -> None:
    """Load `weights` by Ultralytics' own `load`, which takes what has the same name and shape.

    For that the stem of `weights` takes the place of its fusion's module, under which it has another name.
    """
    first = weights.model[0]
    weights.model[0] = first.stem if isinstance(first, FusionStem) else first
    model.load(weights, verbose=False)
    weights.model[0] = first


def _as_two_streams(weights: DetectionModel) -> DetectionModel:
    """The weights of a model with one backbone, under the names that a model of two streams has for them.

    What is returned holds weights; it cannot be run.
    """
    source = deepcopy(weights)
    layers = list(source.model)
    backbone = [layers[0].stem if isinstance(layers[0], FusionStem) else layers[0], *layers[1:BACKBONE]]
    thermal = deepcopy(backbone)
    colours = backbone[0].conv.weight.detach()[:, :3]
    backbone[0].conv.weight = nn.Parameter(colours.clone())
    thermal[0].conv.weight = nn.Parameter(colours.mean(dim=1, keepdim=True))
    head, head_start = layers[BACKBONE:], len(model_yaml("n", "two-stream")["backbone"])
    numbered: dict[int, nn.Module] = {}
    for first, part in zip((*TWO_STREAMS, head_start), (backbone, thermal, head), strict=True):
        numbered |= {first + number: layer for number, layer in enumerate(part)}
    source.model = nn.Sequential(*(numbered.get(number, nn.Identity()) for number in range(head_start + len(head))))
    return source


def _start_thermal(weight: Tensor, how: str) -> None:
    with torch.no_grad():
        weight[:, 3] = weight[:, :3].mean(dim=1) if how == "mean" else 0.0


def _start_joints(model: DetectionModel, how: str) -> None:
    """Let two streams start as RGB's alone, or as the mean of both."""
    shares = (0.5, 0.5) if how == "mean" else (1.0, 0.0)
    with torch.no_grad():
        for layer in model.model:
            if isinstance(layer, nn.ConvTranspose2d):
                same = torch.eye(layer.out_channels)[..., None, None]
                layer.weight.copy_(torch.cat([same * share for share in shares]))
                assert layer.bias is not None
                layer.bias.zero_()
