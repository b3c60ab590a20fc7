"""Lines of a file that another program is writing: each is read once, as soon as its end is there."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from trainables.errors import DataError
from trainables.logs.text_file import printable

MAX_LINE_BYTES = 1 << 20
"""Of a line that has no end yet; a longer one is no row."""
_CHUNK = 1 << 22
_LINE_END = re.compile(rb"\r\n|\n|\r")
_SAMPLE = 64
"""Bytes at the beginning and before the present place by which a file is recognised."""


@dataclass(frozen=True)
class NewLines:
    """What was read at a time.

    Attributes:
        lines: without their ends.
        restarted: the file was replaced or written anew, so these are its lines from the first on.
    """

    lines: list[str]
    restarted: bool = False


class Tail:
    """Reads a growing file.

    Args:
        path: the file; it need not be there yet.
        start: the byte to begin at.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self._offset = start
        self._head = self._before = b""
        self._identity: tuple[int, int] | None = None

    def read(self, final: bool = False) -> NewLines:
        """The lines that are complete and were not read before; with `final` also one without an end.

        Raises:
            DataError: a line has no end after `MAX_LINE_BYTES`.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # not there, or being replaced just now
            return NewLines([])
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            identity = status.st_dev, status.st_ino
            restarted = self._identity is not None and (
                identity != self._identity or not self._same(file, status.st_size)
            )
            if restarted:
                self._offset = 0
            self._identity = identity
            file.seek(self._offset)
            data = file.read(_CHUNK)
            while len(data) >= _CHUNK and (more := file.read(_CHUNK)):
                data += more
            lines = self._lines(data, final)
            self._remember(file)
        return NewLines(lines, restarted)

    def _same(self, file: BinaryIO, size: int) -> bool:
        """Whether what was read is still there."""
        if size < self._offset:
            return False
        for offset, sample in ((0, self._head), (self._offset - len(self._before), self._before)):
            file.seek(offset)
            if file.read(len(sample)) != sample:
                return False
        return True

    def _lines(self, data: bytes, final: bool) -> list[str]:
        ends = [match.end() for match in _LINE_END.finditer(data)]
        complete = len(data) if final else ends[-1] if ends else 0
        if len(data) - complete > MAX_LINE_BYTES:
            raise DataError(f"{printable(self.path)}: a line has more than {MAX_LINE_BYTES:,} bytes and no end")
        first = self._offset == 0
        self._offset += complete
        text = data[:complete].decode("utf-8", "replace")
        lines = re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff") if first else text)
        return lines if final and lines[-1] else lines[:-1]

    def _remember(self, file: BinaryIO) -> None:
        start = max(0, self._offset - _SAMPLE)
        file.seek(0)
        self._head = file.read(min(_SAMPLE, self._offset))
        file.seek(start)
        self._before = file.read(self._offset - start)
