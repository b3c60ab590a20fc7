"""Rows of a journal as arrays, for whom Python's own objects a row would take too long.

Arrow's own ways from a column to numpy import pandas, which takes longer than reading a small sweep; these do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from search.journal.events import Row
from search.journal.segments import rows_of

Array: TypeAlias = npt.NDArray[Any]


class Columns:
    """Some rows of a journal, column by column."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    def rows(self, places: Array) -> Iterator[Row]:
        """The events at `places`."""
        indices = pa.py_buffer(np.ascontiguousarray(places, dtype=np.int64))
        return rows_of(self._table.take(pa.Array.from_buffers(pa.int64(), len(places), [None, indices])))

    def numbers(self, name: str) -> Array:
        """A column of numbers; what stands where there is none is arbitrary."""
        return _numbers(self._column(name))

    def words(self, name: str) -> Array:
        """A column of few words, again and again."""
        coded = self._column(name).dictionary_encode()
        return np.asarray([*coded.dictionary.to_pylist(), None], dtype=object)[_numbers(coded.indices)]

    def named(self, name: str, key: str) -> Array:
        """Of a column of numbers by name, those under one key; None where there is none."""
        rows, keys, numbers = self._entries(name)
        coded = keys.dictionary_encode()
        known = coded.dictionary.to_pylist()
        mine = _numbers(coded.indices) == (known.index(key) if key in known else -1)
        found = np.full(len(self), None)
        found[rows[mine]] = numbers[mine]
        return found

    def sums(self, name: str) -> Array:
        """Of a column of numbers by name, the sum of each row's."""
        rows, _, numbers = self._entries(name)
        return np.bincount(rows, weights=numbers, minlength=len(self))

    def _column(self, name: str) -> pa.Array:
        return self._table[name].combine_chunks()

    def _entries(self, name: str) -> tuple[Array, pa.Array, Array]:
        """A column of numbers by name as its entries: the row, the key and the number of each."""
        maps = self._column(name)
        ends = _numbers(maps.offsets)
        rows = np.repeat(np.arange(len(self)), np.diff(ends))
        first, count = int(ends[0]), len(rows)
        return rows, maps.keys.slice(first, count), _numbers(maps.items.slice(first, count))


def _numbers(array: pa.Array) -> Array:
    if not len(array):
        return np.empty(0, dtype=str(array.type))
    return np.frombuffer(array.buffers()[1], dtype=str(array.type))[array.offset :][: len(array)]
