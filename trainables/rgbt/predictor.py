"""The trained RGBT detector on pairs of any size, and its weights in Ultralytics' form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from ultralytics.cfg import get_cfg
from ultralytics.data.augment import LetterBox
from ultralytics.nn.tasks import DetectionModel

from trainables.errors import DataError
from trainables.recipe import Predictor
from trainables.rgbt.data import stacked
from trainables.rgbt.evaluation import blank_thermal, detections
from trainables.rgbt.fusion import STEMS
from trainables.rgbt.model import build, first_filters
from trainables.rgbt.settings import RgbtSettings
from trainables.rgbt.training import arguments
from trainables.vision import onnx_export as onnx_file
from trainables.vision.decode import decode_grey
from trainables.vision.image_input import planes, rgb
from trainables.vision.inference import fill, on_device, one_by_one, parts

WEIGHTS, STATE = "weights.pt", "weights_state.pt"


Network = Callable[[Tensor], Tensor]
"""Pairs (1, 4, S, S) in [0, 1] to rows (1, D, 6) of x1 y1 x2 y2 score class, best first."""


def load(settings: RgbtSettings, checkpoint: Path, run: onnx_file.Run | None = None) -> Predictor:
    """The detector of `checkpoint` as its evaluation has it: the EMA, on pairs scaled and padded alike, in float32.

    A pair is an array (height, width, 4) uint8 of the planes R G B T, or two of one size: an RGB picture and its
    thermal one, each a file or an array, the thermal (height, width) of 8 or 16 bits. `run`, if given, runs a file
    of `write_onnx` in place of the checkpoint's network.

    Raises:
        CheckpointError: no checkpoint there, one without class names, or one of other settings.
    """
    detector, names = trained(settings, checkpoint)

    def network(pairs: Tensor) -> Tensor:
        if run is None:
            detections: Tensor = detector(blank_thermal(pairs) if settings.modality == "rgb" else pairs)[0]
        else:
            detections = detector.model[-1].postprocess(torch.cat(onnx_file.tensors(run, images=pairs), dim=-1))
        return detections

    return one_by_one(lambda image: _answers(network, settings, names, [image])[0])


def load_frames(settings: RgbtSettings, checkpoint: Path) -> Predictor:
    """`load`, but on the training's device and with all pairs that are given at a time as one batch."""
    detector, names = trained(settings, checkpoint)
    answers = partial(_answers, settings=settings, names=names)
    seen = blank_thermal if settings.modality == "rgb" else None
    return on_device(detector, settings.device, answers, before=seen, after=lambda outputs: outputs[0])


def trained(settings: RgbtSettings, checkpoint: Path) -> tuple[DetectionModel, list[str]]:
    """The EMA of `checkpoint` in evaluation mode, and its classes' names."""
    saved = parts(checkpoint, "names", "ema")
    names: list[str] = saved["names"]
    detector = build(settings, tuple(names), get_cfg(overrides=arguments(settings)), None)
    fill(detector, saved["ema"], checkpoint)
    return detector, names


def write_weights(settings: RgbtSettings, checkpoint: Path, directory: Path) -> dict[str, str]:
    """Write `WEIGHTS`, which `ultralytics.YOLO` loads, or `STATE` if the stem is ours; returns what it is, by name.

    A gated stem, or one with attention, is a class of ours that Ultralytics would have to import, so there its weights
    come as a state dict. Two streams are made of Ultralytics' own modules.
    Where the training never saw the thermal plane, the filters on it are 0: the file is blind to it by itself.
    """
    detector, names = trained(settings, checkpoint)
    clahe = " after CLAHE of the thermal plane" if settings.thermal_clahe else ""
    if settings.fusion in STEMS:
        torch.save({"model": detector.state_dict(), "names": names}, directory / STATE)
        stem = f"Ultralytics has no stem with fusion {settings.fusion}"
        return {STATE: f"state dict of `trainables.rgbt.model.build`: {stem}; R G B T{clahe}"}
    if settings.modality == "rgb":  # filters of 0 do what blanking the thermal plane does
        with torch.no_grad():
            first_filters(detector)[-1][:, -1] = 0
    detector.requires_grad_(False)
    saved = {"model": detector, "train_args": {"imgsz": settings.image_size, "task": "detect"}}
    torch.save(saved, directory / WEIGHTS)
    return {WEIGHTS: f'`ultralytics.YOLO("{WEIGHTS}")` loads it; its pictures are arrays (h, w, 4), R G B T{clahe}'}


