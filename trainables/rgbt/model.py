"""Ultralytics' YOLO26 with a fourth input channel, and the gate that weighs the two modalities."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from ultralytics.nn.tasks import DetectionModel

from trainables.rgbt.architecture import model_yaml
from trainables.rgbt.settings import RgbtSettings

GATE_STRIDE, GATE_CHANNELS = 8, 8
GATE, STEM, PLAIN = "model.0.gate.", "model.0.stem.", "model.0."
"""How the names of weights begin: of the gate, of the stem behind it, and of a stem without one."""


class GatedStem(nn.Module):
    """Weighs RGB and thermal before Ultralytics' first convolution, place by place.

    Of each 8 × 8 pixels two convolutions make two weights that add up to 2. They start at 1 and 1: the plain stem.
    The RGB and thermal YOLO26x report (document 000) asks for "a weighting layer"; this form is ours.
    """

    def __init__(self, stem: nn.Module) -> None:
        super().__init__()
        self.stem = stem
        self.gate = nn.Sequential(nn.Conv2d(4, GATE_CHANNELS, 3, padding=1), nn.SiLU(), nn.Conv2d(GATE_CHANNELS, 2, 1))
        last = self.gate[-1]
        assert isinstance(last, nn.Conv2d)
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.zeros_(last.bias)
        for name in ("i", "f", "type", "np"):  # Ultralytics walks its layers by these
            setattr(self, name, getattr(stem, name))

    def weights(self, planes: Tensor) -> Tensor:
        """Weights (B, 2, H, W) of RGB and thermal for `planes` (B, 4, H, W)."""
        coarse = self.gate(nn.functional.avg_pool2d(planes, GATE_STRIDE)).softmax(dim=1) * 2
        return nn.functional.interpolate(coarse, size=planes.shape[2:], mode="nearest")

    def forward(self, planes: Tensor) -> Tensor:
        """Features of `planes` (B, 4, H, W) in [0, 1]."""
        weights = self.weights(planes)
        weighed = torch.cat((planes[:, :3] * weights[:, :1], planes[:, 3:] * weights[:, 1:]), dim=1)
        features: Tensor = self.stem(weighed)
        return features


def build(settings: RgbtSettings, names: tuple[str, ...], args: Any, weights: DetectionModel | None) -> DetectionModel:
    """The detector of `settings` for the classes `names`; `args` is the Ultralytics configuration its losses read.

    Three-channel `weights` are inflated: their filters go to R, G and B; four-channel ones are taken as they are, with
    their gate if both have one.
    """
    model = DetectionModel(model_yaml(settings.model), ch=4, nc=len(names), verbose=False)
    model.args = args
    model.names = dict(enumerate(names))
    model.end2end = True  # inference by the head without NMS, YOLO26's own; this Ultralytics starts with the other
    if weights is not None:
        _load(model, weights)
    if weights is None or stem_weight(weights).shape[1] != 4:
        _start_thermal(model.model[0].conv.weight, settings.thermal_init)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = settings.norm_momentum
    if settings.fusion == "gated":
        model.model[0] = GatedStem(model.model[0])
        if weights is not None and isinstance(weights.model[0], GatedStem):
            model.model[0].gate.load_state_dict(weights.model[0].gate.state_dict())
    return model


def stem_weight(model: DetectionModel) -> nn.Parameter:
    """The first convolution's weight (C, 4, 3, 3); its last input channel is the thermal one."""
    first: Any = model.model[0]
    stem: Any = first.stem if isinstance(first, GatedStem) else first
    weight: nn.Parameter = stem.conv.weight
    return weight


def _load(model: DetectionModel, weights: DetectionModel) -> None:
    """Ultralytics' own `load`, which takes what has the same name and shape; a gate would change the stem's name."""
    first = weights.model[0]
    weights.model[0] = first.stem if isinstance(first, GatedStem) else first
    model.load(weights, verbose=False)
    weights.model[0] = first


def _start_thermal(weight: Tensor, how: str) -> None:
    with torch.no_grad():
        weight[:, 3] = weight[:, :3].mean(dim=1) if how == "mean" else 0.0
