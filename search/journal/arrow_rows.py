"""Events as rows of an Arrow table, and back: the columns of the journal on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pyarrow as pa

from search.journal.events import EVENTS, Row, columns_of
from trainables.errors import SteadytuneError

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
        # Not in segments that were written before these columns existed.
        ("version", pa.int32()),
        ("remark", pa.string()),
        ("spread", pa.float64()),
        ("steps", pa.list_(pa.float64())),
        ("gpu_bytes", pa.int64()),
    ]
)


KEYS = [f"{field.name}.key_value.key" for field in SCHEMA if field.type == _NUMBERS]
"""The columns that hold names of numbers: a few words that repeat."""
_JSON = ("drawn", "settings")
_COLUMNS = {kind.event: columns_of(kind) for kind in EVENTS.values()}


def to_record(row: Row) -> dict[str, Any]:
    """A row's values by column."""
    columns = _COLUMNS[row.event.event]
    record: dict[str, Any] = {column: getattr(row.event, name) for name, column in columns.items()}
    for column, value in record.items():
        if column in _JSON:
            record[column] = json.dumps(value)
        elif isinstance(value, str):  # an error may quote a file name whose bytes are no valid text
            record[column] = value.encode("utf-8", "backslashreplace").decode()
    return record | {"seq": row.seq, "time": row.time, "event": row.event.event}


def rows_of(table: pa.Table) -> Iterator[Row]:
    """The events in some rows of a journal. Column by column, which is four times as fast as Arrow's own rows."""
    for batch in table.to_batches():
        columns = {name: _values(batch.column(name), name in _JSON) for name in batch.schema.names}
        for index, (seq, time_, event) in enumerate(
            zip(columns["seq"], columns["time"], columns["event"], strict=True)
        ):
            if event not in EVENTS:
                raise SteadytuneError(
                    f"row {seq} of the journal is a {event!r}, which this version does not have; the sweep was "
                    "written by a later version of steadytune: update this one"
                )
            yield Row(seq, time_, EVENTS[event](*[columns[column][index] for column in _COLUMNS[event].values()]))


def _values(column: pa.Array, is_json: bool) -> list[Any]:
    if is_json:
        return [value and json.loads(value) for value in column.to_pylist()]
    if not pa.types.is_map(column.type):
        return list(column.to_pylist())
    offsets = column.offsets.to_pylist()
    first, count = offsets[0], offsets[-1] - offsets[0]
    encoded = column.keys.slice(first, count).dictionary_encode()  # a few names that repeat
    dictionary = encoded.dictionary.to_pylist()
    keys = (dictionary[index] for index in encoded.indices.to_pylist())
    pairs = list(zip(keys, column.items.slice(first, count).to_pylist(), strict=True))
    return [dict(pairs[start - first : end - first]) for start, end in pairwise(offsets)]
