"""What the command line writes to a terminal, a pipe or a log: plain text that cannot control it, in its encoding.

`shielded` puts a stream of this module in the place of standard output and standard error, so that every `print` passes
through it. `console` makes Rich's console, whose own codes for colours pass, and those in names and messages do not.
"""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO

from trainables.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

_PLAIN = {
    **dict(zip("▁▂▃▄▅▆▇█", "_.:-=+*#", strict=True)),
    **{"–": "-", "—": "-", "−": "-", "±": "+-", "…": "...", "×": "x", "·": "|", "’": "'", "≥": ">=", "≤": "<="},
}
"""Our own characters in ASCII; others, such as those of names, become Python's escapes."""
_ERRORS = "steadytune.plain"
_OF_CONSOLE: ContextVar[bool] = ContextVar("_OF_CONSOLE", default=False)
"""Whether what is written comes from Rich's console, with codes of its own."""


class SafeStream(io.TextIOBase):
    """A text stream whose writes pass through `printable` and, where its encoding lacks a character, `_PLAIN`."""

    def __init__(self, stream: TextIO) -> None:
        self.raw = stream
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)

    def write(self, text: str) -> int:
        """Write `text`. A carriage return passes at its beginning, where progress bars have it and it hides nothing."""
        if _OF_CONSOLE.get():
            return self.raw.write(text)
        body = text.replace("\r\n", "\n")
        start = "\r" if body.startswith("\r") else ""
        self.raw.write(start + printable(body.removeprefix(start)))
        return len(text)

    def writelines(self, lines: Iterable[Any]) -> None:
        """Write each of `lines`."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Pass on what is buffered."""
        self.raw.flush()

    def isatty(self) -> bool:
        """Whether a terminal shows it."""
        return self.raw.isatty()

    def fileno(self) -> int:
        """The file descriptor."""
        return self.raw.fileno()

    def writable(self) -> bool:
        """A stream to write to."""
        return True

    def __getattr__(self, name: str) -> Any:  # encoding, buffer and what else libraries ask for
        return getattr(self.raw, name)


def one_line_each(log: str) -> str:
    """A program's log with each state of its progress bars on a line of its own, instead of over the one before."""
    return log.replace("\r\n", "\n").replace("\r", "\n")


class _ConsoleStream:
    """A stream for Rich's console, whose writes pass through a `SafeStream`, wherever that is, as they are."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        token = _OF_CONSOLE.set(True)
        try:
            return self._stream.write(text)
        finally:
            _OF_CONSOLE.reset(token)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def shielded() -> Iterator[None]:
    """For the block, standard output and standard error are `SafeStream`s."""
    codecs.register_error(_ERRORS, _replace)
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = SafeStream(sys.stdout), SafeStream(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def console() -> Console:
    """The console for results: as wide as the terminal; lines are not wrapped where there is no terminal."""
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class SafeConsole(Console):
        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                yield segment if segment.control else segment._replace(text=printable(segment.text))

    output: Any = _ConsoleStream(sys.stdout)
    # No markup: "[/data/x]" in a message would be a closing tag.
    return SafeConsole(file=output, highlight=False, markup=False, emoji=False, soft_wrap=not sys.stdout.isatty())


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    text = "".join(
        _PLAIN.get(character) or character.encode("ascii", "backslashreplace").decode()
        for character in error.object[error.start : error.end]
    )
    return text, error.end
