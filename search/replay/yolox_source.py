"""Trainings of YOLOX's trainer, from its log `train_log.txt`: mean total loss of each epoch, AP where it evaluated."""

from __future__ import annotations

from pathlib import Path

from search.replay.epoch_order import EpochRow
from search.replay.recording import Run
from search.replay.run_arguments import RunArguments
from search.replay.trainer_files import Family, Source
from trainables.errors import DataError
from trainables.logs.yolox_log import METRIC, TrainLog


def read_train_log(path: Path, source: Source) -> list[tuple[Family, Run]]:
    """The trainings in the log at `path`; more than one if several complete ones were appended.

    Raises:
        DataError: the log cannot be read, or has no epoch.
    """
    if source.metric not in (None, METRIC):
        raise DataError(f"has no column {source.metric!r}; the one that can be compared is {METRIC!r}")
    file, log = source.read(path), TrainLog()
    # What follows the last line end is empty, or was written by half, so that its last number may be cut.
    log.add(file.lines()[:-1])
    if not log.epochs:
        raise DataError("has no epoch: the training ended before its first line, or this is no log of YOLOX's trainer")
    rows = [EpochRow(epoch.line, epoch.epoch, epoch.value, epoch.loss) for epoch in log.epochs]
    return source.runs(path, rows, 1, METRIC, RunArguments(epochs=log.planned or None))
