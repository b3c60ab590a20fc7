"""Training images, changed at random by Ultralytics' mosaic, colour shift and flip.

The random numbers are those of Python and NumPy, which the epoch loop (or torch's loader, in its processes) seeds.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from ultralytics.data.augment import Mosaic, RandomFlip, RandomHSV, RandomPerspective
from ultralytics.utils.instance import Instances

from trainables.resnet_yolo.data import Images
from trainables.resnet_yolo.losses import Target

HUE, SATURATION, VALUE = 0.015, 0.7, 0.4
"""Largest colour shift: Ultralytics' defaults."""


class TrainingImages(Dataset[tuple[Tensor, Target]]):
    """Augmented pairs of RGB pixels (3, size, size) uint8 and their objects.

    Args:
        images: of the training split.
        size: side of an image in pixels.
        flip, hsv, mosaic: probability of each change for one image.
    """

    cache = "ram"
    """Tells Ultralytics' mosaic to draw from the whole set, not from a buffer that a resume would not have."""

    def __init__(self, images: Images, size: int, *, flip: float, hsv: float, mosaic: float) -> None:
        self._images = images
        self._size = size
        self._hsv_share = hsv
        self._mosaic = Mosaic(self, imgsz=size, p=mosaic)
        # A mosaic is twice as large: this cuts its middle out, at the scale of the images.
        self._crop = RandomPerspective(translate=0.0, scale=0.0, size=(size, size))
        self._hsv = RandomHSV(HUE, SATURATION, VALUE)
        self._flip = RandomFlip(flip)

    def __len__(self) -> int:
        return len(self._images)

    def get_image_and_label(self, index: int) -> dict[str, Any]:
        """One image as Ultralytics hands it from step to step; called by its mosaic too."""
        pixels, labels = self._images.load(index, self._size)
        return {
            "img": pixels[..., ::-1].copy(),  # BGR, as its colour shift expects
            "cls": labels[:, :1].copy(),
            "instances": Instances(labels[:, 1:].copy(), bbox_format="xyxy", normalized=False),
            "im_file": "",
            "ori_shape": pixels.shape[:2],
            "resized_shape": pixels.shape[:2],
        }

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        labels = self._mosaic(self.get_image_and_label(index))
        if labels["img"].shape[0] != self._size:
            labels = self._crop(labels)
        if random.random() < self._hsv_share:
            labels = self._hsv(labels)
        labels = self._flip(labels)
        labels["instances"].convert_bbox("xyxy")
        pixels = torch.from_numpy(np.ascontiguousarray(labels["img"][..., ::-1].transpose(2, 0, 1)))
        boxes = torch.from_numpy(np.array(labels["instances"].bboxes, dtype=np.float32).reshape(-1, 4))
        return pixels, Target(boxes, torch.from_numpy(labels["cls"][:, 0].astype(np.int64)))


class HeldOutImages(Dataset[tuple[Tensor, Target]]):
    """The same pairs of another split, unchanged."""

    def __init__(self, images: Images, size: int) -> None:
        self._images = images
        self._size = size

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        pixels, labels = self._images.load(index, self._size)
        image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
        return image, Target(torch.from_numpy(labels[:, 1:].copy()), torch.from_numpy(labels[:, 0].astype(np.int64)))


def collate(pairs: list[tuple[Tensor, Target]]) -> tuple[Tensor, list[Target]]:
    """Pixels (B, 3, size, size) uint8, and the B images' objects."""
    return torch.stack([pixels for pixels, _ in pairs]), [target for _, target in pairs]
