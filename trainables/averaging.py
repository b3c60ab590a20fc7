"""One checkpoint of several trainings of the same network: its weights are their mean.

Wortsman et al. 2022 ("Model soups") average fine-tuned models that began with the same weights. Between trainings that
began with different random ones the loss is usually high: their mean is then no model (Frankle et al. 2020).
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from trainables.errors import CheckpointError
from trainables.identity import averaged_identity
from trainables.loop import SETTINGS, STATE, read

WEIGHTS = ("model", "ema")
"""What trainings call their network's weights, and the moving average of these."""


def write_average(checkpoints: Sequence[Path], directory: Path, parts: Collection[str] = WEIGHTS) -> None:
    """Write the average of `checkpoints` of looped recipes into the empty `directory`.

    Floating-point weights are averaged, batch-norm's statistics too; everything else, batch-norm's counters and the
    settings among it, is the first one's. No training goes on from it.

    Args:
        checkpoints: directories that `Epoch.save` of trainings of one configuration wrote; at least one.
        directory: exists.
        parts: names in the trainings' state, at any depth, whose tensors are averaged.

    Raises:
        CheckpointError: one is incomplete, or they are of networks of different sizes.
    """
    saved = [read(checkpoint) for checkpoint in checkpoints]
    try:
        training = _mean([state["training"] for state in saved], parts, inside=False)
    except (KeyError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise CheckpointError(
            f"{checkpoints[0]} and {checkpoints[-1]}: are not of one configuration, so they have no mean ({first})"
        ) from None
    name = averaged_identity(str(saved[0]["identity"]), len(saved))
    buffer = io.BytesIO()
    torch.save({"epoch": saved[0]["epoch"], "identity": name, "training": training}, buffer)
    (directory / STATE).write_bytes(buffer.getbuffer())
    (directory / SETTINGS).write_bytes((checkpoints[0] / SETTINGS).read_bytes())


def _mean(values: Sequence[Any], parts: Collection[str], inside: bool) -> Any:
    """The mean of the tensors in the mappings `values` that are `inside` weights; of all else the first one's."""
    first = values[0]
    if isinstance(first, Mapping):
        return {key: _mean([value[key] for value in values], parts, inside or key in parts) for key in first}
    if not inside or not isinstance(first, torch.Tensor) or not first.is_floating_point():
        return first
    # In double precision, so that the mean of equal weights is these, bit by bit.
    return torch.stack([value.double() for value in values]).mean(dim=0).to(first.dtype)
