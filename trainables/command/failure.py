"""Why a script failed, as one sentence from its exit code and the end of its output."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from trainables.errors import KilledError, SteadytuneError

LAST_BYTES = 1 << 16
LAST_LINES = 40
"""Of a log, which say why a script failed."""
_OUT_OF_MEMORY = re.compile(r"out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED", re.IGNORECASE)


class ScriptError(SteadytuneError):
    """The script ended with an error."""


class OutOfMemoryError(ScriptError):
    """The script's GPU had too little memory; on a GPU of its own it may go on."""


def last_lines(log: Path, start: int = 0) -> list[str]:
    """The last lines of a log that are not empty, from byte `start` on."""
    try:
        with log.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(start, end - LAST_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line for line in re.split(r"[\r\n]+", text) if line.strip()][-LAST_LINES:]


def exit_error(code: int, epochs: int, log: Path, start: int) -> ScriptError | KilledError:
    """The error of a script that ended with exit code `code` after `epochs` epochs, its output from `start` on."""
    lines = last_lines(log, start)
    # What torchrun and others print below the cause is about the processes, not about the error.
    errors = [line for line in lines if re.match(r"\s*[\w.]*(Error|Exception|Interrupt)\b", line)]
    last_line = (errors or lines or ["it printed nothing"])[-1].strip()[:200]
    when = f"after epoch {epochs}" if epochs else "before its first epoch"
    if any(_OUT_OF_MEMORY.search(line) for line in lines):
        return OutOfMemoryError(f"the script ran out of GPU memory {when}: {last_line}")
    if code == -signal.SIGKILL:
        fix = "as when the machine is out of memory: try fewer workers or a smaller batch"
        return KilledError(f"the script was killed {when}, {fix}; it last printed: {last_line}")
    if code < 0:
        return KilledError(f"the script was ended by {signal.Signals(-code).name} {when}; it last printed: {last_line}")
    return ScriptError(f"the script ended with exit code {code} {when}: {last_line}")
