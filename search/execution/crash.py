"""Says why the process of a training crashed (by Ray's error and the trial's log), and what is wrong with a disk."""

from __future__ import annotations

import errno
import re
from collections import deque
from pathlib import Path

_TAIL_LINES = 200
_HANG = re.compile(r"Timeout \(\d+:\d\d:\d\d(\.\d+)?\)!")  # the first line that faulthandler writes for a hang
_CRASH = re.compile(r"Fatal Python error: (.+)")  # and for a crash
_KILLED = "errors.KilledError: "  # in the traceback of a training whose own process was killed


def crash_reason(error: str, log: Path) -> str:
    """One sentence on why a process died.

    Args:
        error: Ray's error message.
        log: the trial's log, into which faulthandler writes the stack of a crash or a hang.
    """
    see_log = f"(see {log})"  # code that compares failures cuts this off
    if "OutOfMemoryError" in error:
        return (
            "its process was killed because the machine ran out of memory; "
            f"try fewer workers or a smaller batch {see_log}"
        )
    if "error raised in its creation task" in error:  # Ray's words; the traceback ends with the cause
        return f"its process could not start: {error.strip().splitlines()[-1].rpartition('errors.')[2]}"
    if _KILLED in error:
        return f"{error.rpartition(_KILLED)[2].strip().splitlines()[0]} {see_log}"
    if "killed by `ray.kill`" in error:  # only the driver's watch does that
        return (
            "its process stood still for longer than hang_minutes: it was stopped, or waited for a disk or GPU that "
            f"does not answer {see_log}"
        )
    tail = _tail(log)
    for line in reversed(tail):
        if _HANG.match(line):
            return f"an epoch took longer than hang_minutes, which counts as a hang; its stack is in {log}"
        if crash := _CRASH.match(line):
            return f"its process crashed: {crash[1]} {see_log}"
    last_line = next((line for line in reversed(tail) if line.strip()), "")
    return f"its process died, or was killed; the log's last line: {last_line.strip()[:200] or 'none'} {see_log}"


def _tail(log: Path) -> list[str]:
    try:
        with log.open(encoding="utf-8", errors="replace") as file:
            return list(deque((line.rstrip("\n") for line in file), _TAIL_LINES))
    except FileNotFoundError:
        return []


def disk_problem(error: OSError) -> str:
    """What is wrong with the disk, and the first half of what to do about it; "" if it is something else."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; nothing is lost: free some space"
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE):
        return f"files can no longer be written there ({error.strerror}); nothing is lost: make it writable again"
    return ""
