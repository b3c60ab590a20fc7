"""The GPU that a process trains on, and what it takes of its memory."""

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
    """Of a GPU, in bytes.

    Attributes:
        peak, reserved: the most that this process' tensors took with what torch keeps ready for them, and the same now.
        used: by all processes now, contexts and libraries too.
        total: all there is.
    """

    peak: int
    reserved: int
    used: int
    total: int

    @property
    def need(self) -> int:
        """The most that this process took, its context and libraries with it, if it had the GPU to itself."""
        return self.peak + self.used - self.reserved


def memory() -> Memory | None:
    """Of the GPU that this process uses; None if it uses none."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return None
    free, total = torch.cuda.mem_get_info()
    return Memory(torch.cuda.max_memory_reserved(), torch.cuda.memory_reserved(), total - free, total)


def release() -> None:
    """Give back what a training that has ended took: torch would keep it, and those who share the GPU lack it.

    What is measured from then on is the next one's peak.
    """
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def gpu_names() -> list[str]:
    """The GPUs that torch can use, by name."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [torch.cuda.get_device_name(index) for index in range(count)]
