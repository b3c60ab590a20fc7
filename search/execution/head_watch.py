"""Notices that a process of Ray's head on this machine has died.

Ray's client waits a minute for its head (the GCS) and then ends the driver from C++, without a message that helps a
user. This module ends the driver at once, with one sentence. To the sweep it is as if the driver had been killed: the
journal is on disk, and Ray's other processes and the recorder end when the driver does.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ray._private import ray_constants
from ray._private import worker as ray_worker

from search.execution.job_protocol import ERROR_PREFIX

POLL_SECONDS = 1.0
EXIT_CODE = 2
_NEEDED = (ray_constants.PROCESS_TYPE_GCS_SERVER, ray_constants.PROCESS_TYPE_RAYLET)


def dead_processes() -> list[str]:
    """The kinds of the processes of Ray's head, started by this process, that have died."""
    return [kind for kind, _ in ray_worker.global_worker.node.dead_processes() if kind in _NEEDED]


@contextmanager
def watched_head(resume: str, dead: Callable[[], list[str]] = dead_processes) -> Iterator[None]:
    """For the block: end this process with one sentence as soon as one of Ray's processes has died.

    Args:
        resume: the command line that resumes the sweep.
        dead: returns the kinds of the processes that have died.
    """
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(POLL_SECONDS):
            if kinds := dead():
                what = f"Ray's process {kinds[0]} on this machine has died"
                print(
                    f"\n{ERROR_PREFIX}{what}; nothing is lost, resume with: {resume}",
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
