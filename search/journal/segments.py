"""The journal on disk: every trial, epoch and decision of a sweep in the order in which it happened, as Parquet.

A sweep's `journal/` folder holds segments, named by the sequence numbers of their rows. A segment appears whole (it is
written under another name and renamed) and is never changed. Sixteen segments of one size are merged into one of the
next, unless that would be large. Readers need no lock, and `pyarrow.dataset.dataset(folder)` reads it as one table
while the sweep runs. Everything else that a sweep keeps (Optuna's study, the rungs, MLflow) can be rebuilt from these
rows.

The numbers of the rows have no gaps, and each segment carries the journal's id. So a reader notices a segment that is
missing, that is there twice, or that belongs to another sweep.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from search.journal.arrow_rows import KEYS, SCHEMA, rows_of, to_record
from search.journal.events import Event, Row
from search.next_step import command
from trainables.atomic import PARTIAL, new_file
from trainables.errors import SteadytuneError

FLUSH_ROWS = 512
FLUSH_SECONDS = 0.5
MERGE_SEGMENTS = 16
MAX_ROWS = 150_000
"""Segments are merged up to about this many rows: so reading one takes little memory, and merging delays no sweep."""
READ_ROWS = 16_384
"""A reader gets this many rows at a time, so that a large journal is never in memory as a whole."""

_SEGMENT = re.compile(r"(\d+)-(\d+)\.(\d+)\.parquet")


_ID = b"steadytune.journal"
"""The key of the journal's id in the metadata of a segment's schema. Segments of older versions have no id."""
_LISTINGS = 3
"""A folder is listed file by file, so a listing that overlaps with a merge may lack both the old segments and the new
one. A gap counts only if that many listings show it."""


class DamagedJournalError(SteadytuneError):
    """Some rows of a journal cannot be read; later ones perhaps can.

    Attributes:
        last: the number of the last row before the damage.
    """

    def __init__(self, journal: Path, message: str, last: int) -> None:
        sweep = journal.absolute().parent
        super().__init__(
            f"{message}; put the file back from a copy of the sweep, or give up what came after row {last}: "
            f"`{command('resume', sweep.name, sweep.parent, '--accept-gap')}`"
        )
        self.last = last


@dataclass(frozen=True, order=True)
class Segment:
    """One file of a journal: the rows `first` to `last`, merged `level` times."""

    first: int
    last: int
    level: int
    path: Path = field(compare=False)

    def covers(self, other: Segment) -> bool:
        """Whether it was merged from `other` and its neighbours."""
        return self.level > other.level and self.first <= other.first and other.last <= self.last


def list_segments(folder: Path) -> list[Segment]:
    """The segments in order, without those that a merged one covers (a merge was cut short)."""
    matches = [(_SEGMENT.fullmatch(path.name), path) for path in folder.iterdir()]
    segments = sorted(Segment(int(match[1]), int(match[2]), int(match[3]), path) for match, path in matches if match)
    return [segment for segment in segments if not any(other.covers(segment) for other in segments)]


def segments(folder: Path) -> list[Path]:
    """The files that make up the journal, in order."""
    return [segment.path for segment in list_segments(folder)] if folder.is_dir() else []


def _next_segment(folder: Path, after: int) -> Segment | None:
    """The segment with the row that follows `after`; None if there is no such row yet.

    Raises:
        DamagedJournalError: a later row is there and that one is not, or two files have the same rows.
    """
    for _ in range(_LISTINGS):
        listed = list_segments(folder)
        index = next((index for index, segment in enumerate(listed) if segment.last > after), None)
        if index is None:
            return None
        segment = listed[index]
        if index and listed[index - 1].last >= segment.first:
            pair = f"{listed[index - 1].path.name} and {segment.path.name}"
            raise DamagedJournalError(
                folder,
                f"{folder}: {pair} have the same rows, so one of them belongs to another sweep",
                segment.first - 1,
            )
        if segment.first <= after + 1:
            return segment
    rows = f"rows {after + 1} to {segment.first - 1}"
    missing = f"{folder}: {rows} are missing, which were in a file before {segment.path.name}"
    raise DamagedJournalError(folder, missing, after)


def tables(folder: Path, after: int = 0, columns: Collection[str] = SCHEMA.names) -> Iterator[pa.Table]:
    """The rows with a sequence number above `after`, in order, `READ_ROWS` at a time; safe while the sweep writes.

    Raises:
        SteadytuneError: no journal there.
        DamagedJournalError: a segment is missing, damaged or of another sweep.
    """
    if not folder.is_dir():
        raise SteadytuneError(f"{folder}: no journal there; give the name of a sweep that was launched")
    journal_id: str | None = None
    while segment := _next_segment(folder, after):
        try:
            table = load(segment, columns, dictionary_columns=KEYS)
            journal_id = read_id(folder) if journal_id is None else journal_id
        except FileNotFoundError:  # merged away between listing and reading: list again
            continue
        if journal_id and _id(table.schema) not in ("", journal_id):
            raise DamagedJournalError(folder, f"{segment.path}: belongs to another sweep", segment.first - 1)
        new = table.slice(max(0, after + 1 - segment.first))
        for start in range(0, len(new), READ_ROWS):
            yield new.slice(start, READ_ROWS)
        after = segment.last


def read(folder: Path, after: int = 0) -> Iterator[Row]:
    """The rows with a sequence number above `after`, in order; safe while the sweep writes. Raises as `tables` does."""
    for table in tables(folder, after):
        yield from rows_of(table)


def holds(folder: Path, event: str) -> bool:
    """Whether the journal has an event of that kind."""
    return any(event in table["event"].unique().to_pylist() for table in tables(folder, columns=["event"]))


def load(
    segment: Segment, columns: Collection[str] = SCHEMA.names, dictionary_columns: Collection[str] = ()
) -> pa.Table:
    """A segment's rows. `dictionary_columns` hold a few words that repeat: as dictionaries they are read faster.

    Raises:
        DamagedJournalError: it is no Parquet file, is torn, or has other rows than its name says.
    """
    path = segment.path
    try:  # not read_table, which would import pandas
        table = pq.ParquetFile(path, read_dictionary=list(dictionary_columns)).read(list(columns))
    except (FileNotFoundError, PermissionError):
        raise
    except (pa.ArrowException, OSError) as error:
        message = f"{path}: damaged journal segment ({error})"
        raise DamagedJournalError(path.parent, message, segment.first - 1) from None
    if len(table) != segment.last - segment.first + 1:
        raise DamagedJournalError(
            path.parent,
            f"{path}: damaged journal segment ({len(table)} rows, {segment.last - segment.first + 1} by its name)",
            segment.first - 1,
        )
    for name in columns:
        if name not in table.schema.names:  # the segment is older than the column
            table = table.append_column(name, pa.nulls(len(table), SCHEMA.field(name).type))
    return table.select(list(columns))


def _id(schema: pa.Schema) -> str:
    return str((schema.metadata or {}).get(_ID, b"").decode())


def read_id(folder: Path) -> str:
    """The journal's id: that of its first readable segment that has one; "" if none has."""
    for segment in list_segments(folder):
        try:
            journal_id = _id(pq.read_schema(segment.path))
        except (FileNotFoundError, pa.ArrowException, OSError):
            continue
        if journal_id:
            return journal_id
    return ""


