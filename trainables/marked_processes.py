"""Finds processes by what their environment said when they began, whoever their parent is by now."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def marked_processes(variable: str, value: str) -> list[int]:
    """The numbers of the other live processes whose environment began with `variable` as `value`; Linux only."""
    mark = os.fsencode(f"{variable}={value}")
    marked = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            with suppress(OSError):  # another user's, or it has ended
                if mark in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                    marked.append(int(name))
    return marked
