"""What a training prints, on the terminal and in its log."""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO

FILE = "log.txt"


class TrainingLog:
    """The log in a training's folder.

    Args:
        folder: of the training; a log that is there is continued.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE

    def say(self, line: str) -> str:
        """Write a line of our own; returns it."""
        with self.file.open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")
        return line

    def trace(self) -> None:
        """Write the traceback of the exception that is handled now."""
        self.say(traceback.format_exc().rstrip())

    @contextmanager
    def copied(self) -> Iterator[None]:
        """For the block, copy what is printed."""
        with self.file.open("a", encoding="utf-8") as log:
            out, error = _Copy(sys.stdout, log), _Copy(sys.stderr, log)
            with redirect_stdout(out), redirect_stderr(error):
                yield


class _Copy(io.TextIOBase):
    """A text stream that writes to two others."""

    def __init__(self, terminal: TextIO, log: TextIO) -> None:
        self._terminal, self._log = terminal, log

    def write(self, text: str) -> int:
        if not self._log.closed:  # a logger that was made in the block keeps this stream for ever
            self._log.write(text)
        return self._terminal.write(text)

    def flush(self) -> None:
        if not self._log.closed:
            self._log.flush()
        self._terminal.flush()

    def isatty(self) -> bool:
        return self._terminal.isatty()

    def fileno(self) -> int:
        return self._terminal.fileno()
