"""Modules that weigh the planes before Ultralytics' first convolution. Each starts as if it were not there."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from ultralytics.nn.modules import CBAM

GATE_STRIDE, GATE_CHANNELS = 8, 8


class FusionStem(nn.Module):
    """Ultralytics' first convolution behind a module that weighs the planes (B, 4, H, W) in [0, 1]."""

    def __init__(self, stem: nn.Module) -> None:
        super().__init__()
        self.stem = stem
        for name in ("i", "f", "type", "np"):  # Ultralytics walks its layers by these
            setattr(self, name, getattr(stem, name))

    def weighed(self, planes: Tensor) -> Tensor:
        """`planes` with their weights."""
        raise NotImplementedError

    def forward(self, planes: Tensor) -> Tensor:
        """Features of `planes`."""
        features: Tensor = self.stem(self.weighed(planes))
        return features


class GatedStem(FusionStem):
    """Weighs RGB and thermal against each other, place by place.

    Of each 8 × 8 pixels two convolutions make two weights that add up to 2. They start at 1 and 1: the plain stem.
    The RGB and thermal YOLO26x report (document 000) asks for "a weighting layer"; this form is ours.
    """

    def __init__(self, stem: nn.Module) -> None:
        super().__init__(stem)
        self.gate = nn.Sequential(nn.Conv2d(4, GATE_CHANNELS, 3, padding=1), nn.SiLU(), nn.Conv2d(GATE_CHANNELS, 2, 1))
        last = self.gate[-1]
        assert isinstance(last, nn.Conv2d)
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.zeros_(last.bias)

    def weights(self, planes: Tensor) -> Tensor:
        """Weights (B, 2, H, W) of RGB and thermal for `planes`."""
        coarse = self.gate(nn.functional.avg_pool2d(planes, GATE_STRIDE)).softmax(dim=1) * 2
        return nn.functional.interpolate(coarse, size=planes.shape[2:], mode="nearest")

    def weighed(self, planes: Tensor) -> Tensor:
        """`planes` with their weights."""
        weights = self.weights(planes)
        return torch.cat((planes[:, :3] * weights[:, :1], planes[:, 3:] * weights[:, 1:]), dim=1)


class AttentionStem(FusionStem):
    """Weighs each plane by its mean over the picture, then each place by what the planes show there.

    That is the convolutional block attention module of Woo et al. (2018), in Ultralytics' form: channel attention by
    one layer on the means, spatial attention by a 7 × 7 convolution. Both are sigmoids, which start at a half each, so
    the product counts four times: from 0 to 4, and 1 at the start.
    """

    def __init__(self, stem: nn.Module) -> None:
        super().__init__(stem)
        self.attention = CBAM(4)
        for parameter in self.attention.parameters():
            nn.init.zeros_(parameter)

    def weighed(self, planes: Tensor) -> Tensor:
        """`planes` with their weights."""
        attended: Tensor = self.attention(planes)
        return attended * 4


STEMS: dict[str, type[FusionStem]] = {"gated": GatedStem, "attention": AttentionStem}
"""By the setting `fusion`."""
