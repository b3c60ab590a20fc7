"""Rows of a journal as NumPy arrays, since making a Python object for each row would take too long.

Arrow's own conversions to NumPy import pandas, which takes longer than reading a small sweep. These do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from search.journal.arrow_rows import rows_of
from search.journal.events import Row

Array: TypeAlias = npt.NDArray[Any]


class Columns:
    """Some rows of a journal, column by column."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    def rows(self, indices: Array) -> Iterator[Row]:
        """The events at `indices`."""
        buffer = pa.py_buffer(np.ascontiguousarray(indices, dtype=np.int64))
        return rows_of(self._table.take(pa.Array.from_buffers(pa.int64(), len(indices), [None, buffer])))

    def numbers(self, name: str) -> Array:
        """A column of numbers; where a row has none, the array holds anything."""
        return _numbers(self._column(name))

    def optional(self, name: str) -> Array:
        """A column of numbers; None in rows that have none."""
        column = self._column(name)
        values = np.full(len(self), None)
        present = _numbers(column.is_valid().cast(pa.int8())).astype(bool)
        values[present] = _numbers(column)[present]
        return values

    def words(self, name: str) -> Array:
        """A column of a few words that repeat; where a row has none, the array holds any of them."""
        encoded = self._column(name).dictionary_encode()
        # None: a row without a word has some index too, even if no row has one and the dictionary is empty.
        return np.asarray([*encoded.dictionary.to_pylist(), None], dtype=object)[_numbers(encoded.indices)]

    def named(self, name: str, key: str) -> Array:
        """Of a column of numbers by name, the number under `key`; None in rows without it."""
        rows, keys, numbers = self._entries(name)
        encoded = keys.dictionary_encode()
        dictionary = encoded.dictionary.to_pylist()
        matches = _numbers(encoded.indices) == (dictionary.index(key) if key in dictionary else -1)
        values = np.full(len(self), None)
        values[rows[matches]] = numbers[matches]
        return values

    def sums(self, name: str) -> Array:
        """Of a column of numbers by name, each row's sum."""
        rows, _, numbers = self._entries(name)
        return np.bincount(rows, weights=numbers, minlength=len(self))

    def _column(self, name: str) -> pa.Array:
        return self._table[name].combine_chunks()

    def _entries(self, name: str) -> tuple[Array, pa.Array, Array]:
        """A column of numbers by name, flattened: the row, the key and the number of each entry."""
        maps = self._column(name)
        offsets = _numbers(maps.offsets)
        rows = np.repeat(np.arange(len(self)), np.diff(offsets))
        first, count = int(offsets[0]), len(rows)
        return rows, maps.keys.slice(first, count), _numbers(maps.items.slice(first, count))


def _numbers(array: pa.Array) -> Array:
    if not len(array):
        return np.empty(0, dtype=str(array.type))
    return np.frombuffer(array.buffers()[1], dtype=str(array.type))[array.offset :][: len(array)]
