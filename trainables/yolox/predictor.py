"""The trained YOLOX on pictures of any size, and its weights in upstream's form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainables.recipe import Predictor
from trainables.vision import onnx_export as onnx_file
from trainables.vision.image_input import rgb
from trainables.vision.inference import fill, on_device, one_by_one, parts
from trainables.yolox.detections import detections
from trainables.yolox.experiment import Detector
from trainables.yolox.images import held_out, scaled
from trainables.yolox.settings import YoloxSettings
from trainables.yolox.training import experiment

WEIGHTS = "weights.pt"


Network = Callable[[Tensor], Tensor]


def load(settings: YoloxSettings, checkpoint: Path, run: onnx_file.Run | None = None) -> Predictor:
    """The detector of `checkpoint` as its evaluation has it: the moving average, on images scaled and padded alike.

    `run`, if given, runs a file of `write_onnx` in place of the checkpoint's network.

    Raises:
        CheckpointError: no checkpoint there, one without class names, or one of other settings.
    """
    detector, names = trained(settings, checkpoint)
    network: Network = detector if run is None else partial(_by_file, run)

    return one_by_one(lambda image: _answers(network, settings, names, [image])[0])


def load_frames(settings: YoloxSettings, checkpoint: Path) -> Predictor:
    """`load`, but on the training's device and with all pictures that are given at a time as one batch."""
    detector, names = trained(settings, checkpoint)
    return on_device(detector, settings.device, partial(_answers, settings=settings, names=names))


def trained(settings: YoloxSettings, checkpoint: Path) -> tuple[Detector, list[str]]:
    """The model that the evaluation of `checkpoint` saw, in evaluation mode, and its classes' names."""
    evaluated = "ema" if settings.ema else "model"
    saved = parts(checkpoint, "names", evaluated)
    names: list[str] = saved["names"]
    detector = experiment(settings, len(names)).get_model()
    fill(detector, saved[evaluated], checkpoint)
    return detector, names


def write_weights(settings: YoloxSettings, checkpoint: Path, directory: Path) -> dict[str, str]:
    """Write `WEIGHTS`, which upstream's `--ckpt` takes; returns what it is, by file name."""
    detector, names = trained(settings, checkpoint)
    torch.save({"model": detector.state_dict(), "names": names}, directory / WEIGHTS)
    return {WEIGHTS: f"weights for upstream: `-c yolox_experiment:Tuned -D num_classes={len(names)} --ckpt {WEIGHTS}`"}


def write_onnx(settings: YoloxSettings, checkpoint: Path, directory: Path) -> dict[str, str]:
    """Write the model as ONNX: BGR pixels to 255 in, upstream's predictions (1, N, 5 + C) out, before any threshold."""
    detector, _ = trained(settings, checkpoint)
    example = torch.rand(1, 3, *settings.input_size, generator=torch.Generator().manual_seed(0)) * 255
    return onnx_file.write(detector, {"images": example}, directory, ["predictions"])


def _by_file(run: onnx_file.Run, images: Tensor) -> Tensor:
    return onnx_file.tensors(run, images=images)[0]


def _answers(
    network: Network, settings: YoloxSettings, names: Sequence[str], images: Sequence[Any]
) -> list[dict[str, Any]]:
    pictures = [np.ascontiguousarray(rgb(image)[..., ::-1]) for image in images]
    sizes = [(picture.shape[1], picture.shape[0]) for picture in pictures]
    scaled_pictures = (scaled(picture, settings.input_size) for picture in pictures)
    pixels = [held_out(picture, np.zeros((0, 5)), settings.input_size)[0] for picture in scaled_pictures]
    with torch.no_grad():
        predictions = network(torch.from_numpy(np.stack(pixels)))
    return [
        {
            "boxes": detected.boxes,
            "scores": detected.scores,
            "labels": [names[int(index)] for index in detected.classes],
        }
        for detected in detections(predictions, sizes, len(names), settings)
    ]
