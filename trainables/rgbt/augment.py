"""Training pairs, changed at random by Ultralytics' own pipeline, and by its colour shift, which skips 4 channels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from ultralytics.data.augment import RandomHSV
from ultralytics.data.dataset import YOLODataset

from trainables.rgbt.data import Pairs

HUE, SATURATION, VALUE = 0.015, 0.7, 0.4
"""Largest colour shift: Ultralytics' defaults. `hsv` is the saturation's; the others keep their proportion to it."""


class PairedImages(YOLODataset):  # type: ignore[misc]
    """Ultralytics' data set over checked pairs: nothing is searched for, scanned or cached beside the data.

    Args:
        pairs: of one split.
        names: class names.
        args: Ultralytics' configuration of the training.
        hsv: largest colour shift, 0 for none.
        clahe: equalise the thermal plane.
        augment: whether to change the images at random.
    """

    def __init__(
        self, pairs: Pairs, names: tuple[str, ...], args: Any, *, hsv: float, clahe: bool, augment: bool
    ) -> None:
        self._pairs = pairs
        self._hsv = hsv
        self._clahe = clahe
        super().__init__(
            img_path="",
            data={"names": dict(enumerate(names)), "channels": 4},
            imgsz=args.imgsz,
            # Tells Ultralytics' mosaic to draw from the whole set, not from a buffer that a resume would not have.
            cache="ram",
            augment=augment,
            hyp=args,
            batch_size=args.batch,
        )

    def check_cache_ram(self, safety_margin: float = 0.5) -> bool:
        """Never: `Pairs` keeps the images, for all trials."""
        return False

    def get_img_files(self, img_path: Any) -> list[str]:
        """The RGB files, in the order of the pairs."""
        return [str(sample.rgb) for sample in self._pairs.samples]

    def get_labels(self) -> list[dict[str, Any]]:
        """Labels as Ultralytics keeps them."""
        return [
            {
                "im_file": str(sample.rgb),
                "cls": sample.labels[:, :1],
                "bboxes": sample.labels[:, 1:],
                "segments": [],
                "keypoints": None,
                "normalized": True,
                "bbox_format": "xywh",
            }
            for sample in self._pairs.samples
        ]

    def load_image(self, i: int, *_: Any, **__: Any) -> tuple[NDArray[np.uint8], tuple[int, int], tuple[int, int]]:
        """Pixels (h, w, 4) as R G B T, their size on disk and here; called by mosaic, mixup and cutmix too."""
        pixels, original = self._pairs.load(i, self.imgsz, self._clahe)
        return pixels.copy(), original, pixels.shape[:2]

    def build_transforms(self, hyp: Any) -> Any:
        """Ultralytics' transforms, with our colour shift just before they become tensors."""
        transforms = super().build_transforms(hyp)
        if self.augment and self._hsv:
            transforms.insert(len(transforms.transforms) - 1, RgbShift(self._hsv))
        return transforms


class RgbShift:
    """Ultralytics' random colour shift on the first three planes; the thermal one has no colour."""

    def __init__(self, hsv: float) -> None:
        share = hsv / SATURATION
        self._shift = RandomHSV(HUE * share, hsv, VALUE * share)

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        pixels = labels["img"]
        colours = {"img": np.ascontiguousarray(pixels[..., 2::-1])}  # BGR, as the shift expects
        pixels[..., :3] = self._shift.apply_image(colours)["img"][..., ::-1]
        return labels
