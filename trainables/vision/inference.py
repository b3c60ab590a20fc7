"""The model of a checkpoint, for inference: what its training left, put into a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

import trainables.device
from trainables.errors import CheckpointError
from trainables.loop import STATE, read
from trainables.recipe import Predictor


def parts(checkpoint: Path, *names: str) -> dict[str, Any]:
    """What `Training.state` put into the directory `checkpoint`, with `names` surely among it.

    Raises:
        CheckpointError: no checkpoint there, a damaged one, or one without a part (written by an older version).
    """
    saved = dict(read(checkpoint)["training"])
    for name in names:
        if name not in saved:
            raise CheckpointError(f"{checkpoint / STATE}: has no {name}; an older version wrote it, so train again")
    return saved


def fill(model: torch.nn.Module, state: Mapping[str, Any], checkpoint: Path) -> None:
    """Put the weights `state` of `checkpoint` into `model`, which then is in evaluation mode.

    Raises:
        CheckpointError: they are of a model of other settings.
    """
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        first = " ".join(str(error).split("\n\t")[:2])
        raise CheckpointError(
            f"{checkpoint}: is not of a training with these settings ({first}); give the settings it was trained with"
        ) from None
    model.eval()


def one_by_one(answer: Callable[[Any], dict[str, Any]]) -> Predictor:
    """A predictor that gives each picture its own answer: in a batch, one's could depend on the others' sizes."""
    return lambda images: [answer(image) for image in images]


def on_device(
    detector: torch.nn.Module,
    device: str,
    answers: Callable[..., list[dict[str, Any]]],
    before: Callable[[torch.Tensor], torch.Tensor] | None = None,
    after: Callable[[Any], Any] | None = None,
) -> Predictor:
    """A predictor whose network runs on a training's device.

    Args:
        detector: the network.
        device: as the recipe's setting has it.
        answers: takes the network and pictures.
        before: what is done to the network's input.
        after: what is done to what it returns.
    """
    chosen = trainables.device.device(device)
    placed = detector.to(chosen)

    def network(images: torch.Tensor) -> Any:
        moved = images.to(chosen)
        outputs = placed(before(moved) if before else moved)
        return after(outputs) if after else outputs

    return lambda images: answers(network, images=images)
