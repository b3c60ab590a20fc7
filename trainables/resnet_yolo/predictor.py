"""The trained detector on pictures of any size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from trainables.coco import Detections
from trainables.errors import CheckpointError
from trainables.recipe import Predictor
from trainables.resnet_yolo.data import letterboxed
from trainables.resnet_yolo.detections import detections
from trainables.resnet_yolo.settings import ResnetYoloSettings
from trainables.resnet_yolo.training import new_detector


def load(settings: ResnetYoloSettings, checkpoint: Path) -> Predictor:
    """The detector of `checkpoint`; pictures go through the letterbox of its held-out images.

    Raises:
        CheckpointError: no checkpoint there, or one without class names (written by an older version).
    """
    path = checkpoint / "state.pt"
    if not path.is_file():
        raise CheckpointError(f"{checkpoint}: holds no state.pt; give a checkpoint directory such as epoch-0007")
    saved = torch.load(path, map_location="cpu", weights_only=True, mmap=True)["training"]
    if "names" not in saved:
        raise CheckpointError(f"{path}: has no class names; it was written by an older version, train again")
    names: list[str] = saved["names"]
    detector = new_detector(settings, len(names))
    detector.load_state_dict(saved["model"])
    detector.eval()

    def predict(images: Sequence[Any]) -> list[dict[str, Any]]:
        return [_one(detector, settings, names, image) for image in images]

    return predict


def _one(detector: torch.nn.Module, settings: ResnetYoloSettings, names: Sequence[str], image: Any) -> dict[str, Any]:
    with _opened(image) as opened:
        width, height = opened.size
        pixels, (left, top, inside, _) = letterboxed(opened, settings.image_size)
    batch = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None].float() / 255
    with torch.no_grad():
        (found,) = detections(detector(batch), settings.image_size, settings.score_threshold)
    return _named(found, names, (left, top), width / inside, (width, height))


def _opened(image: Any) -> Image.Image:
    return Image.open(image) if isinstance(image, (str, Path)) else Image.fromarray(np.asarray(image, dtype=np.uint8))


def _named(
    found: Detections, names: Sequence[str], corner: tuple[int, int], scale: float, size: tuple[int, int]
) -> dict[str, Any]:
    boxes = (np.asarray(found.boxes, dtype=np.float32) - np.array(corner * 2, dtype=np.float32)) * scale
    edges = np.array(size * 2, dtype=np.float32)
    return {
        "boxes": boxes.clip(0, edges),
        "scores": np.asarray(found.scores, dtype=np.float32),
        "labels": [names[int(index)] for index in found.classes],
    }
