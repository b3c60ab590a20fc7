"""Ultralytics' trainer as one of several processes that share each batch, on a GPU each or on the CPU.

What the trainer does then is its own: each process computes its part of a batch, gradients are averaged, the evaluation
is shared, the first process reports. It does so on GPUs only, so a CPU is told to it here.
"""

from __future__ import annotations

import os
from typing import Any
from unittest.mock import patch

import torch
from torch.nn.parallel import DistributedDataParallel

from trainables.errors import SettingsError
from trainables.rank import Rank
from trainables.ultralytics.settings import UltralyticsSettings


def devices(settings: UltralyticsSettings, rank: Rank) -> str:
    """What Ultralytics takes as `device`: "cpu", or "0,1" for two processes with a GPU each.

    Raises:
        SettingsError: there are fewer GPUs than processes.
    """
    if settings.device == "cpu" or not torch.cuda.is_available():
        return "cpu"
    if (count := torch.cuda.device_count()) < rank.count:
        raise SettingsError(
            f"ultralytics: processes is {rank.count}, but this training has {count} GPU{'s' * (count > 1)}; give it as"
            f" many with gpus: {rank.count}, or set device=cpu"
        )
    torch.cuda.set_device(rank.number)
    return ",".join(map(str, range(rank.count)))


def join(trainer: Any, rank: Rank) -> None:
    """Have `trainer`, which was just made, train as the process `rank`."""
    is_cpu = trainer.device.type == "cpu"
    set_up = trainer._setup_train

    def meet() -> None:
        """Stands for the trainer's `_setup_ddp`, which knows GPUs only and meets at a port of this machine."""
        if not is_cpu:
            trainer.device = torch.device("cuda", rank.number)
            trainer.accelerator.set_device(rank.number)
            os.environ["TORCH_NCCL_BLOCKING_WAIT"] = "1"  # as in `_setup_ddp`
        rank.join(trainer.device.type)

    def set_up_on_cpu() -> None:
        with patch("torch.nn.parallel.DistributedDataParallel", OnCpu):
            set_up()

    trainer.world_size = rank.count  # 0 on a CPU
    trainer._setup_ddp = meet
    if is_cpu:
        trainer._setup_train = set_up_on_cpu
    if rank.number > 0:  # the first one has called it
        trainer.run_callbacks("on_pretrain_routine_start")


class OnCpu(DistributedDataParallel):
    """Takes the arguments for a GPU."""

    def __init__(self, module: torch.nn.Module, device_ids: list[int | None], **others: Any) -> None:
        super().__init__(module, **others)
