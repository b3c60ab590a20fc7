"""The trained few-shot detector on a frame and references of what is sought in it, and its plain weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from trainables.errors import DataError
from trainables.recipe import Predictor
from trainables.refdet.episodes import stacked
from trainables.refdet.evaluation import detections
from trainables.refdet.model import Output, Refdet, query_backbone, reference_encoder
from trainables.refdet.settings import RefdetSettings
from trainables.refdet.video import fitted, stretched
from trainables.vision import onnx_export as onnx_file
from trainables.vision.image_input import rgb
from trainables.vision.inference import fill, one_by_one, parts

WEIGHTS = "weights.pt"
LABEL = "object"


Search = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Frames (1, 3, S, S) and references (1, K, 3, R, R) in [0, 1] to boxes (1, A, 4) in pixels and scores (1, A)."""


def load(settings: RefdetSettings, checkpoint: Path, run: onnx_file.Run | None = None) -> Predictor:
    """The detector of `checkpoint`; frame and references are scaled as for its evaluation, and float32 throughout.

    A picture is a mapping: `frame`, the picture that is searched, and `references`, one or more pictures of what is
    sought in it, all of them used; training has `n_reference`. Every label is "object": what it is, only the references
    say. `run`, if given, runs a file of `write_onnx` in place of the checkpoint's network. The file takes
    `n_reference` references: fewer are repeated, further ones are left out.

    Raises:
        CheckpointError: no checkpoint there, or one of other settings.
    """
    search: Search = _Searching(trained(settings, checkpoint))
    if run is not None:
        search = partial(_searched, run, settings.n_reference)

    return one_by_one(partial(_answer, search, settings))


def trained(settings: RefdetSettings, checkpoint: Path) -> Refdet:
    """The model of `checkpoint` in evaluation mode."""
    saved = parts(checkpoint, "model")
    detector = Refdet(settings, reference_encoder(settings), query_backbone(settings.width))
    fill(detector, saved["model"], checkpoint)
    return detector


def write_weights(settings: RefdetSettings, checkpoint: Path, directory: Path) -> dict[str, str]:
    """Write `WEIGHTS`; returns what it is, by file name."""
    torch.save({"model": trained(settings, checkpoint).state_dict()}, directory / WEIGHTS)
    return {WEIGHTS: '`torch.load("weights.pt")["model"]` is the state dict of `trainables.refdet.model.Refdet`'}


class _Searching(nn.Module):
    """The detector with boxes in pixels and scores, which is all that its predictions take."""

    def __init__(self, detector: Refdet) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, frames: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (1, A, 4) as x1 y1 x2 y2 and scores (1, A)."""
        output: Output = self.detector(frames, references)
        return output.boxes * output.strides, output.logits.sigmoid()


def _searched(run: onnx_file.Run, number: int, frames: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """As `_Searching`, by a file that takes `number` references."""
    shots = references[:, torch.arange(number) % references.shape[1]]
    boxes, scores = onnx_file.tensors(run, frames=frames, references=shots)
    return boxes, scores


def write_onnx(settings: RefdetSettings, checkpoint: Path, directory: Path) -> dict[str, str]:
    """Write the model as ONNX: a frame and references, RGB in [0, 1], in; boxes and scores out, before any threshold.

    It takes as many references as the training had, `n_reference`.
    """
    frames = onnx_file.random_input(1, 3, settings.image_size, settings.image_size)
    side = settings.reference_size
    references = onnx_file.random_input(1, settings.n_reference, 3, side, side)
    model = _Searching(trained(settings, checkpoint)).eval()
    return onnx_file.write(model, {"frames": frames, "references": references}, directory, ["boxes", "scores"])


def _answer(search: Search, settings: RefdetSettings, picture: Any) -> dict[str, Any]:
    sought, references = _opened(picture)
    pixels, scale = fitted(sought, settings.image_size)
    shots = stacked([stretched(Image.fromarray(reference), settings.reference_size) for reference in references])
    with torch.no_grad():
        boxes, scores = search(stacked([pixels]).float() / 255, shots[None].float() / 255)
    detected = detections(boxes[0], scores[0], 0, settings.image_size)
    height, width = sought.shape[:2]
    edges = np.array([width, height] * 2, dtype=np.float32)
    placed = (detected.boxes / np.float32(scale)).clip(0, edges)
    return {"boxes": placed, "scores": detected.scores, "labels": [LABEL] * len(detected.scores)}


def _opened(picture: Any) -> tuple[Any, list[Any]]:
    if not isinstance(picture, Mapping) or not {"frame", "references"} <= picture.keys():
        raise DataError(
            f"refdet: a picture is {type(picture).__name__}; it must be a mapping of frame, the picture to search, and"
            " references, a list of pictures of what is sought"
        )
    references = [rgb(reference) for reference in picture["references"]]
    if not references:
        raise DataError("refdet: references is empty; give at least one picture of what is sought")
    return rgb(picture["frame"]), references
