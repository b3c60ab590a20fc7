"""The lines of YOLOX's log `train_log.txt`: mean total loss of each epoch, AP where it evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from trainables.errors import DataError
from trainables.logs.csv_table import MAX_EPOCH, parse_number
from trainables.logs.text_file import quoted

METRIC, LOSS = "map50_95", "total_loss"
NO_OBJECTS = -1.0
"""What COCO's evaluation writes where no object was annotated."""

MAX_LINE = 2000
"""Longer lines are not the trainer's; it also bounds the time of the expressions below."""
_PROGRESS = re.compile(r"epoch: (\d{1,6})/(\d{1,6}), iter: (\d{1,9})/(\d{1,9})", re.ASCII)
_START = re.compile(r"-> start train epoch(\d{1,6})$", re.ASCII)
_LOSS = re.compile(r"total_loss: ([^\s,]+)")
_AP = re.compile(r"\(AP\) @\[ IoU=0\.50:0\.95 \| area=\s*all \| maxDets=100 \] = (-?\d\.\d+)\s*$", re.ASCII)


@dataclass
class LogEpoch:
    """One epoch as it is read: the line on which it begins, its number, and what was logged."""

    line: int
    epoch: int
    losses: list[float] = field(default_factory=list)
    value: float | None = None

    @property
    def loss(self) -> float | None:
        """The mean total loss."""
        return sum(self.losses) / len(self.losses) if self.losses else None

    @property
    def values(self) -> dict[str, float]:
        """What was logged, by name."""
        logged = {METRIC: self.value, LOSS: self.loss}
        return {name: value for name, value in logged.items() if value is not None}


class TrainLog:
    """A log as far as it was read.

    Attributes:
        epochs: in the order of the log; an epoch that was begun again is there again.
        planned: how many epochs were planned at the last, 0 if no line says so.
    """

    def __init__(self) -> None:
        self.epochs: list[LogEpoch] = []
        self.planned = 0
        self._iteration = 0
        self._line = 0

    def add(self, lines: Iterable[str]) -> list[LogEpoch]:
        """Take the next lines; returns the epochs of which they say something.

        Raises:
            DataError: a line has an epoch or a loss that cannot be one.
        """
        touched = max(0, len(self.epochs) - 1)
        for line in lines:
            self._line += 1
            if len(line) <= MAX_LINE or len(line.strip("\0")) <= MAX_LINE:
                self._add(line)
        return self.epochs[touched:]

    def _add(self, line: str) -> None:
        epochs = self.epochs
        if (progress := _PROGRESS.search(line)) and (loss := _LOSS.search(line)):
            epoch, self.planned, iteration = int(progress[1]), int(progress[2]), int(progress[3])
            if not 1 <= epoch <= self.planned <= MAX_EPOCH:
                raise DataError(
                    f"row {self._line} is epoch {epoch} of {self.planned}; it must be from 1 to that number"
                )
            same = bool(epochs) and epochs[-1].epoch == epoch
            if not same or (epochs[-1].losses and iteration <= self._iteration):
                epochs.append(LogEpoch(self._line, epoch))
            epochs[-1].losses.append(_loss(self._line, loss[1]))
            self._iteration = iteration
        elif start := _START.search(line):
            # Epochs of few iterations have no other line.
            epochs.append(LogEpoch(self._line, int(start[1])))
        elif epochs and epochs[-1].value is None and (evaluated := _AP.search(line)):
            value = float(evaluated[1])
            epochs[-1].value = None if value == NO_OBJECTS else value


def _loss(number: int, text: str) -> float:
    try:
        loss = parse_number(text)
    except ValueError:
        loss = None
    if loss is None:
        raise DataError(f"row {number}: total_loss is {quoted(text)}; it must be a number")
    return loss
