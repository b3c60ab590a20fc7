"""Readers of files of lines: tables, JSON lines, a script's output, YOLOX's log. Each is a `readers.Reader`."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from trainables.errors import DataError, SettingsError, nearest
from trainables.json_file import as_float, parse_json
from trainables.logs.csv_table import parse_header, parse_number, parse_row
from trainables.logs.epochs import LogRow
from trainables.logs.tail import NewLines, Tail
from trainables.logs.text_file import printable, quoted
from trainables.logs.yolox_log import TrainLog

MAX_LINE = 4000
"""Longer lines of an output are progress bars and dumps; it also bounds the time of a regular expression."""


_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What colours a terminal's output, or moves its cursor; some programs write it into files too."""
MOST_DEPTH = 50
"""Objects in objects of a line of JSON."""


class _LineReader:
    """A file of rows."""

    def __init__(self, path: Path, start: int = 0) -> None:
        self._tail = Tail(path, start)
        self._start = start
        self.path = path

    def skip(self) -> None:
        """Leave out what was put back."""
        self.read(final=False)

    def read(self, final: bool) -> list[LogRow]:
        """See `Reader`."""
        raise NotImplementedError

    @property
    def files(self) -> list[Path]:
        return [self.path] if self.path.is_file() else []

    def state(self) -> str:
        """Whether the file is there."""
        if not self.path.exists():
            return f"{printable(self.path)} was not written"
        return f"{printable(self.path)} has {self.path.stat().st_size - self._start:,} bytes of it"


class CsvReader(_LineReader):
    """A table.

    Args:
        path: of the table.
        epoch: the column that counts epochs. A row without a number there is of the epoch of the next row.
        names: columns that must be there; a name that ends with * may have none.
        of_epochs: columns that need an epoch beside them.
    """

    def __init__(self, path: Path, epoch: str, names: Iterable[str], of_epochs: Iterable[str]) -> None:
        super().__init__(path)
        self._epoch, self._names = epoch, [epoch, *(name for name in names if not name.endswith("*"))]
        self._of_epochs = list(of_epochs)
        self._of_the_next: dict[str, float] = {}
        self._columns: tuple[str, ...] = ()
        self._delimiter = ","
        self._number = 0

    def read(self, final: bool) -> list[LogRow]:
        """See `Reader`."""
        new = self._tail.read(final)
        if new.restarted:
            self._columns, self._number, self._of_the_next = (), 0, {}
        rows = []
        for line in new.lines:
            if not self._columns:
                self._read_header(line)
                continue
            self._number += 1
            row = parse_row(self._number, line, self._columns, self._delimiter)
            if row is None or "\0" in line:  # a crash leaves zero bytes
                continue
            if row.fault:
                raise DataError(f"{printable(self.path)}: row {row.number} {row.fault}")
            log_row = self._row(row.number, dict(zip(self._columns, row.cells, strict=True)))
            rows += [log_row] if log_row else []
        return rows

    def state(self) -> str:
        """The columns that were found."""
        return (
            f"{printable(self.path)} has the columns {', '.join(self._columns)}" if self._columns else super().state()
        )

    def _read_header(self, line: str) -> None:
        if not line.strip() or line[:4].lower() == "sep=":
            return
        try:
            columns, self._delimiter = parse_header(line)
        except csv.Error as error:
            raise DataError(f"{printable(self.path)}: the header is no valid CSV ({error})") from None
        for name in self._names:
            if columns.count(name) != 1:
                fault = "no column" if name not in columns else "two columns"
                raise DataError(f"{printable(self.path)}: {fault} {name!r}; {nearest(name, columns)}")
        self._columns = columns

    def _row(self, number: int, cells: Mapping[str, str]) -> LogRow | None:
        commas = self._delimiter != ","
        values = {name: value for name, cell in cells.items() if (value := number_in(cell, commas)) is not None}
        for name in self._names:
            _check_number(self.path, number, name, cells[name], commas)
        if self._epoch in values:
            values, self._of_the_next = {**self._of_the_next, **values}, {}
            return LogRow(values.pop(self._epoch), values)
        if any(name in values for name in self._of_epochs):
            raise DataError(
                f"{printable(self.path)}: row {number}: {self._epoch} is {quoted(cells[self._epoch])}; it must be a "
                "number"
            )
        self._of_the_next |= values  # Lightning's monitor of learning rates leaves the epoch out
        return None


def number_in(cell: str, commas: bool = False) -> float | None:
    """The number in a cell; None if it is empty, or no number."""
    try:
        return parse_number(cell, commas)
    except ValueError:
        return None


