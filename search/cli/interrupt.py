"""What a running sweep makes of its terminal: signals that ask it to end, and a terminal that is gone."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, NoReturn, TextIO

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a job system's polite request, a terminal that was closed."""


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """For the block, the first of `SIGNALS` raises KeyboardInterrupt; later ones change nothing.

    A sweep that has been asked to end needs some seconds to stop its trials and to write its journal. Impatient users
    press Ctrl-C again, and job systems repeat themselves. So the signals stay ignored after an interrupted block: the
    process ends. A signal that was ignored before, as `nohup` does with SIGHUP, stays ignored. The block gets a
    function that says whether it was interrupted.
    """
    interrupted = False

    def interrupt(signum: int, frame: Any) -> None:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        yield lambda: interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if interrupted else handler)


class _Lasting:
    """A stream that takes text for nobody once its terminal is closed or its pipe has no reader."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        self._keep(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._keep(self._stream.flush)

    def _keep(self, action: Any) -> None:
        try:
            action()
        except OSError as error:
            if error.errno not in (errno.EIO, errno.EPIPE):
                raise
            # What the stream still holds must not fail again when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


@contextmanager
def lasting_output() -> Iterator[None]:
    """For the block, output that cannot be shown any more is dropped: nobody's terminal may end a sweep."""
    with redirect_stdout(_Lasting(sys.stdout)), redirect_stderr(_Lasting(sys.stderr)):
        yield


def leave(code: int) -> NoReturn:
    """End this process; at once if it still waits for a storage, for which Arrow would wait at Python's own end too."""
    from search.storage.uploader import is_uploading  # imports PyArrow, which takes seconds

    if is_uploading():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
