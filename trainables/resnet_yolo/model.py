"""The detector: a torchvision ResNet, a feature pyramid, and one head for each of the strides 8, 16 and 32.

Letters in the shapes: B images, H × W pixels, C classes, N cells of all three grids together
(N = HW/64 + HW/256 + HW/1024).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock
from torchvision.ops import FeaturePyramidNetwork

STRIDES = (8, 16, 32)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's RGB: what torchvision's weights were trained with."""
PRIOR = 0.01
"""Score of every cell before training, so that the many empty cells do not drown the first steps (RetinaNet, 4.1)."""
SIZE_PRIOR = 3.0
"""Sides of every box before training, in strides: about what YOLOv3's anchors are (ours; the report gives none). At
one stride, the fine grids fall short of the matching IoU for all but the smallest objects and never learn."""
CLAMP = 4.0
"""Bound of tw and th: exp(-4) = 0.018 and exp(4) = 54.6 strides
(the ResNet-18 and YOLOv8 fixes report, document 002, fix #1)."""


class Predictions(NamedTuple):
    """What the detector says about each cell.

    Attributes:
        boxes: (B, N, 4), x1 y1 x2 y2 in input pixels; not clipped to the image.
        logits: (B, N, C), class scores before the sigmoid.
        centers: (N, 2), x y of the cells' middles in pixels.
        strides: (N,), cell sizes in pixels.
    """

    boxes: Tensor
    logits: Tensor
    centers: Tensor
    strides: Tensor


class Backbone(nn.Module):
    """torchvision's ResNet of basic blocks without its classifier, any width and depth.

    Parameter names are torchvision's, so the weights of its `resnet18` load if widths are 64, 128, 256, 512 and blocks
    2, 2, 2, 2.
    """

    def __init__(self, widths: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(widths[0], widths[0], blocks[0], stride=1)
        self.layer2 = _stage(widths[0], widths[1], blocks[1], stride=2)
        self.layer3 = _stage(widths[1], widths[2], blocks[2], stride=2)
        self.layer4 = _stage(widths[2], widths[3], blocks[3], stride=2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # as torchvision's ResNet begins
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        """Features at strides 8, 16 and 32 of `images` (B, 3, H, W)."""
        x = self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(images)))))
        eighth = self.layer2(x)
        sixteenth = self.layer3(eighth)
        return OrderedDict(p3=eighth, p4=sixteenth, p5=self.layer4(sixteenth))


def _stage(inputs: int, outputs: int, count: int, *, stride: int) -> nn.Sequential:
    shortcut = None
    if stride != 1 or inputs != outputs:
        shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))
    first = BasicBlock(inputs, outputs, stride, shortcut)
    return nn.Sequential(first, *(BasicBlock(outputs, outputs) for _ in range(1, count)))


class Head(nn.Module):
    """Box and class scores for each cell of one grid: tx, ty, tw, th and C logits."""

    def __init__(self, channels: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
        )
        self.outputs = nn.Conv2d(channels, 4 + classes, 1)
        nn.init.normal_(self.outputs.weight, std=0.01)
        size, score = math.log(SIZE_PRIOR), -math.log((1 - PRIOR) / PRIOR)
        self.outputs.bias = nn.Parameter(torch.tensor([0.0, 0.0, size, size, *[score] * classes]))

    def forward(self, features: Tensor) -> Tensor:
        """(B, channels, h, w) to (B, h·w, 4 + C)."""
        raw: Tensor = self.outputs(self.features(features))
        return raw.flatten(2).transpose(1, 2)


class Detector(nn.Module):
    """Images to `Predictions`.

    Args:
        classes: C.
        widths, blocks: of the four backbone stages.
        neck_channels: of the pyramid.
        dropout: before each head's last convolution, in [0, 1).
        clamp: hold tw and th in [-`CLAMP`, `CLAMP`] before exp.
        norm_momentum: of all batch-norms.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        classes: int,
        *,
        widths: Sequence[int],
        blocks: Sequence[int],
        neck_channels: int,
        dropout: float,
        clamp: bool,
        norm_momentum: float,
    ) -> None:
        super().__init__()
        self.backbone = Backbone(widths, blocks)
        self.neck = FeaturePyramidNetwork(list(widths[1:]), neck_channels, norm_layer=nn.BatchNorm2d)
        self.heads = nn.ModuleList(Head(neck_channels, classes, dropout) for _ in STRIDES)
        self.clamp = clamp
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = norm_momentum

    def forward(self, images: Tensor) -> Predictions:
        """Predict for RGB `images` (B, 3, H, W) in [0, 1]; H and W are multiples of 32."""
        pyramid = self.neck(self.backbone((images - self.mean) / self.std))
        raw = torch.cat([head(level) for head, level in zip(self.heads, pyramid.values(), strict=True)], dim=1).float()
        centers, strides = _grid([level.shape[-2:] for level in pyramid.values()], raw)
        return Predictions(_decode(raw[..., :4], centers, strides, self.clamp), raw[..., 4:], centers, strides)


def _grid(shapes: Sequence[torch.Size], like: Tensor) -> tuple[Tensor, Tensor]:
    """Cell middles (N, 2) and cell sizes (N,) in pixels."""
    centers, strides = [], []
    for (rows, columns), stride in zip(shapes, STRIDES, strict=True):
        y, x = torch.meshgrid(
            torch.arange(rows, device=like.device, dtype=like.dtype),
            torch.arange(columns, device=like.device, dtype=like.dtype),
            indexing="ij",
        )
        centers.append((torch.stack((x, y), dim=-1).reshape(-1, 2) + 0.5) * stride)
        strides.append(torch.full((rows * columns,), float(stride), device=like.device, dtype=like.dtype))
    return torch.cat(centers), torch.cat(strides)


def _decode(raw: Tensor, centers: Tensor, strides: Tensor, clamp: bool) -> Tensor:
    """Raw tx ty tw th (B, N, 4) to boxes: centre = cell + t · stride, size = exp(t) · stride (the report's fix #1)."""
    middle = centers + raw[..., :2] * strides[:, None]
    size = raw[..., 2:].clamp(-CLAMP, CLAMP) if clamp else raw[..., 2:]
    half = size.exp() * strides[:, None] / 2
    return torch.cat((middle - half, middle + half), dim=-1)
