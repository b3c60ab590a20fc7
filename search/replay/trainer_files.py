"""What the files of different trainers have in common: runs of one family are comparable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search.replay.epoch_order import EpochRow, Remark, complete_attempts, make_run, split_attempts
from search.replay.recording import Mode, Run
from search.replay.run_arguments import RunArguments
from trainables.logs.text_file import MEBIBYTE, TextFile, printable, read_text


@dataclass(frozen=True)
class Family:
    """What runs must share to be compared.

    Attributes:
        data: the data set, or the folder of the runs where it is not known.
        epochs: planned for each run.
        metric: the objective.
    """

    data: str
    epochs: int
    metric: str


@dataclass(frozen=True)
class Source:
    """A folder of trainings and what is asked of it.

    Attributes:
        root: the folder.
        metric: the objective's column; None for the trainer's usual one.
        mode: of the metric.
        max_bytes: of each file.
        remark: takes what was left out, or read in another way than it was written.
    """

    root: Path
    metric: str | None
    mode: Mode
    max_bytes: int
    remark: Remark

    def where(self, path: Path) -> str:
        """How sentences name the file at `path`."""
        return printable(path)

    def read(self, path: Path) -> TextFile:
        """The text of the file at `path`, with a remark if it is not in UTF-8.

        Raises:
            DataError: see `read_text`.
        """
        file = read_text(path, self.max_bytes)
        if file.encoding != "utf-8":
            self.remark(f"{printable(path)}: is not in UTF-8 and was read as {file.encoding}")
        return file

    def runs(
        self, path: Path, rows: Sequence[EpochRow], first: int, metric: str, arguments: RunArguments
    ) -> list[tuple[Family, Run]]:
        """The runs in the trainer's file at `path`, whose epochs are counted from `first`.

        Raises:
            DataError: see `split_attempts`, `complete_attempts` and `make_run`.
        """
        attempts = split_attempts(rows, first, self.where(path), self.remark)
        attempts = complete_attempts(attempts, arguments.epochs, first, self.where(path), self.remark)
        planned = arguments.epochs or max(attempt[-1].epoch - first + 1 for attempt in attempts)
        family = Family(arguments.data or self._name(path.parent.parent), planned, metric)
        name = self._name(path.parent)
        runs = []
        for number, attempt in enumerate(attempts, start=1):
            # Only the last training is described by what stands beside the file.
            settings = arguments.settings if number == len(attempts) else {}
            label = name if len(attempts) == 1 else f"{name} #{number}"
            runs.append((family, make_run(label, attempt, first, self.mode, settings)))
        return runs

    def _name(self, folder: Path) -> str:
        if folder == self.root or not folder.is_relative_to(self.root):
            return printable(self.root.resolve().name)
        return printable(folder.relative_to(self.root).as_posix())


MAX_ROWS = 200_000
"""Of one training's file: more than any training has epochs, restarts included."""
DEFAULT_MAX_BYTES = 32 * MEBIBYTE
"""Of a recorded file; YOLOX's log of 300 epochs on COCO has some 15 MiB."""