def _check_number(path: Path, row: int, name: str, cell: str, commas: bool) -> None:
    try:
        parse_number(cell, commas)
    except ValueError:
        raise DataError(
            f"{printable(path)}: row {row}: {name} is {quoted(cell)}; it must be a number or empty"
        ) from None


class JsonlReader(_LineReader):
    """Lines of JSON; other lines between them do not matter. Keys of an object in an object are joined by a dot."""

    def __init__(self, path: Path, epoch: str) -> None:
        super().__init__(path)
        self._epoch = epoch
        self._number = 0
        self._keys: set[str] = set()

    def read(self, final: bool) -> list[LogRow]:
        """See `Reader`."""
        rows = []
        for line in self._tail.read(final).lines:
            self._number += 1
            if not line.lstrip("\0 \t").startswith("{"):
                continue
            content = parse_json(line.lstrip("\0 \t"), self.path, "write one object in each line", line=self._number)
            values = dict(numbers(content))
            self._keys |= values.keys()
            if self._epoch in values:
                rows.append(LogRow(values.pop(self._epoch), values))
        return rows

    def state(self) -> str:
        """The keys that were found."""
        return f"{printable(self.path)} has the keys {', '.join(sorted(self._keys))}" if self._keys else super().state()


def numbers(content: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterable[tuple[str, float]]:
    """The numbers in a JSON object, by their keys; a number may be a string. Raises DataError if it is too deep."""
    if depth > MOST_DEPTH:
        raise DataError(f"{prefix[:80]}: is nested more than {MOST_DEPTH} deep; write the metrics as plain values")
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from numbers(value, f"{name}.", depth + 1)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield name, as_float(value)
        elif isinstance(value, str) and value and (number := number_in(value)) is not None:
            yield name, number


class OutputReader(_LineReader):
    """The script's output. A line without an epoch of its own belongs to the last epoch that a line named."""

    def __init__(self, path: Path, start: int, patterns: list[re.Pattern[str]]) -> None:
        super().__init__(path, start)
        self._patterns = patterns
        self._counts = any("epoch" in pattern.groupindex for pattern in patterns)
        self._epoch: float | None = None
        self._lines = 0

    @property
    def files(self) -> list[Path]:
        """None: the output of an earlier script of this run stands before this one's."""
        return []

    def read(self, final: bool) -> list[LogRow]:
        """See `Reader`."""
        rows = []
        for line in self._tail.read(final).lines:
            self._lines += 1
            text = _COLOURS.sub("", line[:MAX_LINE])
            for pattern in self._patterns:
                match = pattern.search(text)
                if match and (row := self._row(match)):
                    rows.append(row)
        return rows

    def state(self) -> str:
        """How many lines did not match."""
        return f"none of the {self._lines} lines of its output matches"

    def _row(self, match: re.Match[str]) -> LogRow | None:
        values = {}
        for name, cell in match.groupdict().items():
            if cell is None:
                continue
            # A sentence's end is part of what \S+ matches.
            number = number_in(cell.strip().rstrip(".,;)%"))
            if number is None and name == "epoch":
                return None
            if number is None:
                raise DataError(f"output: {name} is {quoted(cell)} in {quoted(match[0])}; it must be a number")
            values[name] = number
        self._epoch = values.pop("epoch", self._epoch)
        return LogRow(self._epoch, values) if self._epoch is not None or not self._counts else None


class YoloxReader(_LineReader):
    """YOLOX's `train_log.txt`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._log = TrainLog()

    def read(self, final: bool) -> list[LogRow]:
        """See `Reader`."""
        new: NewLines = self._tail.read(final)
        if new.restarted:
            self._log = TrainLog()
        return [LogRow(epoch.epoch, epoch.values) for epoch in self._log.add(new.lines)]


def compiled(patterns: Iterable[str]) -> list[re.Pattern[str]]:
    """Regular expressions for an output's lines.

    Raises:
        SettingsError: one is no regular expression, or has no named group.
    """
    expressions = []
    for pattern in patterns:
        try:
            expression = re.compile(pattern)
        except re.error as error:
            raise SettingsError(f"metric.source.stdout: {pattern!r} is no regular expression ({error})") from None
        if not expression.groupindex:
            raise SettingsError(
                f"metric.source.stdout: {pattern!r} names no group; write (?P<epoch>\\d+) and (?P<accuracy>\\S+)"
            )
        expressions.append(expression)
    return expressions
