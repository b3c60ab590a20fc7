"""A hundred broken logs of each format that is read while a script writes it: what is read is what the log says.

A log is also read in two parts, as it grows, which must give the same rows.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fuzzing import fuzzed
from tests.support.mutations import broken_bytes, broken_values
from trainables.errors import LONGEST, DataError
from trainables.logs.csv_table import MAX_EPOCH
from trainables.logs.epochs import EpochRows, LogRow
from trainables.logs.line_readers import CsvReader, JsonlReader
from trainables.logs.readers import Reader
from trainables.objective import Source

ROWS = [{"epoch": epoch, "accuracy": 0.11 * epoch, "train": {"loss": 1 / epoch}} for epoch in (1, 2, 3, 4)]
JSONL = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
CSV = b"epoch,accuracy,loss\n" + b"".join(
    b"%d,%.2f,%.3f\n" % (epoch, 0.11 * epoch, 1 / epoch) for epoch in (1, 2, 3, 4)
)
READERS: dict[str, tuple[bytes, Callable[[Path], Reader]]] = {
    "jsonl": (JSONL, lambda path: JsonlReader(path, "epoch")),
    "csv": (CSV, lambda path: CsvReader(path, "epoch", ["accuracy", "loss"], ["accuracy", "loss"])),
}


def read(log: Reader, path: Path, parts: list[bytes]) -> list[LogRow] | None:
    """The rows of a log that grows part by part; None if it is refused, in one sentence that names it."""
    rows = []
    try:
        for index, part in enumerate(parts):
            with path.open("ab") as file:
                file.write(part)
            rows += log.read(final=index + 1 == len(parts))
    except DataError as error:
        sentence = str(error)
        assert "\n" not in sentence
        assert len(sentence) <= LONGEST + 1
        assert "log" in sentence
        return None
    return rows


def epochs(rows: list[LogRow]) -> dict[int, dict[str, float]] | None:
    """What is reported of each epoch; None if that is refused."""
    logged = EpochRows(["accuracy"], [], Source(jsonl="log"))
    try:
        logged.add(rows)
    except DataError:
        return None
    logged.finish()
    return {epoch.epoch: epoch.values for epoch in logged.ready()}


@pytest.mark.parametrize("name", READERS)
@fuzzed
@given(data=st.data())
def test_any_bytes_are_read_the_same_at_once_and_as_they_grow(name: str, data: st.DataObject) -> None:
    whole, make = READERS[name]
    content = data.draw(broken_bytes(whole))
    cut = data.draw(st.integers(0, len(content)))
    with TemporaryDirectory() as folder:
        once, growing = Path(folder) / "log.1", Path(folder) / "log.2"
        rows = read(make(once), once, [content])
        grown = read(make(growing), growing, [content[:cut], content[cut:]])
    # A row before the fault is read before the rest is there.
    assert repr(rows) == repr(grown)
    if rows is not None and (reported := epochs(rows)) is not None:
        assert [*reported] == list(range(1, len(reported) + 1))
        assert len(reported) <= MAX_EPOCH + 1


def numbers(row: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """The numbers that a line says, as text, so that NaN equals NaN."""
    values: dict[str, str] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            values |= numbers(value, f"{prefix}{key}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            values[f"{prefix}{key}"] = "inf" if value > 1e308 else repr(float(value))
        elif value in ("0", "1"):
            values[f"{prefix}{key}"] = repr(float(value))
    return values


@fuzzed
@given(rows=broken_values(ROWS))
def test_values_of_json_lines(rows: list[Any]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        logged = read(JsonlReader(path, "epoch"), path, [content])
    if logged is None:
        return
    stated = [numbers(row) for row in rows if isinstance(row, dict)]
    assert [numbers({"epoch": row.epoch, **row.values}) for row in logged] == [row for row in stated if "epoch" in row]
    epochs(logged)


EPOCHS = st.integers(-1, 5).map(str) | st.sampled_from(["", "nan", "1e300", "x"])
CELLS = st.sampled_from(["0.5", "1", "-2e-3", "nan", "inf", "", "None", "high", "1_0", "0,5", "1e", "٣", "0x1", " 7 "])


@fuzzed
@given(
    rows=st.lists(
        st.tuples(st.integers(-1, 5).map(str) | st.sampled_from(["", "nan", "1e300", "x"]), CELLS), max_size=8
    ),
    delimiter=st.sampled_from([",", ";", "\t"]),
    padding=st.integers(0, 12),
)
def test_cells_of_a_table(rows: list[tuple[str, str]], delimiter: str, padding: int) -> None:
    text = io.StringIO()
    table = csv.writer(text, delimiter=delimiter)
    table.writerow([name.rjust(padding) for name in ("epoch", "accuracy")])
    table.writerows([cell.rjust(padding) for cell in row] for row in rows)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        logged = read(CsvReader(path, "epoch", ["accuracy"], ["accuracy"]), path, [text.getvalue().encode()])
    if logged is None:
        return
    filled = [row for row in rows if row[0].strip()]  # without an epoch there is nothing but a word for no number
    assert len(logged) == len(filled)
    for row, (epoch, cell) in zip(logged, filled, strict=True):
        assert repr(row.epoch) == repr(float(epoch))
        number = None if cell.strip() in ("", "None") else float(cell.replace(",", "."))
        assert repr(row.values.get("accuracy")) == repr(number)
    epochs(logged)
