"""Ends what an earlier run of a sweep left running on this machine.

Ray's workers outlive a dead head, and a killed driver, by up to a minute, and go on with the epoch that they are in. A
sweep that is resumed meanwhile would train the same trial in two processes. So every process of a sweep's own Ray, and
what it starts, has the sweep's folder in its environment.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trainables.command import supervisor
from trainables.errors import SteadytuneError
from trainables.marked_processes import marked_processes

VARIABLE = "STEADYTUNE_RAY_OF"
_KEEPS_ENVIRONMENT = "SPT_NOENV"
"""Ray's agents would write their new names over it, as far as others can read it; its workers have this from Ray."""
WAIT_SECONDS = 60.0
"""A killed process of a training may need some seconds to give back its memory, and a script to end."""
_POLL_SECONDS = 0.1


@contextmanager
def marked(folder: Path) -> Iterator[None]:
    """For the block, processes that are started know that they belong to the sweep in `folder`."""
    marks = {VARIABLE: _mark(folder), _KEEPS_ENVIRONMENT: "1"}
    os.environ.update(marks)
    try:
        yield
    finally:
        for name in marks:
            del os.environ[name]


def end_leftovers(folder: Path) -> None:
    """Kill the processes of an earlier Ray of the sweep in `folder`, which this process has locked.

    The supervisor of a script is let be: it ends its script, and then itself, once its worker is gone.

    Raises:
        SteadytuneError: one of them does not end.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while processes := marked_processes(VARIABLE, _mark(folder)):
        if time.monotonic() > deadline:
            numbers = ", ".join(map(str, processes))
            raise SteadytuneError(
                f"{folder}: processes of an earlier run of this sweep do not end ({numbers}); "
                "look at what they wait for, then resume"
            )
        for number in processes:
            with suppress(OSError):  # it has ended
                if os.fsencode(supervisor.__file__) not in Path(f"/proc/{number}/cmdline").read_bytes():
                    os.kill(number, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)


def _mark(folder: Path) -> str:
    """The path alone would not do: another container, whose processes are seen here, may have the same one."""
    status = folder.stat()
    return f"{status.st_dev}:{status.st_ino}:{folder}"
