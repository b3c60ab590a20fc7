"""A journal read for those who look on: decisions one by one, epochs as stretches.

What an epoch means to other trials follows from the rungs: unless it reaches one, it matters to nobody that it came
before or after another trial's. So the epochs of a trial between two of its rungs are brought together at the place of
the last, and a state that takes them comes out the same as from the journal's rows. `test_stretches.py` compares them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from search.journal.columns import Array, Columns
from search.journal.epoch_block import EpochBlock
from search.journal.events import Decided, EpochDone, Row, SweepOpened
from search.journal.segments import SCHEMA, tables

UNREAD = ("rates", "checkpoint", "alarm", "alarm_detail")
"""Columns that only the driver needs, or a trial's own page."""


def read(folder: Path, after: int, metric: str, rungs: Sequence[int]) -> Iterator[Row | EpochBlock]:
    """What the journal's rows above `after` say, in order; safe while the sweep writes.

    Args:
        folder: the journal.
        after: the highest sequence number that was read before.
        metric: the objective's name.
        rungs: epochs at which trials are compared, rising.

    Raises:
        SteadytuneError: as `search.journal.tables`.
    """
    for table in tables(folder, after, [name for name in SCHEMA.names if name not in UNREAD]):
        rows = Columns(table)
        is_epoch = rows.words("event") == EpochDone.event
        found: list[Row | EpochBlock] = list(rows.rows(np.flatnonzero(~is_epoch)))
        found += _epoch_blocks(rows, is_epoch, metric, rungs)
        yield from sorted(found, key=attrgetter("seq"))


def _epoch_blocks(rows: Columns, is_epoch: Array, metric: str, rungs: Sequence[int]) -> Iterator[EpochBlock]:
    if not is_epoch.any():
        return
    places, stops = _places(rows, is_epoch, rungs)
    starts = np.append(0, stops[:-1])
    trials = rows.numbers("trial")[places][starts].tolist()
    times = rows.numbers("time")[places][stops - 1].tolist()
    began = np.minimum.reduceat(rows.numbers("began")[places], starts).tolist()
    largest = np.maximum.reduceat(rows.numbers("bytes")[places], starts).tolist()
    columns: tuple[list[Any], ...] = tuple(
        column[places].tolist()
        for column in (
            rows.numbers("seq"),
            rows.numbers("epoch"),
            rows.named("metrics", metric),
            rows.named("losses", "train"),
            rows.named("losses", "val"),
            rows.words("phase"),
            rows.sums("seconds"),
        )
    )
    ends = zip(starts.tolist(), stops.tolist(), strict=True)
    for trial, time, first, most, (start, stop) in zip(trials, times, began, largest, ends, strict=True):
        yield EpochBlock(trial, time, first, most, *[column[start:stop] for column in columns])


def _places(rows: Columns, is_epoch: Array, rungs: Sequence[int]) -> tuple[Array, Array]:
    """The epochs trial by trial, and behind which of them a stretch stops.

    That is: where the trial's next row is no epoch, where the sweep was opened again, and where a rung is reached.
    """
    event = rows.words("event")
    trial = np.where(is_epoch | (event == Decided.event), rows.numbers("trial"), -1)
    order = np.argsort(trial, kind="stable")
    trial, is_epoch, opened = trial[order], is_epoch[order], np.cumsum(event == SweepOpened.event)[order]
    rung = np.searchsorted(np.asarray(rungs), rows.numbers("epoch")[order], side="right")
    follows = (trial[1:] == trial[:-1]) & (opened[1:] == opened[:-1])
    reaches = rung > np.append(0, np.where(follows, rung[:-1], 0))
    goes_on = np.append(follows & is_epoch[1:], False) & ~reaches
    return order[is_epoch], np.flatnonzero(~goes_on[is_epoch]) + 1
