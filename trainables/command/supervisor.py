"""A tiny process between a worker and a script: when anything above it dies, everything below it is ended.

It is run as a file, with the standard library alone. It is told what to start in a line of JSON on its standard input;
a later line `stop` asks it to end the script, and so does the end of that input, which comes when the worker dies,
however it dies. It answers with lines of JSON: {"pid": …}, then {"exit": code} when nothing of the script is left.

The script has a session of its own. What it started may have left that session (torchrun's workers do); such a process
becomes a child of this one when its parent dies (PR_SET_CHILD_SUBREAPER), and is ended too.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
ORPHAN_SECONDS = 5.0
"""How long processes are given to end after their worker has died, or their script has ended."""
CHECK_SECONDS = 1.0
"""How often it looks whether its worker still lives; its death also ends the standard input."""


def main() -> None:
    """Run one script to its end."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    reader, writer = os.pipe()
    for descriptor in (reader, writer):
        os.set_blocking(descriptor, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)  # only to wake `select`
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    worker = os.getppid()
    request = json.loads(_first_line())
    try:
        script = _start(request, libc)
    except OSError as error:
        _answer({"error": f"{error.strerror}", "file": str(error.filename or request["command"][0])})
        return
    _answer({"pid": script.pid})
    grace = _watch(script, reader, worker, float(request["grace"]))
    _end(script, int(request["signal"]), grace)
    _answer({"exit": script.wait()})


def _first_line() -> bytes:
    text = b""
    while not text.endswith(b"\n"):
        more = os.read(0, 1)  # no further: what follows is for `_watch`
        if not more:
            sys.exit(0)
        text += more
    return text


def _start(request: dict[str, Any], libc: Any) -> subprocess.Popen[bytes]:
    supervisor = os.getpid()

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != supervisor:  # it died before the line above
            os._exit(1)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a sweep in the background has it ignored, which is inherited

    with open(request["log"], "ab") as log:
        return subprocess.Popen(
            request["command"],
            cwd=request["directory"],
            env=request["environment"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=prepare,
        )


def _watch(script: subprocess.Popen[bytes], wakeup: int, worker: int, grace: float) -> float:
    """Return when the script has ended or is to end; returns how long what remains may take to end."""
    while script.poll() is None:
        ready, _, _ = select.select([0, wakeup], [], [], CHECK_SECONDS)
        if wakeup in ready:
            os.read(wakeup, 4096)
            _reap(script.pid)
        if 0 in ready:
            request = os.read(0, 4096)
            return grace if request else min(grace, ORPHAN_SECONDS)
        if os.getppid() != worker:
            return min(grace, ORPHAN_SECONDS)
    return min(grace, ORPHAN_SECONDS)


def _reap(script: int) -> None:
    """Wait for orphans that have ended; the script itself is Popen's."""
    for pid in _children(os.getpid()):
        if pid != script:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _end(script: subprocess.Popen[bytes], stop_signal: int, grace: float) -> None:
    """End all processes of the script: first with `stop_signal`, after `grace` seconds with SIGKILL."""
    deadline = time.monotonic() + grace
    number = stop_signal
    while pids := _remaining(script):
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        # Sent once; what is started meanwhile is found by the next round.
        while _remaining(script) and time.monotonic() < deadline:
            time.sleep(0.02)
        number = signal.SIGKILL
        deadline = time.monotonic() + 0.5


def _remaining(script: subprocess.Popen[bytes]) -> list[int]:
    """The living processes of the script; waits for those that have ended."""
    script.poll()
    _reap(script.pid)
    return members(script.pid, os.getpid())


def members(script: int, supervisor: int) -> list[int]:
    """The living processes of the script's session, and all below the supervisor."""
    processes = _processes()
    below = {supervisor}
    grown = True
    while grown:
        more = {pid for pid, (parent, _, _) in processes.items() if parent in below} - below
        below |= more
        grown = bool(more)
    return [
        pid
        for pid, (_, session, state) in processes.items()
        if state != "Z" and pid != supervisor and (session == script or pid in below)
    ]


def _children(parent: int) -> list[int]:
    return [pid for pid, (above, _, _) in _processes().items() if above == parent]


def _processes() -> dict[int, tuple[int, int, str]]:
    """Parent, session and state of each process."""
    processes = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
                processes[int(name)] = (int(fields[1]), int(fields[3]), fields[0].decode())
    return processes


def _answer(content: dict[str, Any]) -> None:
    with suppress(OSError):  # the worker is gone
        os.write(1, json.dumps(content).encode() + b"\n")


if __name__ == "__main__":
    main()
