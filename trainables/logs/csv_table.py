"""Tables as people have them: commas, semicolons or tabs, decimal commas, padded headers, a half-written last row."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainables.errors import DataError, nearest
from trainables.logs.text_file import MAX_LINES, TextFile, printable, quoted

MAX_EPOCH = 100_000
"""The highest epoch that is believed; a training that has more is left out."""
LONGEST_NUMBER = 64
"""Characters of a number; nobody's log has more."""

MAX_COLUMNS = 10_000
MAX_CELLS = 4_000_000
"""In memory they take some 70 bytes each."""

_DELIMITERS = (",", ";", "\t")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_MISSING = {"", "na", "n/a", "#n/a", "null", "none", "-"}
_WORDS = {
    **dict.fromkeys(("nan", "-nan", "+nan", "nan(ind)", "-nan(ind)", "1.#ind", "-1.#ind", "1.#qnan"), math.nan),
    **dict.fromkeys(("inf", "+inf", "infinity", "+infinity", "1.#inf"), math.inf),
    **dict.fromkeys(("-inf", "-infinity", "-1.#inf"), -math.inf),
}
"""What Python, C, Windows and spreadsheets write for numbers that are none, in lower case."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row under the header.

    Attributes:
        number: from 1 for the line under the header; every line counts.
        cells: as many as the header has, stripped; fewer if the row is short.
        fault: why it cannot be used, "" if it can.
    """

    number: int
    cells: tuple[str, ...]
    fault: str = ""


@dataclass(frozen=True)
class CsvTable:
    """A header and its rows.

    Attributes:
        file: where it was read.
        columns: the header's names, stripped.
        delimiter: between two cells.
        rows: without empty ones and repeated headers.
    """

    file: TextFile
    columns: tuple[str, ...]
    delimiter: str
    rows: tuple[TableRow, ...]

    def index(self, column: str) -> int:
        """Where `column` is.

        Raises:
            DataError: there is none, or two.
        """
        count = self.columns.count(column)
        if count == 0:
            close = nearest(column, [name for name in map(printable, self.columns) if name])
            raise DataError(f"{printable(self.file.path)}: no column {column!r}; {close}")
        if count > 1:
            raise DataError(f"{printable(self.file.path)}: has {count} columns {column!r}; which of them is meant?")
        return self.columns.index(column)

    def is_half_written(self, row: TableRow) -> bool:
        """Whether `row` is the last and breaks off within."""
        return row is self.rows[-1] and (len(row.cells) < len(self.columns) or "\0" in "".join(row.cells))

    def has_decimal_commas(self, indices: Iterable[int]) -> bool:
        """Whether the numbers in these columns are written as 0,5.

        Raises:
            DataError: some are and others are written as 0.5, so that 1.234 may be a thousand.
        """
        if self.delimiter == ",":
            return False
        cells = [row.cells[index] for row in self.rows for index in indices if index < len(row.cells)]
        commas = next((cell for cell in cells if _COMMA_NUMBER.fullmatch(cell)), None)
        points = next((cell for cell in cells if "." in cell and _NUMBER.fullmatch(cell)), None)
        if commas and points:
            raise DataError(
                f"{printable(self.file.path)}: has numbers with decimal commas and with decimal points "
                f"({quoted(commas)} and {quoted(points)}); write them all one way"
            )
        return commas is not None


def parse_table(file: TextFile, max_lines: int = MAX_LINES) -> CsvTable:
    """The table in `file`, which may have `max_lines`.

    Raises:
        DataError: it is empty, has no header, or is too large.
    """
    lines = file.short_lines(max_lines)
    start = next((index for index, line in enumerate(lines) if line.strip()), 0)
    if lines[start][:4].lower() == "sep=":  # a spreadsheet's hint to itself
        start += 1
    header = lines[start] if start < len(lines) else ""
    if not header.strip():
        raise DataError(f"{printable(file.path)}: is empty; it must have a header and a row for each epoch")
    if "\0" in header:
        raise DataError(f"{printable(file.path)}: begins with zero bytes; it is no text or was damaged")
    try:
        columns, delimiter = parse_header(header)
        if len(columns) > MAX_COLUMNS:
            raise DataError(f"{printable(file.path)}: has more than {MAX_COLUMNS:,} columns")
        rows = []
        for number, line in enumerate(lines[start + 1 :], start=1):
            if row := parse_row(number, line, columns, delimiter):
                rows.append(row)
                if len(rows) * len(columns) > MAX_CELLS:
                    raise DataError(f"{printable(file.path)}: has more than {MAX_CELLS:,} cells; split it")
    except csv.Error as error:
        raise DataError(f"{printable(file.path)}: the header is no valid CSV ({error})") from None
    return CsvTable(file, columns, delimiter, tuple(rows))


def parse_header(line: str) -> tuple[tuple[str, ...], str]:
    """The names in the header on `line`, and the delimiter between them.

    Raises:
        csv.Error: it is no valid CSV.
    """
    delimiter = max(_DELIMITERS, key=line.count)
    return _stripped(_cells(line, delimiter)), delimiter


def parse_row(number: int, line: str, columns: tuple[str, ...], delimiter: str) -> TableRow | None:
    """The row on `line`; None if it is empty or repeats the header."""
    fault = ""
    try:
        # A crash leaves a block of zero bytes, after which a resumed training appends.
        cells = _stripped(_cells(line.lstrip("\0"), delimiter), len(columns))
    except csv.Error as error:
        cells, fault = (), f"is no valid CSV ({error})"
    if not fault and (not any(cells) or cells == columns):
        return None
    if "\0" in "".join(cells):
        fault = "has zero bytes in it, as a crash leaves them"
    elif not fault and len(cells) != len(columns):
        fault = f"has {len(cells)} cells; the header has {len(columns)}"
    return TableRow(number, cells[: len(columns)], fault)


def _cells(line: str, delimiter: str) -> list[str]:
    # Line by line: a quote that is not closed would swallow all rows below it.
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True), [])


def _stripped(cells: Sequence[str], at_least: int = 0) -> tuple[str, ...]:
    """`cells` without spaces around them and without empty ones after the header's last."""
    bare = [cell.strip(" \t") for cell in cells]
    while len(bare) > at_least and not bare[-1]:
        bare.pop()
    return tuple(bare)


def parse_number(text: str, decimal_commas: bool = False) -> float | None:
    """The number that `text` is; None for an empty cell or a word for one.

    Raises:
        ValueError: it is no number.
    """
    word = text.lower()
    if word in _MISSING:
        return None
    if word in _WORDS:
        return _WORDS[word]
    if decimal_commas and _COMMA_NUMBER.fullmatch(text):
        text = text.replace(",", ".")
    # Python's own `float` would take 1_000 and digits of any script.
    if len(text) > LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text)


def parse_epoch(text: str, decimal_commas: bool = False) -> int:
    """The epoch that `text` is: 3, or 3.0 as a table with gaps writes it.

    Raises:
        ValueError: it is no whole number from 0 to `MAX_EPOCH`.
    """
    number = parse_number(text, decimal_commas)
    if number is None or not 0 <= number <= MAX_EPOCH or number != int(number):
        raise ValueError(text)
    return int(number)
