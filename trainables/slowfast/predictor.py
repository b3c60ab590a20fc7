"""The trained model on clips that no data set holds, and as files for other code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from trainables.errors import DataError
from trainables.recipe import Predictor
from trainables.slowfast.clips import MIDDLE, SPREAD, channels, scaled
from trainables.slowfast.data import COLDEST, HOTTEST
from trainables.slowfast.model import VideoClassifier
from trainables.slowfast.settings import SlowfastSettings
from trainables.slowfast.training import new_network
from trainables.vision import onnx_export as onnx_file
from trainables.vision.inference import fill, parts

WEIGHTS = "weights.pt"
CREATE_RESNET_DEPTHS = (50, 101)
"""Of the depths that the settings allow, those that pytorchvideo's `create_resnet` knows."""


def load(settings: SlowfastSettings, checkpoint: Path, run: onnx_file.Run | None = None) -> Predictor:
    """The network of `checkpoint`; clips (T, H, W) in Celsius, of any length and size, are treated as held-out ones.

    Each gives `label`, the likeliest class, and `scores`, the probability of each class by its name. `run`, if given,
    runs a file of `write_onnx` in place of the checkpoint's network.

    Raises:
        CheckpointError: no checkpoint there, one without class names, or one of other settings.
    """
    network, names, (low, high) = trained(settings, checkpoint)
    resize = v2.Resize(list(settings.input_size), antialias=True)

    def predict(clips: Sequence[Any]) -> list[dict[str, Any]]:
        answers = []
        for number, clip in enumerate(clips):
            frames = scaled(_checked(clip, number), settings.frames, (low, high))
            with torch.no_grad():
                clip_pixels = channels(resize(frames))[None]
                scores = network(clip_pixels) if run is None else onnx_file.tensors(run, images=clip_pixels)[0]
                answers.append(_named(scores[0], names))
        return answers

    return predict


def trained(settings: SlowfastSettings, checkpoint: Path) -> tuple[VideoClassifier, list[str], tuple[float, float]]:
    """The network of `checkpoint` in evaluation mode, its classes' names, and its temperatures that become 0 and 1."""
    saved = parts(checkpoint, "names", "span", "model")
    network = new_network(settings, len(saved["names"]))
    fill(network, saved["model"], checkpoint)
    low, high = saved["span"]
    return network, saved["names"], (low, high)


def write_weights(settings: SlowfastSettings, checkpoint: Path, directory: Path) -> dict[str, str]:
    """Write `WEIGHTS`: a state dict of pytorchvideo's network, and all that is needed to build it and to feed it."""
    network, names, span = trained(settings, checkpoint)
    saved = {"model": network.network.state_dict(), "arguments": network.arguments, "names": names, "span": span}
    torch.save(saved, directory / WEIGHTS)
    takes = f"(1, 3, {settings.frames}, {settings.input_size[0]}, {settings.input_size[1]})"
    return {
        WEIGHTS: f"{_built(settings, network)}; clips {takes}, in each channel the temperature from {span[0]:g} to"
        f" {span[1]:g} as 0 to 1, less {MIDDLE}, over {SPREAD}; {_given(settings)}"
    }


def _built(settings: SlowfastSettings, network: VideoClassifier) -> str:
    """How the network is built that takes the weights."""
    if settings.model == "slow" and settings.depth not in CREATE_RESNET_DEPTHS:
        return 'the `network` of `trainables.slowfast.training.new_network` with these settings takes its "model"'
    pooling = "" if settings.model == "x3d" else ", head_pool=torch.nn.AdaptiveAvgPool3d"
    built = f'pytorchvideo\'s `{network.builder}(**saved["arguments"]{pooling})` takes its "model"'
    if settings.model == "x3d":
        built += ", with `torch.nn.AdaptiveAvgPool3d(1)` in the place of `blocks[5].pool.pool`"
    return built


def _given(settings: SlowfastSettings) -> str:
    """In which form the network is given its clips."""
    slow = f"clips[:, :, ::{settings.alpha}]"
    forms = {"slowfast": f"given as [{slow}, clips]", "slow": f"given as {slow}", "x3d": "given as they are"}
    return forms[settings.model]


def write_onnx(settings: SlowfastSettings, checkpoint: Path, directory: Path) -> dict[str, str]:
    """Write the network as ONNX: a clip (1, 3, T, H, W) scaled as in training in, class scores out."""
    network, _, _ = trained(settings, checkpoint)
    example = onnx_file.random_input(1, 3, settings.frames, *settings.input_size)
    return onnx_file.write(network, {"images": example}, directory, ["scores"])


def _checked(clip: Any, number: int) -> Any:
    try:
        frames = np.asarray(clip, dtype=np.float32)
    except (TypeError, ValueError):  # of words, or of rows of different lengths
        raise DataError(f"clip {number}: is no array of numbers; it must be (frames, height, width)") from None
    if frames.ndim != 3 or 0 in frames.shape:
        raise DataError(f"clip {number}: has the shape {frames.shape}; it must be (frames, height, width)")
    if not np.isfinite(frames).all():
        raise DataError(f"clip {number}: holds a value that is not finite; it must be in Celsius")
    low, high = float(frames.min()), float(frames.max())
    if low < COLDEST or high > HOTTEST:
        raise DataError(f"clip {number}: goes from {low:g} to {high:g}; it must be in Celsius")
    return frames


def _named(scores: Tensor, names: Sequence[str]) -> dict[str, Any]:
    shares = scores.softmax(dim=0).tolist()
    by_name = dict(zip(names, shares, strict=True))
    return {"label": max(by_name, key=by_name.__getitem__), "scores": by_name}
