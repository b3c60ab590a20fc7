"""Makes the journal's event of an epoch."""

from __future__ import annotations

import sys
from pathlib import Path

from search.execution.step_losses import line, spread
from search.journal.events import EpochDone
from trainables import checkpoint
from trainables.recipe import Epoch


def epoch_done(trial: int, epoch: Epoch, ended: float, saved: Path | None = None) -> EpochDone:
    """The event of an epoch that ended at the time `ended`; `saved` is its checkpoint, if one was written since."""
    return EpochDone(
        trial=trial,
        epoch=epoch.epoch,
        phase=epoch.phase,
        metrics=dict(epoch.metrics),
        losses=dict(epoch.losses),
        rates=dict(epoch.rates),
        seconds=dict(epoch.seconds),
        # Not the start of the step: the first step of a process imports torch and opens the data set before its epoch.
        began=ended - sum(epoch.seconds.values()),
        checkpoint=saved.name if saved else "",
        bytes=checkpoint.size_bytes(saved) if saved else 0,
        alarm=epoch.alarm.reason if epoch.alarm else "",
        alarm_detail=epoch.alarm.detail if epoch.alarm else "",
        remark=epoch.remark,
        spread=spread(epoch.steps),
        steps=line(epoch.steps) if epoch.steps else None,
        gpu_bytes=_gpu_bytes(),
    )


def _gpu_bytes() -> int | None:
    if "torch" not in sys.modules:  # not every recipe needs it
        return None
    from trainables.device import memory

    gpu_memory = memory()
    return gpu_memory.peak if gpu_memory else None