class Journal:
    """Appends rows to one sweep's journal. Only one process may write it at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        for leftover in folder.glob(f"*{PARTIAL}"):  # of a killed process
            leftover.unlink()
        segments = list_segments(folder)
        self._seq = segments[-1].last if segments else 0
        self._schema = SCHEMA.with_metadata({_ID: read_id(folder) or uuid.uuid4().hex})
        self._rows: list[Row] = []
        self._flushed = time.monotonic()
        # Durations are differences of rows' times. A clock that is set while the sweep runs must not change them.
        self._epoch = time.time() - time.monotonic()

    def append(self, event: Event) -> Row:
        """Take one event; it is on disk after the next `flush`."""
        self._seq += 1
        row = Row(self._seq, self._epoch + time.monotonic(), event)
        self._rows.append(row)
        return row

    def flush_if_due(self) -> bool:
        """Flush if `FLUSH_ROWS` rows wait or the last flush is `FLUSH_SECONDS` ago; returns whether it did."""
        if len(self._rows) < FLUSH_ROWS and time.monotonic() - self._flushed < FLUSH_SECONDS:
            return False
        return self.flush()

    def flush(self) -> bool:
        """Write all events taken so far to disk, all or none; returns whether there were any."""
        self._flushed = time.monotonic()
        if not self._rows:
            return False
        table = pa.Table.from_pylist([to_record(row) for row in self._rows], schema=self._schema)
        self._write(table, self._rows[0].seq, self._rows[-1].seq, level=0)
        self._rows = []
        self._merge(0)
        return True

    def _write(self, table: pa.Table, first: int, last: int, level: int) -> None:
        target = self._folder / f"{first:010d}-{last:010d}.{level}.parquet"
        # The segments that a merged one replaces are deleted next: a power cut must not lose both.
        with new_file(target, durable=level > 0) as partial:
            pq.write_table(table, partial)

    def _merge(self, level: int) -> None:
        """Merge the segments of `level` into one of the next once there are enough of them."""
        segments = [segment for segment in list_segments(self._folder) if segment.level == level]
        if len(segments) < MERGE_SEGMENTS or segments[-1].last - segments[0].first >= MAX_ROWS:
            return
        table = pa.concat_tables([load(segment).cast(self._schema) for segment in segments])
        self._write(table, segments[0].first, segments[-1].last, level + 1)
        for segment in segments:
            segment.path.unlink()
        self._merge(level + 1)
