"""Notices that a process of Ray's head on this machine has died.

Ray's client waits a minute for its head (the GCS) and then ends the driver from C++, without a message that helps a
user. This module ends the driver at once, with one sentence, or has it go on (`search.execution.succession`). To the
sweep it is as if the driver had been killed: the journal is on disk, and Ray's other processes and the recorder end
when the driver does.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ray._private import ray_constants
from ray._private import worker as ray_worker

from search.execution.job_protocol import ERROR_PREFIX
from search.execution.succession import SUCCESSION
from search.next_step import command

POLL_SECONDS = 0.2
"""Short, so that a raylet's death is noticed before its workers' own, for which trials would be blamed."""
EXIT_CODE = 2
_NEEDED = (ray_constants.PROCESS_TYPE_GCS_SERVER, ray_constants.PROCESS_TYPE_RAYLET)
_ASKED_TO_END = (0, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)
"""How a process ends that `ray stop`, a job system or a closed terminal asks to, and soon the driver too."""


def dead_processes() -> list[tuple[str, int]]:
    """The kinds of the processes of Ray's head, started by this process, that have died, and their exit codes."""
    dead = ray_worker.global_worker.node.dead_processes()
    return [(kind, process.returncode) for kind, process in dead if kind in _NEEDED]


@contextmanager
def watched_head(
    sweep: Path, session: Path, dead: Callable[[], list[tuple[str, int]]] = dead_processes
) -> Iterator[None]:
    """For the block: end this process with one sentence, or replace it, as soon as one of Ray's processes has died.

    Args:
        sweep: the sweep's folder.
        session: the folder of Ray's session.
        dead: returns the kinds of the processes that have died, and their exit codes.
    """
    ended = threading.Event()
    succeed = SUCCESSION.get()  # of this thread, not of the one below

    def watch() -> None:
        while not ended.wait(POLL_SECONDS):
            if processes := dead():
                kind, code = processes[0]
                cause = f"Ray's process {kind} on this machine has died"
                if succeed and code not in _ASKED_TO_END:
                    succeed(cause, sweep, session)
                resume = command("resume", sweep.name, sweep.parent)
                print(
                    f"\n{ERROR_PREFIX}{cause}; nothing is lost, resume with: {resume}",
                    file=sys.stderr,
                    flush=True,
                )
                os._exit(EXIT_CODE)  # a regular exit would wait for Ray, which takes a minute

    thread = threading.Thread(target=watch, name="head-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()  # after the block Ray ends its processes itself
