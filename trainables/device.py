"""The GPU that a process trains on, and how much of its memory the process takes."""

from __future__ import annotations

import gc
from dataclasses import dataclass

import torch


def device(name: str) -> torch.device:
    """What a recipe's setting `device` means: auto is the first GPU if there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


@dataclass(frozen=True)
class Memory:
    """The memory of a GPU, in bytes.

    Attributes:
        reserved: what torch has reserved in this process now, for tensors and ready for more.
        peak: the most that it had reserved.
        used: what all processes take now, their contexts and libraries included.
        total: all memory of the GPU.
    """

    peak: int
    reserved: int
    used: int
    total: int

    @property
    def need(self) -> int:
        """The most that this process took, with its context and libraries, if it had the GPU to itself."""
        return self.peak + self.used - self.reserved


def memory() -> Memory | None:
    """The memory of the GPU that this process uses; None if it uses none."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return None
    free, total = torch.cuda.mem_get_info()
    return Memory(torch.cuda.max_memory_reserved(), torch.cuda.memory_reserved(), total - free, total)


def release() -> None:
    """Free the GPU memory of a training that has ended: torch would keep it, and other trials on the GPU would lack it.

    The peak is measured anew from then on.
    """
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def gpu_names() -> list[str]:
    """The GPUs that torch can use, by name."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [torch.cuda.get_device_name(index) for index in range(count)]
