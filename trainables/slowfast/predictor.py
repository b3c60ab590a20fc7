"""The trained model on clips that no data set holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from trainables.errors import CheckpointError, DataError
from trainables.recipe import Predictor
from trainables.slowfast.clips import channels, scaled
from trainables.slowfast.settings import SlowfastSettings
from trainables.slowfast.training import new_network


def load(settings: SlowfastSettings, checkpoint: Path) -> Predictor:
    """The network of `checkpoint`; clips (T, H, W) in Celsius, of any length and size, are treated as held-out ones.

    Each gives `label`, the likeliest class, and `scores`, the probability of each class by its name.

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
    low, high = saved["span"]
    network = new_network(settings, len(names))
    network.load_state_dict(saved["model"])
    network.eval()
    resize = v2.Resize(list(settings.input_size), antialias=True)

    def predict(clips: Sequence[Any]) -> list[dict[str, Any]]:
        found = []
        for number, clip in enumerate(clips):
            frames = scaled(_checked(clip, number), settings.frames, (low, high))
            with torch.no_grad():
                found.append(_named(network(channels(resize(frames))[None])[0], names))
        return found

    return predict


def _checked(clip: Any, number: int) -> Any:
    frames = np.asarray(clip, dtype=np.float32)
    if frames.ndim != 3 or 0 in frames.shape:
        raise DataError(f"clip {number}: has the shape {frames.shape}; it must be (frames, height, width)")
    if not np.isfinite(frames).all():
        raise DataError(f"clip {number}: holds a value that is not finite; it must be in Celsius")
    return frames


def _named(scores: Tensor, names: Sequence[str]) -> dict[str, Any]:
    shares = scores.softmax(dim=0).tolist()
    by_name = dict(zip(names, shares, strict=True))
    return {"label": max(by_name, key=by_name.__getitem__), "scores": by_name}