class _Decoded(nn.Module):
    """The detector with boxes decoded and none left out; blind to the thermal plane where its training was."""

    def __init__(self, detector: DetectionModel, modality: str) -> None:
        super().__init__()
        self.detector, self.modality = detector, modality
        # Else the head returns its best boxes alone, and of almost equal scores another runtime takes others.
        detector.model[-1].postprocess = lambda rows: rows

    def forward(self, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (1, A, 4) as x1 y1 x2 y2 and scores (1, A, classes), for `pairs` (1, 4, S, S) in [0, 1]."""
        rows: Tensor = self.detector(blank_thermal(pairs) if self.modality == "rgb" else pairs)[0]
        return rows[..., :4], rows[..., 4:]


def write_onnx(settings: RgbtSettings, checkpoint: Path, directory: Path) -> dict[str, str]:
    """Write the model as ONNX: R G B T in [0, 1] in; boxes and scores by class out, before any threshold."""
    detector, _ = trained(settings, checkpoint)
    decoded = _Decoded(detector, settings.modality).eval()
    example = onnx_file.random_input(1, 4, settings.image_size, settings.image_size)
    return onnx_file.write(decoded, {"images": example}, directory, ["boxes", "scores"])


def _answers(
    network: Network, settings: RgbtSettings, names: Sequence[str], images: Sequence[Any]
) -> list[dict[str, Any]]:
    prepared = [_prepared(settings, image) for image in images]
    batch = torch.from_numpy(np.stack([planes for planes, _, _ in prepared])).float() / 255
    with torch.no_grad():
        rows = network(batch)
    return [
        _answer(detections.float(), settings.image_size, inside, size, names)
        for detections, (_, inside, size) in zip(rows, prepared, strict=True)
    ]


def _prepared(settings: RgbtSettings, image: Any) -> tuple[NDArray[np.uint8], tuple[int, int], tuple[int, int]]:
    """The planes (4, S, S) of a pair, and its height and width in them and on disk."""
    colours, thermal = _opened(image)
    height, width = thermal.shape
    pixels, _ = stacked(colours, thermal, settings.image_size, settings.thermal_clahe)
    side = settings.image_size
    padded = LetterBox(new_shape=(side, side), scaleup=False)(image=pixels)
    return np.ascontiguousarray(padded.transpose(2, 0, 1)), (pixels.shape[0], pixels.shape[1]), (height, width)


def _answer(
    rows: Tensor, side: int, inside: tuple[int, int], size: tuple[int, int], names: Sequence[str]
) -> dict[str, Any]:
    height, width = size
    detected = detections(rows)
    top, left = (round((side - length) / 2 - 0.1) for length in inside)  # as LetterBox centres
    scale = np.array([width / inside[1], height / inside[0]] * 2, dtype=np.float32)
    boxes = (detected.boxes - np.array([left, top] * 2, dtype=np.float32)) * scale
    edges = np.array([width, height] * 2, dtype=np.float32)
    return {
        "boxes": boxes.clip(0, edges),
        "scores": detected.scores,
        "labels": [names[int(index)] for index in detected.classes],
    }


def _opened(image: Any) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """RGB (h, w, 3) and thermal (h, w)."""
    if isinstance(image, np.ndarray):
        four = planes(image, channels=4)
        return four[..., :3], np.ascontiguousarray(four[..., 3])
    if not isinstance(image, (tuple, list)) or len(image) != 2:
        raise DataError(
            f"rgbt: a pair is a {type(image).__name__}; it must be an array (height, width, 4) of R G B T, or two"
            " pictures: an RGB one and its thermal one"
        )
    colours, thermal = rgb(image[0]), _thermal(image[1])
    if colours.shape[:2] != thermal.shape:
        raise DataError(
            f"rgbt: the thermal picture is {thermal.shape}, but its RGB one {colours.shape[:2]}; the two must be"
            " registered, so of one size"
        )
    return colours, thermal


def _thermal(picture: Any) -> NDArray[np.uint8]:
    if isinstance(picture, (str, Path)):
        return decode_grey(Path(picture))
    plane = np.asarray(picture)
    if plane.dtype not in (np.uint8, np.uint16) or plane.ndim != 2:
        raise DataError(
            f"rgbt: a thermal picture has shape {plane.shape} and type {plane.dtype}; it must be (height, width) of"
            " uint8 or uint16"
        )
    return np.ascontiguousarray(plane >> 8 if plane.dtype == np.uint16 else plane).astype(np.uint8)
