"""Text files that other programs wrote, read within bounds: never a pipe, never more bytes than allowed."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from trainables.errors import DataError

MEBIBYTE = 1 << 20
QUOTED_CHARACTERS = 60
"""How much of a wrong value a sentence repeats."""
MAX_LINES = 500_000
MAX_LINE_LENGTH = 200_000
MAX_CHARACTERS = 1000
"""How much of a path or a reason."""

_LINE_END = re.compile(r"\r\n|\n|\r")
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)
"""Byte order marks, the longer before those that they begin with."""


@dataclass(frozen=True)
class TextFile:
    """What a text file holds.

    Attributes:
        path: of the file.
        text: without a byte order mark.
        encoding: "utf-8", or the other one that it had to be read with.
    """

    path: Path
    text: str
    encoding: str

    def lines(self, max_lines: int = MAX_LINES) -> list[str]:
        """Its lines without their ends; the last one is empty if the one before was written to its end.

        Raises:
            DataError: more than `max_lines`.
        """
        # Counted first: a list of nothing but line ends takes more memory than the text. A line may have two ends.
        too_many = self.text.count("\n") + self.text.count("\r") > 2 * max_lines
        # `str.splitlines` would also split at signs that do not end a line.
        lines = [] if too_many else _LINE_END.split(self.text)
        if too_many or len(lines) > max_lines:
            raise DataError(f"{printable(self.path)}: has more than {max_lines:,} lines")
        return lines

    def short_lines(self, max_lines: int = MAX_LINES) -> list[str]:
        """The same, where no line is longer than `MAX_LINE_LENGTH`, so that each can be split at once.

        Raises:
            DataError: more than `max_lines`, or a longer line.
        """
        lines = self.lines(max_lines)
        if long := next((number for number, line in enumerate(lines, start=1) if len(line) > MAX_LINE_LENGTH), None):
            length = len(lines[long - 1])
            raise DataError(
                f"{printable(self.path)}: line {long} has {length:,} signs, at most {MAX_LINE_LENGTH:,} are read"
            )
        return lines

    @property
    def ends_in_a_line(self) -> bool:
        """Whether its last line was written to its end."""
        return self.text.endswith(("\n", "\r"))


def printable(text: object) -> str:
    """`text` on one line: signs that a terminal would obey are escaped, a long text is cut."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in str(text)[:MAX_CHARACTERS])


def quoted(text: str) -> str:
    """A value as a sentence names it."""
    cut = text if len(text) <= QUOTED_CHARACTERS else f"{text[:QUOTED_CHARACTERS]}…"
    return f"'{printable(cut)}'"


def read_text(path: Path, max_bytes: int) -> TextFile:
    """The text of the regular file at `path`: UTF-8, UTF-16 or UTF-32; bytes that are none of them are Windows-1252.

    Raises:
        DataError: no regular file, not readable, larger than `max_bytes`, or cut within a sign of UTF-16.
    """
    data = _read_bytes(path, max_bytes)
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), _without_mark(data))
    if encoding != "utf-8":
        try:
            text = data[: len(data) // _width(encoding) * _width(encoding)].decode(encoding)
        except UnicodeDecodeError as error:
            raise DataError(f"{printable(path)}: is no valid {encoding.upper()} text ({error.reason})") from None
        return TextFile(path, text, "utf-8" if encoding == "utf-8-sig" else encoding)
    try:
        return TextFile(path, data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":  # cut within its last sign
            return TextFile(path, data[: error.start].decode("utf-8"), "utf-8")
    try:
        return TextFile(path, data.decode("cp1252"), "Windows-1252")
    except UnicodeDecodeError:
        return TextFile(path, data.decode("latin-1"), "Latin-1")


def _read_bytes(path: Path, max_bytes: int) -> bytes:
    try:
        # A pipe would wait for its writer for ever; without O_NONBLOCK even opening it does.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise DataError(f"{printable(path)}: cannot be read ({_reason(error)})") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{printable(path)}: is no regular file; pipes, devices and folders are not read")
        try:
            # A file may grow, or say that it is empty, as those in /proc do.
            data = b"" if status.st_size > max_bytes else file.read(max_bytes + 1)
        except OSError as error:
            raise DataError(f"{printable(path)}: cannot be read ({_reason(error)})") from None
    size = max(status.st_size, len(data))
    if size > max_bytes:
        raise DataError(
            f"{printable(path)}: has {size / MEBIBYTE:,.1f} MiB; at most {max_bytes / MEBIBYTE:,g} MiB of such a file "
            "are read"
        )
    return data


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _without_mark(data: bytes) -> str:
    """Numbers in UTF-16 have every second byte zero; zero bytes in UTF-8 come from a crash, seldom and in blocks."""
    head = data[: 1 << 12]
    if len(head) >= 4 and head[1::2].count(0) > 0.8 * (len(head) // 2) and head[::2].count(0) == 0:
        return "utf-16-le"
    if len(head) >= 4 and head[::2].count(0) > 0.8 * (len(head) // 2) and head[1::2].count(0) == 0:
        return "utf-16-be"
    return "utf-8"


def _width(encoding: str) -> int:
    return 4 if encoding == "utf-32" else 2 if encoding.startswith("utf-16") else 1
