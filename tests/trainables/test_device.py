"""What a process takes of a GPU's memory, read from a stand-in for torch's allocator."""

from __future__ import annotations

import pytest
import torch

from search.execution.epoch_event import epoch_done
from trainables import device
from trainables.recipe import Epoch

GB = 10**9


class Allocator:
    """Of torch on a GPU of 24 GB, of which other processes and the context take 2."""

    def __init__(self) -> None:
        self.taken = self.peak = 0

    def take(self, size: int) -> None:
        """Tensors of so many bytes are made."""
        self.taken += size
        self.peak = max(self.peak, self.taken)

    def empty_cache(self) -> None:
        self.taken = 0

    def reset_peak_memory_stats(self) -> None:
        self.peak = self.taken


@pytest.fixture
def allocator(monkeypatch: pytest.MonkeyPatch) -> Allocator:
    held = Allocator()
    for name, function in {
        "is_initialized": lambda: True,
        "memory_reserved": lambda: held.taken,
        "max_memory_reserved": lambda: held.peak,
        "mem_get_info": lambda: (22 * GB - held.taken, 24 * GB),
        "empty_cache": held.empty_cache,
        "reset_peak_memory_stats": held.reset_peak_memory_stats,
    }.items():
        monkeypatch.setattr(torch.cuda, name, function)
    return held


def test_a_process_needs_its_peak_and_its_context(allocator: Allocator) -> None:
    allocator.take(8 * GB)
    allocator.taken = 3 * GB
    assert device.memory() == device.Memory(peak=8 * GB, reserved=3 * GB, used=5 * GB, total=24 * GB)
    assert device.Memory(8 * GB, 3 * GB, 5 * GB, 24 * GB).need == 10 * GB


def test_an_epochs_event_holds_the_peak_of_its_own_training(allocator: Allocator) -> None:
    epoch = Epoch(1, "main", {}, {}, {}, {}, save=lambda directory: None)
    allocator.take(8 * GB)
    assert epoch_done(0, epoch, ended=0.0).gpu_bytes == 8 * GB
    device.release()
    allocator.take(5 * GB)
    assert epoch_done(1, epoch, ended=0.0).gpu_bytes == 5 * GB


def test_without_a_gpu_there_is_no_peak() -> None:
    assert device.memory() is None
    device.release()
    assert epoch_done(0, Epoch(1, "main", {}, {}, {}, {}, save=lambda directory: None), ended=0.0).gpu_bytes is None
