"""Reads a journal fast, for processes that follow a sweep: decisions one by one, epochs as blocks.

The state of a trial does not depend on whether its epoch came before or after another trial's. So all epochs of a trial
among the rows that are read at a time are applied at once, at the position of the last one. The state comes out the
same, and NumPy does most of the work. (A scheduler does need the epochs in their order. Only the driver has one, and it
restores it row by row: `search.journal.segments.read`.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path

import numpy as np

from search.journal.arrow_rows import SCHEMA
from search.journal.columns import Array, Columns
from search.journal.epoch_block import EpochBlock
from search.journal.events import EpochDone, Row, SweepOpened
from search.journal.segments import tables

UNREAD = ("rates", "checkpoint", "alarm", "alarm_detail", "steps")
"""Columns that only the driver and the page of a single trial need."""


def read_blocks(folder: Path, after: int, metric: str, others: Iterable[str] = ()) -> Iterator[Row | EpochBlock]:
    """The journal's rows above `after`, in order, with the epochs as blocks; safe while the sweep writes.

    Args:
        folder: the journal.
        after: the highest sequence number that was read before.
        metric: the objective's name.
        others: names of further metrics and losses.

    Raises:
        SteadytuneError: as `search.journal.segments.tables`.
    """
    for table in tables(folder, after, [name for name in SCHEMA.names if name not in UNREAD]):
        columns = Columns(table)
        event = columns.words("event")
        is_epoch = event == EpochDone.event
        items: list[Row | EpochBlock] = list(columns.rows(np.flatnonzero(~is_epoch)))
        # Utilisation is counted between openings of the sweep, so a block ends where the sweep was opened again.
        items += _blocks(columns, np.flatnonzero(is_epoch), np.cumsum(event == SweepOpened.event), metric, others)
        yield from sorted(items, key=attrgetter("seq"))


def _blocks(
    columns: Columns, epochs: Array, opening: Array, metric: str, others: Iterable[str]
) -> Iterator[EpochBlock]:
    """The rows `epochs`, one block for each trial and each `opening` of the sweep."""
    if not len(epochs):
        return
    trials, openings = columns.numbers("trial")[epochs], opening[epochs]
    order = np.lexsort((openings, trials))  # stable: a trial's epochs stay in the journal's order
    rows, trials, openings = epochs[order], trials[order], openings[order]
    starts = np.flatnonzero(np.append(True, (trials[1:] != trials[:-1]) | (openings[1:] != openings[:-1])))
    stops = np.append(starts[1:], len(rows))

    seqs = columns.numbers("seq")[rows].tolist()
    times = columns.numbers("time")[rows][stops - 1].tolist()
    began = np.minimum.reduceat(columns.numbers("began")[rows], starts).tolist()
    size = columns.numbers("bytes")[rows]
    largest_bytes = np.maximum.reduceat(size, starts).tolist()
    numbers = columns.numbers("epoch")[rows].tolist()
    written = size > 0
    values = columns.named("metrics", metric)[rows].tolist()
    losses = columns.named("losses", "train")[rows].tolist()
    held_out = columns.named("losses", "val")[rows].tolist()
    phases = columns.words("phase")[rows].tolist()
    seconds = columns.sums("seconds")[rows].tolist()
    remarks = columns.words("remark")[rows].tolist()
    data_seconds = columns.named("seconds", "data")[rows].tolist()
    gpu_bytes = columns.optional("gpu_bytes")[rows].tolist()
    spreads = columns.optional("spread")[rows].tolist()
    further = {name: _metric_or_loss(columns, name)[rows].tolist() for name in others}
    for index, (start, stop) in enumerate(zip(starts.tolist(), stops.tolist(), strict=True)):
        yield EpochBlock(
            trial=int(trials[start]),
            time=times[index],
            began=began[index],
            checkpoints=np.compress(written[start:stop], numbers[start:stop]).tolist(),
            largest_bytes=largest_bytes[index],
            seqs=seqs[start:stop],
            epochs=numbers[start:stop],
            values=values[start:stop],
            losses=losses[start:stop],
            held_out=held_out[start:stop],
            phases=phases[start:stop],
            seconds=seconds[start:stop],
            spreads=spreads[start:stop],
            remark=next(filter(None, remarks[start:stop]), ""),
            others={name: values_of[start:stop] for name, values_of in further.items()},
            data_seconds=sum(filter(None, data_seconds[start:stop])),
            gpu_bytes=int(max(size or 0 for size in gpu_bytes[start:stop])),
        )


def _metric_or_loss(columns: Columns, name: str) -> Array:
    pairs = zip(columns.named("metrics", name), columns.named("losses", name), strict=True)
    return np.array([loss if metric is None else metric for metric, loss in pairs], dtype=object)
