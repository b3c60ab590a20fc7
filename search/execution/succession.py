"""Goes on with a sweep whose Ray on this machine has died: this process becomes `steadytune resume NAME`.

A new Ray cannot start in a process that holds the state of a dead one. So the process is replaced: it keeps its number,
its terminal and its output, and frees the sweep's lock. An environment variable tells the new program what it succeeds.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from search.execution.ray_folder import remove_session
from search.next_step import command
from search.sweep.environment import python_path
from trainables.errors import SteadytuneError

VARIABLE = "STEADYTUNE_SUCCEEDS"
_BELOW_LIVE_VIEW = b"\x1b[?25h\n"
"""Shows the cursor again, on the line below the live view, which stays on the terminal as it was last."""

Succession = Callable[[str, Path, Path], None]
"""Gets what has happened, the sweep's folder and that of Ray's session. It comes back if it cannot go on."""
SUCCESSION: ContextVar[Succession | None] = ContextVar("SUCCESSION", default=None)


@contextmanager
def goes_on(name: str, root: Path, is_interrupted: Callable[[], bool]) -> Iterator[None]:
    """For the block, in which the command line runs a sweep: go on by itself if Ray dies. Not for a user's program.

    Args:
        name: of the sweep, or of its stages, as `steadytune resume` takes it.
        root: folder of the sweeps.
        is_interrupted: whether the user has asked the sweep to end.

    Raises:
        SteadytuneError: this process has gone on before, and Ray died again before an epoch was recorded.
    """
    environment = os.environ | {"PYTHONPATH": python_path()}  # before Ray adds to it
    epochs_before: dict[str, int] = {}
    if succeeds := os.environ.pop(VARIABLE, None):
        del environment[VARIABLE]
        epochs_before = _take_over(json.loads(succeeds), command("resume", name, root))

    def succeed(cause: str, sweep: Path, session: Path) -> None:
        if is_interrupted():
            return
        succeeds = {
            "what": cause,
            "sweep": str(sweep),
            "session": str(session),
            "epochs": epochs_before.get(str(sweep), -1),
        }
        with suppress(OSError):
            if sys.stdout.isatty():
                os.write(1, _BELOW_LIVE_VIEW)
        with suppress(OSError):
            arguments = ["-m", "search", "resume", name, "--sweeps", str(root.absolute())]
            os.execve(sys.executable, [sys.executable, *arguments], environment | {VARIABLE: json.dumps(succeeds)})

    token = SUCCESSION.set(succeed)
    try:
        yield
    finally:
        SUCCESSION.reset(token)


def _take_over(succeeds: dict[str, str | int], resume: str) -> dict[str, int]:
    """Remove the dead session and tell the user; returns how many epochs the sweep of that folder has now."""
    from search.journal.events import EpochDone
    from search.journal.segments import read  # imports PyArrow, which takes seconds

    remove_session(Path(str(succeeds["session"])))
    folder = Path(str(succeeds["sweep"]))
    rows = read(folder / "journal") if (folder / "journal").is_dir() else ()
    epochs = len({(row.event.trial, row.event.epoch) for row in rows if isinstance(row.event, EpochDone)})
    if epochs <= int(succeeds["epochs"]):
        raise SteadytuneError(
            f"{succeeds['what']} again, before another epoch was recorded; nothing is lost, resume with: {resume}"
        )
    print(f"{succeeds['what']}; the sweep goes on by itself, from what it has recorded.", file=sys.stderr, flush=True)
    return {str(folder): epochs}
