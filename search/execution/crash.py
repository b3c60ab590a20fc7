"""Trainings whose process died: what is known of the cause, and when so many fail alike that the sweep should end."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path

_TAIL_LINES = 200
_HANG = re.compile(r"Timeout \(\d+:\d\d:\d\d(\.\d+)?\)!")  # how faulthandler begins what it writes
_CRASH = re.compile(r"Fatal Python error: (.+)")


def died(error: str, log: Path) -> str:
    """One sentence on why a process died.

    Args:
        error: what Ray says of it.
        log: the trial's, into which faulthandler wrote where a crash or a hang happened.
    """
    seen = f"(see {log})"
    if "OutOfMemoryError" in error:
        return (
            f"its process was killed because the machine ran out of memory; try fewer workers or a smaller batch {seen}"
        )
    if "error raised in its creation task" in error:  # as Ray says it; the traceback ends with the cause
        return f"its process could not begin: {error.strip().splitlines()[-1].rpartition('errors.')[2]}"
    tail = _tail(log)
    for line in reversed(tail):
        if _HANG.match(line):
            return f"no epoch for so long that it counts as hanging (hang_minutes); where it hung stands in {log}"
        if crash := _CRASH.match(line):
            return f"its process crashed: {crash[1]} {seen}"
    said = next((line for line in reversed(tail) if line.strip()), "")
    return f"its process died, or was killed; its last words: {said.strip()[:200] or 'none'} {seen}"


def _tail(log: Path) -> list[str]:
    try:
        with log.open(encoding="utf-8", errors="replace") as file:
            return list(deque((line.rstrip("\n") for line in file), _TAIL_LINES))
    except FileNotFoundError:
        return []
