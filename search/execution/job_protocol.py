"""How a sweep that runs as a Ray job reports to the process that submitted it.

A Ray job can report only through its log, since its metadata are fixed when it is submitted. So a job prints one status
line, which `jobs.py` recognises and hides from the user. If a job fails, its last line that begins with `ERROR_PREFIX`
says why: the command line prints every user's mistake that way. Both lines are a protocol. Nothing depends on how views
word the same facts.
"""

from __future__ import annotations

import os

from search.sweep.environment import JOB

TRAINING_STATUS = "steadytune-job-status: training"
"""The whole line that a job prints when nothing has refused the sweep and its trials begin."""
BACKGROUND = "STEADYTUNE_BACKGROUND"
"""Environment variable of a driver that another process has started. That process reads the output of the driver."""
ERROR_PREFIX = "steadytune: "
"""Begins the one-sentence message about a user's mistake."""


def announce_training() -> None:
    """Print the status line, if this process is the driver of a job, or runs in the background."""
    if JOB in os.environ or BACKGROUND in os.environ:
        print(TRAINING_STATUS, flush=True)


def is_status(line: str) -> bool:
    """Whether a line of a job's log is a status line, which is not for people."""
    return line.rstrip("\r\n") == TRAINING_STATUS


def error_sentence(log: str) -> str:
    """The last error message in a job's log; "" if it has none."""
    errors = [line.removeprefix(ERROR_PREFIX) for line in log.splitlines() if line.startswith(ERROR_PREFIX)]
    return errors[-1] if errors else ""
