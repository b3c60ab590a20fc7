"""Trainings of Ultralytics' trainers and their kin: `results.csv`, and the older `results.txt`.

    v8, v10, v11, v12, RT-DETR    `metrics/mAP50-95(B)` of boxes, (M) of masks, (P) of poses; `metrics/accuracy_top1`
    v5, v9, v7's masks            `metrics/mAP_0.5:0.95`, of boxes and masks with (B) and (M); epochs from 0
    v7, v4, YOLOR, v5 until 2021  `results.txt`, 15 columns without a header

Where a file has several of them, the objective is the one of its own task: of poses and masks before boxes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from search.replay.epoch_order import EpochRow, first_epoch
from search.replay.recording import Run
from search.replay.run_arguments import RunArguments, read_arguments
from search.replay.trainer_files import MAX_ROWS, Family, Source
from trainables.errors import DataError
from trainables.logs.csv_table import CsvTable, TableRow, parse_epoch, parse_number, parse_table
from trainables.logs.text_file import printable, quoted
from trainables.logs.ultralytics_columns import METRICS, loss_columns, total

TEXT_METRIC = "metrics/mAP_0.5:0.95"
"""What the twelfth column of `results.txt` is, in YOLOv5's words."""

_PROGRESS = re.compile(r"(\d{1,6})/(\d{1,6})", re.ASCII)
_TEXT_COLUMNS = 15
_TOTAL_LOSS, _PRECISION, _RECALL, _MAP50, _MAP50_95, _HELD_OUT = 5, 8, 9, 10, 11, slice(12, 15)
_ROUNDED = 1.002
"""Numbers in `results.txt` have three or four digits."""


def read_results_csv(path: Path, source: Source) -> list[tuple[Family, Run]]:
    """The trainings in the `results.csv` at `path`; more than one if they were appended.

    Raises:
        DataError: the file cannot be read, or it is not known which of its rows make one training.
    """
    table = parse_table(source.read(path), MAX_ROWS)
    metric = source.metric or next((name for name in METRICS if name in table.columns), METRICS[2])
    rows = list(_csv_rows(table, metric, source))
    if not rows:
        raise DataError("has no epoch: the training ended before its first one did")
    return source.runs(path, rows, first_epoch(rows), metric, read_arguments(path.parent))


def _csv_rows(table: CsvTable, metric: str, source: Source) -> Iterator[EpochRow]:
    epoch, value = table.index("epoch"), table.index(metric)
    train, held_out = _losses(table, "train/"), _losses(table, "val/") or _losses(table, "test/")
    commas = table.has_decimal_commas([epoch, value, *train, *held_out])
    for row in table.rows:
        # A trainer ends every line: the numbers of a last one without an end may be cut.
        cut = row is table.rows[-1] and not table.file.ends_in_a_line
        if cut or table.is_half_written(row):
            source.remark(f"{source.where(table.file.path)}: row {row.number} was written by half and is left out")
            continue
        if row.fault:
            raise DataError(f"row {row.number} {row.fault}")
        number = _cells(table, row, commas)
        yield EpochRow(
            row.number,
            _epoch(row, epoch, commas),
            *_evaluated(number(value), [number(index) for index in held_out], [number(index) for index in train]),
            cells=row.cells,
        )


def _losses(table: CsvTable, prefix: str) -> list[int]:
    return [table.index(name) for name in loss_columns(table.columns, prefix)]


def _cells(table: CsvTable, row: TableRow, commas: bool) -> Callable[[int], float | None]:
    def number(index: int) -> float | None:
        try:
            return parse_number(row.cells[index], commas)
        except ValueError:
            raise DataError(
                f"row {row.number}: {printable(table.columns[index])} is {quoted(row.cells[index])}; it must be a "
                "number or empty"
            ) from None

    return number


def _epoch(row: TableRow, index: int, commas: bool) -> int:
    try:
        return parse_epoch(row.cells[index], commas)
    except ValueError:
        raise DataError(f"row {row.number}: epoch is {quoted(row.cells[index])}; it must be a whole number") from None


