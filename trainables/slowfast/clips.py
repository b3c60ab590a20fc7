"""Clips as the two pathways take them: scaled to [0, 1], changed at random while training, in three equal channels.

The random numbers are torch's, which the epoch loop (or torch's loader, in its processes) seeds.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset
from torchvision.transforms import v2

from trainables.slowfast.data import Clips
from trainables.slowfast.settings import SlowfastSettings

MIDDLE, SPREAD = 0.45, 0.225
"""Of pytorchvideo's Kinetics weights."""


def scaled(frames: NDArray[np.float32], count: int, span: tuple[float, float]) -> Tensor:
    """`count` frames, evenly spread over (T, H, W) in Celsius, as (count, 1, H, W) where `span` is 0 to 1."""
    low, high = span
    indexes = np.linspace(0, len(frames) - 1, count).round().astype(np.int64)
    return ((torch.from_numpy(frames[indexes]) - low) / max(high - low, 1e-6)).clamp(0, 1)[:, None]


def channels(frames: Tensor) -> Tensor:
    """(T, 1, H, W) in [0, 1] as the pathways take it: normalised, (3, T, H, W)."""
    return ((frames - MIDDLE) / SPREAD).transpose(0, 1).expand(3, -1, -1, -1).contiguous()


class Jitter(nn.Module):
    """Changes brightness and contrast of a clip (T, 1, H, W) in [0, 1] by factors from 1 - `most` to 1 + `most`.

    torchvision's ColorJitter takes each frame's own mean as the middle of its contrast, so that frames of one clip
    differ in brightness afterwards: a flicker that was not there. Here it is the mean of the clip.
    """

    def __init__(self, most: float) -> None:
        super().__init__()
        self._most = most

    def forward(self, frames: Tensor) -> Tensor:
        """The changed clip, in [0, 1] too."""
        brightness, contrast = (1 + self._most * (2 * torch.rand(2) - 1)).tolist()
        brighter_first = bool(torch.rand(1) < 0.5)
        if brighter_first:
            frames = (frames * brightness).clamp(0, 1)
        middle = frames.mean()
        frames = (middle + (frames - middle) * contrast).clamp(0, 1)
        return frames if brighter_first else (frames * brightness).clamp(0, 1)


class TrainingClips(Dataset[tuple[Tensor, int]]):
    """Pairs of a clip (3, T, H, W) and its class; every frame of a clip is changed alike.

    Crops have sides from 3:4 to 4:3, whatever the clip's are, and are then stretched to the input: torchvision's
    RandomResizedCrop, and MMAction2's, which the thermal SlowFast report (document 004) trained with. So what clips of
    40 x 60 show is widened while training, by 1.1 to 1.4, and is not in the held-out clips. In such clips the largest
    crop, 40 x 53, is the one in the middle that torchvision falls back to; MMAction2's is 40 x 40.

    Args:
        clips: of one split.
        settings: of the training.
        span: lowest and highest temperature of the training split, which become 0 and 1.
        augment: whether to crop, flip, jitter and erase at random.
    """

    def __init__(
        self, clips: Clips, settings: SlowfastSettings, span: tuple[float, float], *, augment: bool = True
    ) -> None:
        self._clips = clips
        self.span = span
        self._frames = settings.frames
        size = list(settings.input_size)
        if not augment:
            self._change: v2.Transform = v2.Resize(size, antialias=True)
            return
        self._change = v2.Compose(
            [
                v2.RandomResizedCrop(size, scale=(settings.crop_scale_min, 1.0), antialias=True),
                v2.RandomHorizontalFlip(settings.flip),
                Jitter(settings.jitter),
                v2.RandomErasing(settings.erasing, value=MIDDLE),
            ]
        )

    def __len__(self) -> int:
        return len(self._clips.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        frames = scaled(self._clips.frames[index], self._frames, self.span)
        return channels(self._change(frames)), int(self._clips.labels[index])
