"""Readers of what libraries keep of a training: Hugging Face's state, MLflow's store. Each is a `readers.Reader`."""

from __future__ import annotations

import math
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from trainables.errors import DataError
from trainables.json_file import read_json
from trainables.logs.epochs import LogRow
from trainables.logs.line_readers import numbers
from trainables.logs.text_file import printable

MLFLOW_FILE = "mlflow.db"
"""In the run's folder: where a script logs to MLflow."""
_CHECKPOINT = re.compile(r"checkpoint-([0-9]{1,18})")
"""The trainer's own folders; scripts make others beside them, such as `checkpoint-best`."""


class TrainerStateReader:
    """`trainer_state.json` of Hugging Face's Trainer, in its newest checkpoint or in its output folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: tuple[Path, int, int] | None = None

    files: list[Path] = []  # noqa: RUF012  # in the checkpoint

    def skip(self) -> None:
        """Remove the state of a training that had gone on further than its checkpoint."""
        (self._folder / "trainer_state.json").unlink(missing_ok=True)

    def state(self) -> str:
        """Whether there is any."""
        return f"{printable(self._folder)} has no checkpoint-*/trainer_state.json with the metric"

    def read(self, final: bool) -> list[LogRow]:
        """See `Reader`; all rows of the newest file, if it is new."""
        path = self._newest()
        if path is None:
            return []
        try:
            status = path.stat()
            version = path, status.st_mtime_ns, status.st_size
            if version == self._read:
                return []
            content = read_json(path, "the trainer writes it anew")
        except (OSError, DataError):  # being written
            return []
        history = content.get("log_history") if isinstance(content, dict) else None
        if not isinstance(history, list):
            return []
        self._read = version
        rows = [dict(numbers(entry)) for entry in history if isinstance(entry, dict)]
        return [LogRow(row.pop("epoch"), row) for row in rows if "epoch" in row]

    def _newest(self) -> Path | None:
        final = self._folder / "trainer_state.json"  # written at the end
        if final.is_file():
            return final
        numbered = [
            (int(match[1]), path)
            for path in self._folder.glob("checkpoint-*/trainer_state.json")
            if (match := _CHECKPOINT.fullmatch(path.parent.name))
        ]
        return max(numbered)[1] if numbered else None


class MlflowReader:
    """The metrics that a script logs to MLflow, in the SQLite file that MLFLOW_TRACKING_URI names to it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._row = 0
        self._names: set[str] = set()

    files: list[Path] = []  # noqa: RUF012  # only added to

    def skip(self) -> None:
        """Leave out what an earlier script of this run logged."""
        self.read(final=False)

    def state(self) -> str:
        """What was logged."""
        if self._names:
            return f"it logged {', '.join(sorted(self._names))} to MLflow"
        return "it logged nothing to the store that MLFLOW_TRACKING_URI names"

    def read(self, final: bool) -> list[LogRow]:
        """See `Reader`."""
        if not self._path.is_file():
            return []
        query = "select rowid, key, value, is_nan, step from metrics where rowid > ? order by rowid"
        try:
            with closing(sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True, timeout=5)) as database:
                logged = database.execute(query, (self._row,)).fetchall()
        except sqlite3.OperationalError:  # its tables are being made
            return []
        self._row = logged[-1][0] if logged else self._row
        self._names |= {key for _, key, *_ in logged}
        return [LogRow(float(step), {key: _as_logged(value, bool(nan))}) for _, key, value, nan, step in logged]


def _as_logged(value: float, is_nan: bool) -> float:
    """The number that a script logged: MLflow stores NaN as 0 with a mark, and infinity as the largest number."""
    if is_nan:
        return math.nan
    return math.copysign(math.inf, value) if abs(value) >= sys.float_info.max else value