def _evaluated(
    value: float | None, held_out: list[float | None], train: list[float | None]
) -> tuple[float | None, float | None, float | None]:
    """Value, training loss and held-out loss of an epoch; where all is 0 that validation gives, there was none."""
    if held_out and not value and not any(held_out):
        return None, total(train), None
    # Some trainers validate without losses, and write zeros for them.
    return value, total(train), total(held_out) if any(held_out) else None


def read_results_txt(path: Path, source: Source) -> list[tuple[Family, Run]]:
    """The trainings in the `results.txt` at `path`.

    Raises:
        DataError: the file cannot be read, or its columns are not those of YOLOv7.
    """
    if source.metric not in (None, TEXT_METRIC):
        raise DataError(f"has no column {source.metric!r}; the one that can be compared is {TEXT_METRIC!r}")
    file = source.read(path)
    lines = [
        (number, line.split(maxsplit=_TEXT_COLUMNS)) for number, line in enumerate(file.short_lines(MAX_ROWS), start=1)
    ]
    lines = [(number, tokens) for number, tokens in lines if tokens]
    if lines and not file.ends_in_a_line:
        source.remark(f"{source.where(path)}: row {lines[-1][0]} was written by half and is left out")
        lines.pop()
    if not lines:
        raise DataError("has no epoch: the training ended before its first one did")
    rows, planned, numbers = [], 0, []
    for number, tokens in lines:
        row, planned, columns = _text_row(number, tokens)
        rows.append(row)
        numbers.append(columns)
    _check_columns(numbers)
    arguments = read_arguments(path.parent)
    return source.runs(path, rows, 0, TEXT_METRIC, RunArguments(arguments.data, planned, arguments.settings))


def _text_row(number: int, tokens: list[str]) -> tuple[EpochRow, int, list[float]]:
    """One line: the row, the planned epochs, and the line's numbers, NaN where there is none."""
    progress = _PROGRESS.fullmatch(tokens[0])
    if len(tokens) != _TEXT_COLUMNS or not progress:
        raise DataError(
            f"row {number} has {len(tokens)} columns and begins with {quoted(tokens[0])}; lines of YOLOv7 have "
            f"{_TEXT_COLUMNS} and begin with 0/299"
        )
    columns: list[float] = [float("nan")] * 2
    for token in tokens[2:]:
        try:
            cell = parse_number(token)
        except ValueError:
            raise DataError(f"row {number}: {quoted(token)} must be a number") from None
        columns.append(float("nan") if cell is None else cell)
    value, loss, held_out = _evaluated(columns[_MAP50_95], [*columns[_HELD_OUT]], [columns[_TOTAL_LOSS]])
    row = EpochRow(number, int(progress[1]), value, loss, held_out, cells=tuple(tokens))
    return row, int(progress[2]) + 1, columns


def _check_columns(rows: list[list[float]]) -> None:
    """YOLOv3's file looks the same and has F1 in the place of mAP at 0.5:0.95, which is never above mAP at 0.5."""
    above = [number for number, row in enumerate(rows, start=1) if row[_MAP50_95] > _ROUNDED * row[_MAP50] + 1e-6]
    means = [
        abs(2 * row[_PRECISION] * row[_RECALL] / (row[_PRECISION] + row[_RECALL]) / row[_MAP50_95] - 1) < 1e-2
        for row in rows
        if row[_PRECISION] > 0 and row[_RECALL] > 0 and row[_MAP50_95] > 0
    ]
    if above:
        raise DataError(
            f"row {above[0]}: column 12 is above column 11 (mAP at 0.5), so it is not mAP at 0.5:0.95; YOLOv3 writes "
            "F1 there"
        )
    if len(means) > 1 and all(means):
        raise DataError("column 12 is F1, the harmonic mean of columns 9 and 10, as YOLOv3 writes it, and no mAP")
