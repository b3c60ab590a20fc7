"""A blocking loop of somebody else's, run one step at a time.

The loop runs in a thread and calls `Turns.wait` from its callbacks; `Turns.advance` lets it run on to its next call.
Only one of the two threads runs at a time, so that process-wide random generators belong to the one that runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Stopped(BaseException):
    """Raised in the loop by `Turns.close`. No `Exception`, so that no handler of the loop takes it for an error."""


class Turns:
    """Runs `loop` in turns with the caller."""

    def __init__(self, loop: Callable[[], None]) -> None:
        self._loop = loop
        self._arrivals: SimpleQueue[str | None] = SimpleQueue()
        self._permits: SimpleQueue[bool] = SimpleQueue()
        self._error: BaseException | None = None
        # A daemon: a process that ends without `close` does not wait for a training.
        self._thread = threading.Thread(target=self._run, name="ultralytics", daemon=True)
        self._started = False

    def advance(self) -> str | None:
        """Let the loop run to its next `wait`; returns that call's `position`, or None if the loop has ended.

        Raises:
            BaseException: whatever the loop raised.
        """
        if self._started:
            self._permits.put(True)
        else:
            self._started = True
            self._thread.start()
        position = self._arrivals.get()
        if position is None:
            self._thread.join()
            if self._error is not None:
                raise self._error
        return position

    def wait(self, position: str) -> None:
        """Called by the loop: hand over to the caller of `advance`, and go on when it is called again.

        Raises:
            Stopped: `close` was called instead.
        """
        self._arrivals.put(position)
        if not self._permits.get():
            raise Stopped

    def close(self) -> None:
        """End the loop where it waits, by raising `Stopped` there; its own cleaning up is done when this returns."""
        if self._started and self._thread.is_alive():
            self._permits.put(False)
            self._thread.join()

    def _run(self) -> None:
        try:
            self._loop()
        except Stopped:
            pass
        except BaseException as error:  # the caller's thread raises it
            self._error = error
        finally:
            self._arrivals.put(None)
