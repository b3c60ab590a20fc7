"""The trained detector on pictures of any size, and its plain weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from trainables.recipe import Predictor
from trainables.resnet_yolo.data import Inset, letterboxed
from trainables.resnet_yolo.detections import detections
from trainables.resnet_yolo.model import Detector, Predictions
from trainables.resnet_yolo.settings import ResnetYoloSettings
from trainables.resnet_yolo.training import new_detector
from trainables.vision import onnx_export as onnx_file
from trainables.vision.average_precision import Detections
from trainables.vision.image_input import rgb
from trainables.vision.inference import fill, on_device, one_by_one, parts

WEIGHTS = "weights.pt"


Network = Callable[[Tensor], Predictions]


def load(settings: ResnetYoloSettings, checkpoint: Path, run: onnx_file.Run | None = None) -> Predictor:
    """The detector of `checkpoint`; pictures go through the letterbox of its held-out images.

    `run`, if given, runs a file of `write_onnx` in place of the checkpoint's network.

    Raises:
        CheckpointError: no checkpoint there, one without class names, or one of other settings.
    """
    detector, names = trained(settings, checkpoint)
    network: Network = detector if run is None else partial(_by_file, run)

    return one_by_one(lambda image: _answers(network, settings, names, [image])[0])


def load_frames(settings: ResnetYoloSettings, checkpoint: Path) -> Predictor:
    """`load`, but on the training's device and with all pictures that are given at a time as one batch."""
    detector, names = trained(settings, checkpoint)
    return on_device(detector, settings.device, partial(_answers, settings=settings, names=names))


def trained(settings: ResnetYoloSettings, checkpoint: Path) -> tuple[Detector, list[str]]:
    """The model of `checkpoint` in evaluation mode, and its classes' names."""
    saved = parts(checkpoint, "names", "model")
    names: list[str] = saved["names"]
    detector = new_detector(settings, len(names))
    fill(detector, saved["model"], checkpoint)
    return detector, names


def write_weights(settings: ResnetYoloSettings, checkpoint: Path, directory: Path) -> dict[str, str]:
    """Write `WEIGHTS`; returns what it is, by file name."""
    detector, names = trained(settings, checkpoint)
    torch.save({"model": detector.state_dict(), "names": names}, directory / WEIGHTS)
    return {WEIGHTS: '`torch.load("weights.pt")` gives the state dict `model` and the classes\' `names`'}


def write_onnx(settings: ResnetYoloSettings, checkpoint: Path, directory: Path) -> dict[str, str]:
    """Write the model as ONNX: RGB in [0, 1] in, what `Predictions` holds out, before any threshold."""
    detector, _ = trained(settings, checkpoint)
    example = onnx_file.random_input(1, 3, settings.image_size, settings.image_size)
    return onnx_file.write(detector, {"images": example}, directory, Predictions._fields)


def _by_file(run: onnx_file.Run, images: Tensor) -> Predictions:
    return Predictions(*onnx_file.tensors(run, images=images))


def _answers(
    network: Network, settings: ResnetYoloSettings, names: Sequence[str], images: Sequence[Any]
) -> list[dict[str, Any]]:
    pictures = [Image.fromarray(rgb(image)) for image in images]
    pixels, insets = zip(*(letterboxed(picture, settings.image_size) for picture in pictures), strict=True)
    batch = torch.from_numpy(np.stack(pixels).transpose(0, 3, 1, 2).copy()).float() / 255
    with torch.no_grad():
        batch_detections = detections(network(batch), settings.image_size, settings.score_threshold)
    return [
        _answer(detected, names, inset, picture.size)
        for detected, inset, picture in zip(batch_detections, insets, pictures, strict=True)
    ]


def _answer(detected: Detections, names: Sequence[str], inset: Inset, size: tuple[int, int]) -> dict[str, Any]:
    """Detections in a letterbox as those of a picture of `size` (width, height), which is at `inset` in it."""
    left, top, width, height = inset
    # The letterbox rounds the shorter side to whole pixels, so the two sides have scales of their own.
    scale = np.array((size[0] / width, size[1] / height) * 2, dtype=np.float32)
    boxes = (np.asarray(detected.boxes, dtype=np.float32) - np.array((left, top) * 2, dtype=np.float32)) * scale
    edges = np.array(size * 2, dtype=np.float32)
    return {
        "boxes": boxes.clip(0, edges),
        "scores": np.asarray(detected.scores, dtype=np.float32),
        "labels": [names[int(index)] for index in detected.classes],
    }
