"""A recipe that runs out of the memory of a GPU unless it has one to itself, where Ray counts one and there is none.

Whether torch's own figures mean on a real GPU what is assumed here, no machine without one can tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import ray
import torch

from tests.support.trouble import Trouble, TroubleSettings
from trainables.recipe import Epoch

GREEDY = 0.6
"""Trials with a greater x take more than half."""


class Crowd(Trouble):
    """Takes 30 of 100 GB, and 5 for its context."""

    name: ClassVar[str] = "crowd"

    def train(self, settings: TroubleSettings, data: Any, workdir: Path, resume: Path | None = None) -> Iterator[Epoch]:
        attributes: dict[str, Any] = {
            "is_initialized": True,
            "max_memory_reserved": 30 * 10**9,
            "memory_reserved": 20 * 10**9,
        }
        attributes |= {"mem_get_info": (75 * 10**9, 100 * 10**9), "empty_cache": None, "reset_peak_memory_stats": None}
        for name, value in attributes.items():
            setattr(torch.cuda, name, lambda value=value: value)
        share = ray.get_runtime_context().get_assigned_resources()["GPU"]
        for epoch in super().train(settings, data, workdir, resume):
            if epoch.epoch > 2 and settings.x > GREEDY and share < 1:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            yield epoch


class Greedy(Trouble):
    """Takes more than any GPU has."""

    name: ClassVar[str] = "greedy"

    def train(self, settings: TroubleSettings, data: Any, workdir: Path, resume: Path | None = None) -> Iterator[Epoch]:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 200.00 GiB.")
