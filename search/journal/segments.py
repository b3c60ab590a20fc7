"""What a sweep did: every trial, epoch and decision in the order in which it happened, as Parquet.

A sweep's `journal/` folder holds segments named by the sequence numbers of their rows. A segment appears whole (it is
written beside its place and renamed) and is never changed; sixteen of one size are merged into one of the next, unless
that would be large. Readers need no lock, and `pyarrow.dataset.dataset(folder)` reads it as one table while the sweep
runs. Everything else that a sweep keeps (Optuna's study, the rungs, MLflow) can be made again from these rows.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from search.journal.events import EVENTS, Event, Row
from trainables.errors import SteadytuneError

FLUSH_ROWS = 512
FLUSH_SECONDS = 0.5
MERGE_SEGMENTS = 16
MOST_ROWS = 150_000
"""In about the largest segment: reading one takes little memory, and merging them does not hold up a sweep."""
READ_ROWS = 16_384
"""Given to a reader at a time, so that a large journal does not lie in memory as Python's own objects."""

_NUMBERS = pa.map_(pa.string(), pa.float64())
SCHEMA = pa.schema(
    [
        ("seq", pa.int64()),
        ("time", pa.float64()),
        ("event", pa.string()),
        ("places", pa.int32()),
        ("trial", pa.int32()),
        ("epoch", pa.int32()),
        ("kind", pa.string()),
        ("of", pa.int32()),
        ("named", pa.string()),
        ("seed", pa.int64()),
        ("drawn", pa.string()),
        ("settings", pa.string()),
        ("phase", pa.string()),
        ("metrics", _NUMBERS),
        ("losses", _NUMBERS),
        ("rates", _NUMBERS),
        ("seconds", _NUMBERS),
        ("began", pa.float64()),
        ("checkpoint", pa.string()),
        ("bytes", pa.int64()),
        ("alarm", pa.string()),
        ("alarm_detail", pa.string()),
        ("action", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("numbers", _NUMBERS),
        ("version", pa.int32()),  # not in segments that were written before this column existed
    ]
)


_NAMES = [f"{field.name}.key_value.key" for field in SCHEMA if field.type == _NUMBERS]
_JSON = ("drawn", "settings")
_FIELDS = {kind.event: [each.name for each in fields(kind)] for kind in EVENTS.values()}


def _to_record(row: Row) -> dict[str, Any]:
    record: dict[str, Any] = {name: getattr(row.event, name) for name in _FIELDS[row.event.event]}
    for name, value in record.items():
        if name in _JSON:
            record[name] = json.dumps(value)
        elif isinstance(value, str):  # an error may quote a file name whose bytes are no valid text
            record[name] = value.encode("utf-8", "backslashreplace").decode()
    return record | {"seq": row.seq, "time": row.time, "event": row.event.event}


def rows_of(table: pa.Table) -> Iterator[Row]:
    """The events of some of a journal's rows. Column by column, which is four times as fast as Arrow's own rows."""
    for batch in table.to_batches():
        columns = {name: _values(batch.column(name), name in _JSON) for name in batch.schema.names}
        for place, (seq, time_, name) in enumerate(zip(columns["seq"], columns["time"], columns["event"], strict=True)):
            yield Row(seq, time_, EVENTS[name](*[columns[field][place] for field in _FIELDS[name]]))


def _values(column: pa.Array, is_json: bool) -> list[Any]:
    if is_json:
        return [value and json.loads(value) for value in column.to_pylist()]
    if not pa.types.is_map(column.type):
        return list(column.to_pylist())
    ends = column.offsets.to_pylist()
    first, count = ends[0], ends[-1] - ends[0]
    names = column.keys.slice(first, count).dictionary_encode()  # a handful, again and again
    known = names.dictionary.to_pylist()
    keys = (known[index] for index in names.indices.to_pylist())
    pairs = list(zip(keys, column.items.slice(first, count).to_pylist(), strict=True))
    return [dict(pairs[one - first : end - first]) for one, end in pairwise(ends)]


_SEGMENT = re.compile(r"(\d+)-(\d+)\.(\d+)\.parquet")


@dataclass(frozen=True, order=True)
class _Segment:
    first: int
    last: int
    level: int
    path: Path = field(compare=False)


def _segments(folder: Path) -> list[_Segment]:
    """The segments in order; those that a merged one covers (a merge was cut short) are left out."""
    matches = [(_SEGMENT.fullmatch(path.name), path) for path in folder.iterdir()]
    segments = sorted(_Segment(int(m[1]), int(m[2]), int(m[3]), path) for m, path in matches if m)
    return [
        one
        for one in segments
        if not any(
            other.level > one.level and other.first <= one.first and one.last <= other.last for other in segments
        )
    ]


def segments(folder: Path) -> list[Path]:
    """The files that make up the journal, in order."""
    return [segment.path for segment in _segments(folder)] if folder.is_dir() else []


def tables(folder: Path, after: int = 0, columns: Collection[str] = SCHEMA.names) -> Iterator[pa.Table]:
    """The rows with a sequence number above `after`, in order, some at a time; safe while the sweep writes.

    Raises:
        SteadytuneError: no journal there, or a segment that is damaged, by its path.
    """
    if not folder.is_dir():
        raise SteadytuneError(f"{folder}: no journal there; give the name of a sweep that was launched")
    while segment := next((one for one in _segments(folder) if one.last > after), None):
        try:
            table = _load(segment.path, columns, coded=_NAMES)
        except FileNotFoundError:  # merged away between listing and reading: list again
            continue
        new = table.slice(max(0, after + 1 - segment.first))  # numbers have no gaps
        for start in range(0, len(new), READ_ROWS):
            yield new.slice(start, READ_ROWS)
        after = segment.last


def read(folder: Path, after: int = 0) -> Iterator[Row]:
    """The rows with a sequence number above `after`, in order; safe while the sweep writes. Raises as `tables` does."""
    for table in tables(folder, after):
        yield from rows_of(table)


def _load(path: Path, columns: Collection[str] = SCHEMA.names, coded: Collection[str] = ()) -> pa.Table:
    """A segment; `coded` are columns of a few words, which are read the faster for that."""
    try:  # read_table would import pandas
        table = pq.ParquetFile(path, read_dictionary=list(coded)).read(list(columns))
    except (FileNotFoundError, PermissionError):
        raise
    except (pa.ArrowException, OSError) as error:
        raise SteadytuneError(f"{path}: damaged journal segment ({error}); restore it from a copy") from None
    for name in columns:
        if name not in table.schema.names:  # the segment is older than the column
            table = table.append_column(name, pa.nulls(len(table), SCHEMA.field(name).type))
    return table.select(list(columns))


def _force(path: Path) -> None:
    """Have the disk hold the file, or the names in the folder, at `path`."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def mend(folder: Path) -> list[Path]:
    """Set the last segments aside if they are damaged; returns where they are now.

    A segment is not forced to the disk, so a power cut may leave the last ones torn. Without them the journal ends as
    if the sweep had been killed a moment earlier. Only for who writes it; a merged segment is not set aside.
    """
    aside = []
    for segment in reversed(_segments(folder) if folder.is_dir() else []):
        if segment.level or not _damaged(segment.path):
            break
        aside.append(segment.path.replace(segment.path.with_suffix(".damaged")))
    return aside


def _damaged(path: Path) -> bool:
    try:
        _load(path)
    except SteadytuneError:
        return True
    return False


class Journal:
    """Writes one sweep's journal; one writer at a time. Continues after the rows that are there."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        for leftover in folder.glob("*.partial"):
            leftover.unlink()
        segments = _segments(folder)
        self._seq = segments[-1].last if segments else 0
        self._rows: list[Row] = []
        self._flushed = time.monotonic()

    def append(self, event: Event) -> Row:
        """Take one event; it is on disk after the next `flush`."""
        self._seq += 1
        row = Row(self._seq, time.time(), event)
        self._rows.append(row)
        return row

    def flush_if_due(self) -> bool:
        """Flush if many rows wait or the last flush is a while ago; returns whether it did."""
        if len(self._rows) < FLUSH_ROWS and time.monotonic() - self._flushed < FLUSH_SECONDS:
            return False
        return self.flush()

    def flush(self) -> bool:
        """Put all rows taken so far on disk, whole or not at all; returns whether there were any."""
        self._flushed = time.monotonic()
        if not self._rows:
            return False
        table = pa.Table.from_pylist([_to_record(row) for row in self._rows], schema=SCHEMA)
        self._write(table, self._rows[0].seq, self._rows[-1].seq, level=0)
        self._rows = []
        self._merge(0)
        return True

    def _write(self, table: pa.Table, first: int, last: int, level: int) -> None:
        target = self._folder / f"{first:010d}-{last:010d}.{level}.parquet"
        partial = self._folder / f".{target.stem}.partial"  # hidden: pyarrow.dataset would take it for a segment
        try:
            pq.write_table(table, partial)
            if level:  # those it is merged from are deleted next: a power cut must not take both
                _force(partial)
            os.replace(partial, target)
            if level:
                _force(self._folder)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def _merge(self, level: int) -> None:
        """Merge the segments of `level` into one of the next once there are enough of them."""
        same = [segment for segment in _segments(self._folder) if segment.level == level]
        if len(same) < MERGE_SEGMENTS or same[-1].last - same[0].first >= MOST_ROWS:
            return
        table = pa.concat_tables([_load(segment.path) for segment in same])
        self._write(table, same[0].first, same[-1].last, level + 1)
        for segment in same:
            segment.path.unlink()
        self._merge(level + 1)
