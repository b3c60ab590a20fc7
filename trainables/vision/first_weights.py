"""First weights of a model from a file, checked before they are loaded.

Where weights were asked for, a training never starts from random ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainables.errors import CheckpointError, SteadytuneError
from trainables.torch_file import load_torch
from trainables.vision.inference import parts


def downloaded_file(address: str) -> Path:
    """Where torch keeps what it has downloaded from `address`."""
    return Path(torch.hub.get_dir()) / "checkpoints" / address.rpartition("/")[2]


def downloaded(address: str, owner: str, setting: str) -> Path:
    """The file at `address`, downloaded into torch's own cache unless it is there.

    Args:
        address: its URL.
        owner: begins the complaint, such as "refdet: weights yolov8n".
        setting: the one that may name a file instead.

    Raises:
        CheckpointError: no network, or no room.
    """
    path = downloaded_file(address)
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(address, str(path), progress=False)
    except OSError as error:
        raise CheckpointError(
            f"{owner}: {address} cannot be downloaded ({error}); fetch it elsewhere and set {setting} to the file, or"
            f" set {setting}: none"
        ) from None
    return path


def read_weights(path: Path, owner: str, *, missing: str, broken: str, load: Callable[[Path], Any] = load_torch) -> Any:
    """What `load` reads from the file at `path`.

    Args:
        path: file.
        owner: begins the complaint, such as "yolox: weights yolox.pth".
        missing: ends it if there is no such file: what to give instead.
        broken: ends it if the file cannot be read.
        load: reads the file; may raise anything.

    Raises:
        CheckpointError: one of the two.
    """
    if not path.exists():
        raise CheckpointError(f"{owner}: no such file; {missing}")
    try:
        return load(path)
    except SteadytuneError as error:  # a decompression bomb, or no file
        raise CheckpointError(f"{owner.partition(':')[0]}: {error}") from None
    except Exception as error:  # torch raises whatever unpickling a broken file runs into
        raise CheckpointError(f"{owner}: cannot be read ({type(error).__name__}); {broken}") from None


def check_state_dict(state: Any, owner: str) -> dict[str, Tensor]:
    """`state`, if it is a state dict with at least one tensor and nothing but tensors.

    Raises:
        CheckpointError: it is not.
    """
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{owner}: is no state dict of tensors; save model.state_dict()")
    return dict(state)


def check_shapes(
    state: Mapping[str, Tensor], expected: Mapping[str, Tensor], owner: str, fix: str, prefix: str = ""
) -> None:
    """Whether `state` has the names and shapes of `expected`.

    Args:
        state: weights from elsewhere.
        expected: those of the model that they are for.
        owner: begins the complaint.
        fix: ends it.
        prefix: of the names in the complaint, as the user's file has them.

    Raises:
        CheckpointError: naming the first weight, by its name, that one of the two lacks or has in another shape.
    """
    for name in sorted(state.keys() | expected.keys()):
        shapes = [tuple(table[name].shape) if name in table else "nothing" for table in (state, expected)]
        if shapes[0] != shapes[1]:
            raise CheckpointError(f"{owner}: {prefix}{name} is {shapes[0]}, but the model has {shapes[1]}; {fix}")


def load_earlier(
    model: nn.Module, checkpoint: Path, names: Sequence[str], *, of_classes: str, owner: str, fix: str
) -> None:
    """Fill `model` with what an earlier training of the same recipe left in the directory `checkpoint`.

    These are the weights that its evaluation saw, the moving average where there is one. Those of the classes are left
    as they are unless both have the same classes in the same order.

    Args:
        model: whole, with its head.
        checkpoint: a directory that an `Epoch.save` wrote.
        names: the classes of `model`.
        of_classes: pattern of the names of the weights that belong to classes.
        owner: begins the complaint.
        fix: ends it.

    Raises:
        CheckpointError: there is no checkpoint, or one of a model of another size.
    """
    saved = parts(checkpoint, "names", "model")
    same_classes = list(saved["names"]) == list(names)

    def loadable(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: value for name, value in weights.items() if same_classes or not re.match(of_classes, name)}

    weights, expected = loadable(saved.get("ema", saved["model"])), loadable(model.state_dict())
    check_shapes(weights, expected, owner, fix)
    model.load_state_dict(weights, strict=False)
