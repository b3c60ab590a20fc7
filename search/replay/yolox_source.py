"""Trainings of YOLOX's trainer, from its log `train_log.txt`: mean total loss of each epoch, AP where it evaluated."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from search.replay.csv_table import MAX_EPOCH, parse_number
from search.replay.epoch_order import EpochRow
from search.replay.recording import Run
from search.replay.run_arguments import RunArguments
from search.replay.text_file import quoted
from search.replay.trainer_files import Family, Source
from trainables.errors import DataError

METRIC = "map50_95"
NO_OBJECTS = -1.0
"""What COCO's evaluation writes where no object was annotated."""

MAX_LINE = 2000
"""Longer lines are not the trainer's; it also bounds the time of the expressions below."""
_PROGRESS = re.compile(r"epoch: (\d{1,6})/(\d{1,6}), iter: (\d{1,9})/(\d{1,9})", re.ASCII)
_START = re.compile(r"-> start train epoch(\d{1,6})$", re.ASCII)
_LOSS = re.compile(r"total_loss: ([^\s,]+)")
_AP = re.compile(r"\(AP\) @\[ IoU=0\.50:0\.95 \| area=\s*all \| maxDets=100 \] = (-?\d\.\d+)\s*$", re.ASCII)


@dataclass
class _Epoch:
    """One epoch as it is read: the line on which it begins, its number, and what was logged."""

    line: int
    epoch: int
    losses: list[float] = field(default_factory=list)
    value: float | None = None

    def row(self) -> EpochRow:
        """What it comes to."""
        loss = sum(self.losses) / len(self.losses) if self.losses else None
        return EpochRow(self.line, self.epoch, self.value, loss)


def read_train_log(path: Path, source: Source) -> list[tuple[Family, Run]]:
    """The trainings in the log at `path`; more than one if several complete ones were appended.

    Raises:
        DataError: the log cannot be read, or has no epoch.
    """
    if source.metric not in (None, METRIC):
        raise DataError(f"has no column {source.metric!r}; the one that can be compared is {METRIC!r}")
    file = source.read(path)
    # What follows the last line end is empty, or was written by half, so that its last number may be cut.
    epochs, planned = _epochs(file.lines()[:-1])
    if not epochs:
        raise DataError("has no epoch: the training ended before its first line, or this is no log of YOLOX's trainer")
    return source.runs(path, [epoch.row() for epoch in epochs], 1, METRIC, RunArguments(epochs=planned or None))


def _epochs(lines: list[str]) -> tuple[list[_Epoch], int]:
    """The epochs in the order of the log, and how many were planned at the last, 0 if no line says so."""
    epochs: list[_Epoch] = []
    before = planned = 0
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE and len(line.strip("\0")) > MAX_LINE:
            continue
        if (progress := _PROGRESS.search(line)) and (loss := _LOSS.search(line)):
            epoch, planned, iteration = int(progress[1]), int(progress[2]), int(progress[3])
            if not 1 <= epoch <= planned <= MAX_EPOCH:
                raise DataError(f"row {number} is epoch {epoch} of {planned}; it must be from 1 to that number")
            same = bool(epochs) and epochs[-1].epoch == epoch
            if not same or (epochs[-1].losses and iteration <= before):
                epochs.append(_Epoch(number, epoch))
            epochs[-1].losses.append(_loss(number, loss[1]))
            before = iteration
        elif start := _START.search(line):
            # Epochs of few iterations have no other line.
            epochs.append(_Epoch(number, int(start[1])))
        elif epochs and epochs[-1].value is None and (evaluated := _AP.search(line)):
            value = float(evaluated[1])
            epochs[-1].value = None if value == NO_OBJECTS else value
    return epochs, planned


def _loss(number: int, text: str) -> float:
    try:
        loss = parse_number(text)
    except ValueError:
        loss = None
    if loss is None:
        raise DataError(f"row {number}: total_loss is {quoted(text)}; it must be a number")
    return loss
