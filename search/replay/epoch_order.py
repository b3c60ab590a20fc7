"""Rows of a recorded training in the order of their epochs, and the trainings that one file holds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from search.pruning.curve import Curve, Point
from search.replay.recording import Mode, Run
from trainables.errors import DataError

Remark = Callable[[str], None]
"""Takes a sentence on what was left out, or on how something was read."""


@dataclass(frozen=True, slots=True)
class EpochRow:
    """What one row says.

    Attributes:
        row: its number in the file, from 1.
        epoch: as the file counts, from 0 or 1.
        value, loss, held_out, phase: see `Point`.
        seconds: the epoch's wall time; None if it is not known.
        cells: all of the row, by which one that was written twice is recognised.
    """

    row: int
    epoch: int
    value: float | None
    loss: float | None
    held_out: float | None = None
    seconds: float | None = None
    phase: str = "main"
    cells: tuple[str, ...] = ()


def in_order(rows: Sequence[EpochRow]) -> list[EpochRow]:
    """`rows` by epoch.

    Raises:
        DataError: an epoch is given twice.
    """
    ordered = sorted(rows, key=lambda row: (row.epoch, row.row))
    for before, after in pairwise(ordered):
        if before.epoch == after.epoch:
            raise DataError(
                f"row {after.row}: epoch {after.epoch} is given again, row {before.row} has it too; each epoch of a "
                "run may be given once"
            )
    return ordered


def first_epoch(rows: Sequence[EpochRow]) -> int:
    """What a file calls its first epoch: 0 or 1."""
    return 0 if min(row.epoch for row in rows) == 0 else 1


def split_attempts(rows: Sequence[EpochRow], first: int, where: str, remark: Remark) -> list[list[EpochRow]]:
    """The trainings that were written to one file one after another, each by epoch; `first` is their first epoch.

    If the first epoch comes again, another training begins. If a later one comes again, the training was resumed, and
    the rows that are replaced are dropped. A row that repeats another word for word is dropped too.

    Raises:
        DataError: epochs are given twice and in no order, so that it is not known which of them belong together.
    """
    rows = _without_copies(rows, where, remark)
    if len({row.epoch for row in rows}) == len(rows):
        return [in_order(rows)]
    attempts: list[list[EpochRow]] = [[]]
    resumptions = 0
    for row in rows:
        attempt = attempts[-1]
        expected = attempt[-1].epoch + 1 if attempt else first
        if row.epoch == expected:
            attempt.append(row)
        elif row.epoch == first:
            attempts.append([row])
        elif first < row.epoch < expected:
            resumptions += 1
            remark(
                f"{where}: row {row.row} gives epoch {row.epoch} again: the training was resumed there, and the rows "
                "that it replaces do not count"
            )
            del attempt[row.epoch - first :]
            attempt.append(row)
        else:
            raise DataError(
                f"row {row.row} is epoch {row.epoch}, where {expected} should follow: epochs are given twice and in "
                "no order, so it is not known which of them make one training"
            )
    if 2 * resumptions >= max(map(len, attempts)):
        raise DataError(f"{resumptions} times an epoch is given again, as if two trainings wrote to it at a time")
    return attempts


def _without_copies(rows: Sequence[EpochRow], where: str, remark: Remark) -> list[EpochRow]:
    unique: dict[tuple[int, tuple[str, ...]], EpochRow] = {}
    copies: list[EpochRow] = []
    for row in rows:
        # Rows without cells are made from several lines and never copies.
        key = (row.epoch, row.cells or (str(row.row),))
        if key in unique:
            copies.append(row)
        else:
            unique[key] = row
    if copies:
        remark(
            f"{where}: {len(copies)} rows repeat an earlier one word for word and are read once; the first is row "
            f"{copies[0].row}"
        )
    return list(unique.values())


def complete_attempts(
    attempts: list[list[EpochRow]], planned: int | None, first: int, where: str, remark: Remark
) -> list[list[EpochRow]]:
    """The last of `attempts`, and those before it that reached the end of their `planned` epochs.

    Without `planned`, the length of the longest attempt is taken.

    Raises:
        DataError: the last one has more epochs than were planned.
    """
    lengths = [attempt[-1].epoch - first + 1 for attempt in attempts]
    planned = planned or max(lengths)
    complete = []
    for attempt, length, following in zip(attempts, lengths, [*attempts[1:], None], strict=True):
        if following is None:
            if length > planned:
                raise DataError(f"row {attempt[-1].row} is epoch {length} of {planned} that were planned")
            complete.append(attempt)
            continue
        restart = f"row {following[0].row} begins again at epoch {following[0].epoch}"
        rows = f"rows {attempt[0].row} to {attempt[-1].row}"
        if length == planned:
            complete.append(attempt)
            remark(f"{where}: {restart}: {rows} are read as a training of the same data and length")
        else:
            remark(
                f"Left out: {where}: {restart}; {rows} are another training, which ended at epoch {length} of {planned}"
            )
    return complete


def make_run(
    name: str, rows: Sequence[EpochRow], first: int, mode: Mode, settings: dict[str, Any] | None = None
) -> Run:
    """The run of `rows`, which are by epoch; epochs without a row count as trained and not evaluated.

    Its epochs are numbered from 1. Seconds that are not known are 0 (see `with_seconds`).

    Raises:
        DataError: the first rows are missing, or no row was evaluated.
    """
    gaps = [after.epoch - before.epoch for before, after in pairwise(rows)]
    late = rows[0].epoch - first
    # Evaluated every fifth epoch, it may begin at epoch 5; with a row for each epoch, it may not.
    if late and late >= min(gaps, default=1):
        raise DataError(f"begins at epoch {rows[0].epoch}; the epochs before it are not in this file")
    if all(row.value is None for row in rows) and not any(_diverged(row.loss) for row in rows):
        raise DataError("no epoch has a value of the metric")
    points: list[Point] = []
    seconds: list[float] = []
    for row in rows:
        epoch = row.epoch - first + 1
        points += [Point(missing, None, None, None, row.phase) for missing in range(len(points) + 1, epoch)]
        points.append(Point(epoch, row.value, row.loss, row.held_out, row.phase))
        seconds += [0.0] * (epoch - 1 - len(seconds)) + [row.seconds or 0.0]
    return Run(name, Curve(mode, points), tuple(seconds), settings or {})


def _diverged(loss: float | None) -> bool:
    return loss is not None and not math.isfinite(loss)


def with_seconds(runs: Sequence[Run]) -> tuple[Run, ...]:
    """`runs` with the median time of an epoch where it is not known: 1 second if none is."""
    times = [seconds for run in runs for seconds in run.seconds if seconds > 0]
    usual = statistics.median_low(times) if times else 1.0
    return tuple(replace(run, seconds=tuple(seconds or usual for seconds in run.seconds)) for run in runs)
