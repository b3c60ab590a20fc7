"""torch's process-wide switches for a GPU. They are set while a training computes, and put back afterwards.

So two trainings that take turns in one process do not change each other's switches.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import nn

ModuleT = TypeVar("ModuleT", bound=nn.Module)


@runtime_checkable
class GpuSettings(Protocol):
    """Settings with the fields of `trainables.gpu_settings`."""

    @property
    def channels_last(self) -> bool: ...

    @property
    def tf32(self) -> str: ...

    @property
    def cudnn_benchmark(self) -> bool: ...


@contextmanager
def backends(settings: Any) -> Iterator[None]:
    """Inside the block, torch computes on GPUs as `settings` say; settings without those fields change nothing.

    cuDNN then takes only algorithms that give the same bits each time, unless `cudnn_benchmark` lets it choose by
    speed, which may give another choice in each run.
    """
    if not isinstance(settings, GpuSettings):
        yield
        return
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark, cudnn.deterministic
    cudnn.allow_tf32, matmul.allow_tf32 = settings.tf32 != "none", settings.tf32 == "all"
    cudnn.benchmark, cudnn.deterministic = settings.cudnn_benchmark, not settings.cudnn_benchmark
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark, cudnn.deterministic = before


def placed(model: ModuleT, device: torch.device, settings: GpuSettings) -> ModuleT:
    """`model` on `device`; with `channels_last` the weights of its convolutions lie so, and what they compute too."""
    model.to(device)
    if settings.channels_last:
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                module.to(memory_format=torch.channels_last)
            elif isinstance(module, nn.Conv3d):
                module.to(memory_format=torch.channels_last_3d)
    return model
