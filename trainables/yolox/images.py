"""Training and held-out images as upstream's mosaic, mixup and transforms take them.

The random numbers are those of Python and NumPy, which the epoch loop (or torch's loader, in its processes) seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from yolox.data import MosaicDetection, TrainTransform
from yolox.data.datasets import Dataset

from trainables.vision.coco_layout import Picture
from trainables.vision.decode import decode
from trainables.vision.image_cache import ImageCache
from trainables.yolox.experiment import Experiment

LEAST_OBJECTS = 120
"""Room for objects in the targets of an image: upstream's limit. It leaves further ones out without a word, so they are
taught as background."""
MIXED = 5
"""Pictures in one training image: four in a mosaic, and one that is mixed in."""


class Pictures(Dataset):  # type: ignore[misc]
    """One split for upstream's augmentation: BGR images scaled to fit the input, boxes in those pixels.

    Upstream's own `CocoDataset` reads the JSON file again for each trial and prints; this one shares what was checked.
    """

    def __init__(
        self, pictures: Sequence[Picture], size: tuple[int, int], cache: ImageCache[NDArray[np.uint8]]
    ) -> None:
        super().__init__(size)
        self.size = size
        self._pictures = pictures
        self._cache = cache

    def __len__(self) -> int:
        return len(self._pictures)

    def ratio(self, index: int) -> float:
        """Input pixels to one pixel of the image on disk."""
        picture = self._pictures[index]
        return ratio(picture.width, picture.height, self.size)

    @property
    def most_objects(self) -> int:
        """Room in the targets of an image for the objects of all pictures that may be in it."""
        return max(LEAST_OBJECTS, MIXED * max(len(picture.boxes) for picture in self._pictures))

    def load_anno(self, index: int) -> NDArray[np.float64]:
        """Labels (M, 5): x1 y1 x2 y2 class."""
        picture = self._pictures[index]
        return np.column_stack((picture.boxes * self.ratio(index), picture.classes))

    def pull_item(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.float64], tuple[int, int], int]:
        """Image, labels, height and width on disk, and `index`; the caller may write to all of them."""
        picture = self._pictures[index]
        pixels = self._cache.load((picture.path, picture.upright, self.size), lambda: self._decoded(picture))
        return pixels.copy(), self.load_anno(index), (picture.height, picture.width), index

    def _decoded(self, picture: Picture) -> NDArray[np.uint8]:
        image = decode(picture.path, upright=picture.upright)
        return scaled(np.ascontiguousarray(image[..., ::-1]), self.size)


class HeldOut(torch.utils.data.Dataset[tuple[Any, Any, int]]):
    """Unchanged images (3, H, W) with values to 255, their targets (M, 5) as class cx cy w h, and their place.

    M is the same for all of them, so behind the last object of an image there are zeros.
    """

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._most_objects = pictures.most_objects

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int) -> tuple[Any, Any, int]:
        image, labels, _, _ = self._pictures.pull_item(index)
        pixels, targets = held_out(image, labels, self._pictures.size, self._most_objects)
        return pixels, targets, index


def ratio(width: int, height: int, size: tuple[int, int]) -> float:
    """Input pixels, `size` as height and width, to one pixel of an image."""
    return min(size[0] / height, size[1] / width)


def scaled(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """`image` (h, w, 3) as large as fits into `size`; a side of less than a pixel is one."""
    height, width = image.shape[:2]
    share = ratio(width, height, size)
    # The longer side is exactly the input's: one pixel less, as 640 / 77 * 77 gives it, and upstream scales it again.
    sides = [max(1, int(side * share + 1e-6)) for side in (width, height)]
    return np.asarray(cv2.resize(image, sides, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def held_out(
    image: NDArray[np.uint8], labels: NDArray[np.float64], size: tuple[int, int], most_objects: int = LEAST_OBJECTS
) -> tuple[Any, Any]:
    """The scaled BGR `image` unchanged but padded to (3, H, W), values to 255, and its targets (`most_objects`, 5)."""
    unchanged = TrainTransform(max_labels=most_objects, flip_prob=0.0, hsv_prob=0.0)
    pixels, targets = unchanged(image, labels, size)
    return pixels, targets


def training_images(pictures: Pictures, experiment: Experiment) -> MosaicDetection:
    """Upstream's augmentation of `pictures`; `enable_mosaic` turns mosaic and mixup on and off."""
    return MosaicDetection(
        pictures,
        img_size=experiment.input_size,
        preproc=TrainTransform(pictures.most_objects, flip_prob=experiment.flip_prob, hsv_prob=experiment.hsv_prob),
        degrees=experiment.degrees,
        translate=experiment.translate,
        mosaic_scale=experiment.mosaic_scale,
        mixup_scale=experiment.mixup_scale,
        shear=experiment.shear,
        enable_mixup=experiment.enable_mixup,
        mosaic_prob=experiment.mosaic_prob,
        mixup_prob=experiment.mixup_prob,
    )
