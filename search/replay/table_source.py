"""Recorded trainings in one table: a row for each epoch of each run."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

from search.replay.epoch_order import EpochRow, Remark, in_order, make_run, with_seconds
from search.replay.recording import Mode, Recording, Run
from trainables.errors import DataError
from trainables.logs.csv_table import CsvTable, TableRow, parse_epoch, parse_number, parse_table
from trainables.logs.text_file import printable, quoted, read_text

MAX_RUNS = 10_000
MAX_EPOCHS = 500_000
"""Of all runs together, those without a row counted."""

OPTIONAL = ("train_loss", "val_loss", "seconds", "phase")


def read_table(path: Path, metric: str | None, mode: Mode, max_bytes: int, remark: Remark) -> Recording:
    """The runs in the table at `path`, each epoch by its number; a run that cannot be read is left out.

    Raises:
        DataError: the table itself cannot be read.
    """
    file = read_text(path, max_bytes)
    table = parse_table(file)
    if metric is None:
        columns = ", ".join(printable(name) for name in table.columns)
        raise DataError(f"{printable(path)}: which column is the metric? give --metric, one of {columns[:300]}")
    if path.name == "results.csv" and "run" not in table.columns:
        raise DataError(f"{printable(path)}: is one training; give the folder that holds several")
    reader = _Reader(table, metric, mode)
    if file.encoding != "utf-8":
        remark(f"{printable(path)}: is not in UTF-8 and was read as {file.encoding}")
    runs = tuple(with_seconds(reader.runs(remark)))
    return Recording(printable(path.stem), metric, mode, max((run.curve.epoch for run in runs), default=0), runs)


class _Reader:
    """The columns of a table, and the runs in its rows."""

    def __init__(self, table: CsvTable, metric: str, mode: Mode) -> None:
        self.path = printable(table.file.path)
        self.table, self.mode = table, mode
        required = [table.index(column) for column in ("run", "epoch", metric)]
        self.run, self.epoch, self.value = required
        optional = [table.index(column) if column in table.columns else None for column in OPTIONAL]
        self.loss, self.held_out, self.seconds, self.phase = optional
        numbers = [index for index in (*required[1:], *optional[:3]) if index is not None]
        self.commas = table.has_decimal_commas(numbers)

    def runs(self, remark: Remark) -> list[Run]:
        """All runs that can be read; `remark` takes the others."""
        rows = self._rows_by_run(remark)
        firsts = Counter(first for run in rows.values() if (first := self._first(run)) in (0, 1))
        first = 0 if firsts[0] > firsts[1] else 1
        runs: list[Run] = []
        total = 0
        # By name: simulations shuffle the runs, and the order of rows in a file means nothing.
        for name, run_rows in sorted(rows.items()):
            try:
                if not name:
                    raise DataError("the column `run` is empty")
                epochs = in_order([self._row(row) for row in run_rows])
                if epochs[0].epoch < first:
                    raise DataError("begins at epoch 0; most runs of this table begin at epoch 1")
                total += epochs[-1].epoch
                if total > MAX_EPOCHS:
                    break
                runs.append(make_run(name, epochs, first, self.mode))
            except DataError as error:
                remark(f"Left out: {self.path}: run {name}, {error}")
        if total > MAX_EPOCHS:
            raise DataError(f"{self.path}: has more than {MAX_EPOCHS:,} epochs; split it")
        return runs

    def _rows_by_run(self, remark: Remark) -> dict[str, list[TableRow]]:
        rows: dict[str, list[TableRow]] = defaultdict(list)
        for row in self.table.rows:
            if self.table.is_half_written(row) or self.run >= len(row.cells):
                remark(f"{self.path}: row {row.number} {row.fault} and is left out")
                continue
            rows[printable(row.cells[self.run])].append(row)
            if len(rows) > MAX_RUNS:
                raise DataError(f"{self.path}: has more than {MAX_RUNS:,} runs; split it")
        last = max(index for index in (self.value, self.loss, self.held_out, self.seconds) if index is not None)
        if self.table.rows and not self.table.file.ends_in_a_line and last == len(self.table.columns) - 1:
            remark(
                f"{self.path}: row {self.table.rows[-1].number} has no line end; if the file was cut there, its last "
                "number is not complete"
            )
        return rows

    def _first(self, rows: list[TableRow]) -> int | None:
        """A run's lowest epoch, as far as its rows can be read."""
        epochs = []
        for row in rows:
            try:
                epochs.append(parse_epoch(row.cells[self.epoch], self.commas))
            except (ValueError, IndexError):
                continue
        return min(epochs, default=None)

    def _row(self, row: TableRow) -> EpochRow:
        if row.fault:
            raise DataError(f"row {row.number} {row.fault}")
        try:
            epoch = parse_epoch(row.cells[self.epoch], self.commas)
        except ValueError:
            raise DataError(
                f"row {row.number}: epoch is {quoted(row.cells[self.epoch])}; it must be a whole number"
            ) from None
        seconds = self._number(row, self.seconds)
        if seconds is not None and not 0 <= seconds < float("inf"):
            raise DataError(f"row {row.number}: seconds is {seconds:g}; it must be a time")
        return EpochRow(
            row.number,
            epoch,
            self._number(row, self.value),
            self._number(row, self.loss),
            self._number(row, self.held_out),
            seconds,
            (printable(row.cells[self.phase]) if self.phase is not None else "") or "main",
        )

    def _number(self, row: TableRow, index: int | None) -> float | None:
        if index is None:
            return None
        try:
            return parse_number(row.cells[index], self.commas)
        except ValueError:
            raise DataError(
                f"row {row.number}: {printable(self.table.columns[index])} is {quoted(row.cells[index])}; it must be "
                "a number or empty"
            ) from None
