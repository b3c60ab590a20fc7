"""Weights of a model that was saved as a pickled object, without running anything that the file says.

Ultralytics saves whole models. Unpickling one calls what the file names, so a file from elsewhere could run any code.
Here torch's weights-only reader reads it, with an inert stand-in for whatever the file names beyond tensors.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from trainables.torch_file import check_archive, check_tensors


class _StandIn:
    """In the place of an object of another program: takes its attributes, does nothing."""

    def __init__(self, *_: Any) -> None: ...

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)


def load_pickled(path: Path) -> Any:
    """What `torch.save` wrote to the file at `path`, with stand-ins for the objects that are no tensors.

    Raises:
        Exception: what `check_archive` raises, or torch for a broken file, one of before torch 1.6, or one that names
            the system's modules.
    """
    check_archive(path)
    named = get_unsafe_globals_in_checkpoint(str(path))
    with safe_globals([(_StandIn, name) for name in named]):
        return torch.load(path, map_location="cpu", weights_only=True)


def weights_in(saved: Any) -> dict[str, Tensor]:
    """The state dict of an Ultralytics checkpoint's model: its EMA if it has one; empty if it holds no model."""
    models = [saved.get(name) for name in ("ema", "model")] if isinstance(saved, dict) else []
    model = next((candidate for candidate in models if isinstance(candidate, _StandIn)), None)
    return {name: value.float() if value.is_floating_point() else value for name, value in _tensors(model, "")}


def class_names_in(saved: Any) -> dict[int, str]:
    """The class names of an Ultralytics checkpoint's model; empty if it says none."""
    models = [saved.get(name) for name in ("ema", "model")] if isinstance(saved, dict) else []
    names = next((vars(model).get("names") for model in models if isinstance(model, _StandIn)), None)
    return {int(key): str(name) for key, name in names.items()} if isinstance(names, dict) else {}


def _tensors(module: Any, prefix: str) -> Iterator[tuple[str, Tensor]]:
    """As `torch.nn.Module.state_dict` names them."""
    attributes = vars(module) if isinstance(module, _StandIn) else {}
    passing = attributes.get("_non_persistent_buffers_set", set())
    for kind in ("_parameters", "_buffers"):
        for name, value in attributes.get(kind, {}).items():
            if isinstance(value, Tensor) and not (kind == "_buffers" and name in passing):
                check_tensors(value, Path(f"weights {prefix}{name}"))
                yield f"{prefix}{name}", value.detach()
    for name, child in attributes.get("_modules", {}).items():
        yield from _tensors(child, f"{prefix}{name}.")
