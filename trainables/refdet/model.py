"""YOLOv8's features of a frame, a ViT's of the reference images, their fusion at three scales, and a head.

The RefDet few-shot guide (document 003) names CHEAF for the fusion of both scales, without a formula. Ours: at each
scale the reference gates the frame's channels, and the cosine similarity of frame and reference at each position is
appended to them.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from ultralytics.nn.modules import Conv
from ultralytics.nn.tasks import DetectionModel, yaml_model_load
from ultralytics.utils.tal import dist2bbox, make_anchors

from trainables.refdet.settings import RefdetSettings

LEVELS = (15, 18, 21)
"""YOLOv8's layers whose outputs its own head takes."""
STRIDES = (8, 16, 32)
BINS = 16
"""Bins of a box side's distribution: YOLOv8's reg_max."""
PRIOR = 0.01
"""Score that every place starts with: focal loss's initialisation (Lin et al. 2017)."""


SCALES = {
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""Mean and deviation of the reference encoder's pixels: the shipped tiny one's, and those of timm's DINOv2."""


class Output(NamedTuple):
    """What is said of B frames at A places.

    Attributes:
        logits: (B, A), that the referenced object is there.
        sides: (B, A, 4 × BINS), distributions of the distances to the box's sides, in strides.
        vectors: (B, A, E) of unit length, what a place looks like.
        references: (B, E) of unit length, what is looked for.
        points, strides: (A, 2) in strides, (A, 1) in pixels.
    """

    logits: Tensor
    sides: Tensor
    vectors: Tensor
    references: Tensor
    points: Tensor
    strides: Tensor

    @property
    def boxes(self) -> Tensor:
        """(B, A, 4) as x1 y1 x2 y2 in strides."""
        batch, anchors, _ = self.sides.shape
        bins = torch.arange(BINS, dtype=self.sides.dtype, device=self.sides.device)
        distances = self.sides.view(batch, anchors, 4, BINS).softmax(3) @ bins
        boxes: Tensor = dist2bbox(distances, self.points, xywh=False)
        return boxes


class Refdet(nn.Module):
    """Looks for one referenced object in each frame."""

    _mean: Tensor
    _deviation: Tensor

    def __init__(self, settings: RefdetSettings, encoder: nn.Module, backbone: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        mean, deviation = SCALES[settings.reference_scale]
        self.register_buffer("_mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("_deviation", torch.tensor(deviation)[:, None, None], persistent=False)
        self.backbone = backbone
        channels = _channels(backbone)
        length = settings.embedding
        features = int(encoder.num_features)  # type: ignore[arg-type]
        self.fusion = nn.ModuleList([Fusion(wide, features, length) for wide in channels])
        self.head = nn.ModuleList([Head(wide) for wide in channels])
        self.reference = nn.Linear(features, length)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = settings.norm_momentum

    def forward(self, frames: Tensor, references: Tensor) -> Output:
        """What is in `frames` (B, 3, S, S) of the objects on `references` (B, K, 3, R, R); both in [0, 1]."""
        return self.search(frames, self.encode(references))

    def encode(self, references: Tensor) -> Tensor:
        """Features (C, F) of what is on `references` (C, K, 3, R, R), in [0, 1]: the mean of each K."""
        count, shots = references.shape[:2]
        scaled = (references.flatten(0, 1) - self._mean) / self._deviation
        features: Tensor = self.encoder(scaled).view(count, shots, -1).mean(dim=1)
        return features

    def search(self, frames: Tensor, reference: Tensor) -> Output:
        """What is in `frames` (B, 3, S, S) of the objects that `reference` (B, F), of `encode`, describes."""
        sought = functional.normalize(self.reference(reference), dim=1)
        levels = _features(self.backbone, frames)
        logits, sides, vectors = [], [], []
        for features, fusion, head in zip(levels, self.fusion, self.head, strict=True):
            fused, vector, similarity = fusion(features, reference, sought)
            logit, side = head(fused, similarity)
            logits.append(logit.flatten(1))
            sides.append(side.flatten(2))
            vectors.append(vector.flatten(2))
        # Of float32 features: bfloat16 has no half above 128.
        points, strides = make_anchors([level[:, :1].float() for level in levels], STRIDES)
        return Output(
            torch.cat(logits, 1),
            torch.cat(sides, 2).transpose(1, 2),
            torch.cat(vectors, 2).transpose(1, 2),
            sought,
            points,
            strides,
        )


class Fusion(nn.Module):
    """One scale: features gated by the reference, beside their likeness to it."""

    def __init__(self, wide: int, features: int, length: int) -> None:
        super().__init__()
        self.gate = nn.Linear(features, wide)
        self.vector = nn.Sequential(Conv(wide, length, 3), nn.Conv2d(length, length, 1))
        self.mix = Conv(wide + 1, wide, 3)

    def forward(self, features: Tensor, reference: Tensor, sought: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fused features (B, C, H, W), vectors (B, E, H, W) and the likeness (B, 1, H, W) from -1 to 1."""
        vectors = functional.normalize(self.vector(features), dim=1)
        similarity = (vectors * sought[:, :, None, None]).sum(dim=1, keepdim=True)
        gated = features * 2 * self.gate(reference).sigmoid()[:, :, None, None]
        return self.mix(torch.cat((gated, similarity), dim=1)), vectors, similarity


class Head(nn.Module):
    """One scale: whether the referenced object is there, and its box."""

    def __init__(self, wide: int) -> None:
        super().__init__()
        self.score = nn.Sequential(Conv(wide, wide, 3), nn.Conv2d(wide, 1, 1))
        self.box = nn.Sequential(Conv(wide, wide, 3), nn.Conv2d(wide, 4 * BINS, 1))
        self.likeness = nn.Parameter(torch.tensor(4.0))
        last = self.score[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        nn.init.constant_(last.bias, -math.log((1 - PRIOR) / PRIOR))

    def forward(self, fused: Tensor, similarity: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, 1, H, W) and sides (B, 4 × BINS, H, W)."""
        return self.score(fused) + self.likeness * similarity, self.box(fused)


def query_backbone(width: float) -> DetectionModel:
    """YOLOv8's backbone and neck at `width`, without its head; 0.25 is size n."""
    described: dict[str, Any] = yaml_model_load("yolov8n.yaml")
    described["scales"] = {"n": [0.33, width, 1024]}
    model = DetectionModel(described, ch=3, nc=1, verbose=False)
    model.model[-1] = _empty_head(model.model[-1])
    return model


def reference_encoder(settings: RefdetSettings) -> nn.Module:
    """DINOv2's ViT-S/14 as timm has it, or one of its kind of 0.14 M parameters."""
    import timm

    tiny = {"embed_dim": 64, "depth": 2, "num_heads": 2} if settings.reference_model == "tiny" else {}
    encoder: nn.Module = timm.create_model(
        "vit_small_patch14_dinov2.lvd142m", pretrained=False, img_size=settings.reference_size, num_classes=0, **tiny
    )
    return encoder


def _features(backbone: nn.Module, frames: Tensor) -> list[Tensor]:
    """Outputs of `LEVELS`, by Ultralytics' own way through its layers."""
    outputs: list[Any] = []
    flow: Any = frames
    layers: Any = backbone.model
    for layer in list(layers)[:-1]:
        if layer.f != -1:
            flow = (
                outputs[layer.f] if isinstance(layer.f, int) else [flow if at == -1 else outputs[at] for at in layer.f]
            )
        flow = layer(flow)
        outputs.append(flow)
    return [outputs[level] for level in LEVELS]


def _channels(backbone: nn.Module) -> list[int]:
    was_training = backbone.training
    with torch.no_grad():
        channels = [features.shape[1] for features in _features(backbone.eval(), torch.zeros(1, 3, 64, 64))]
    backbone.train(was_training)
    return channels


def _empty_head(head: nn.Module) -> nn.Module:
    """What stands for YOLOv8's own `head`, without its parameters."""
    empty = nn.Identity()
    for name in ("i", "f", "type", "np"):
        setattr(empty, name, getattr(head, name))
    return empty
