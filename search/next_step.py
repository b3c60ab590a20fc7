"""The command line of a next step, as messages suggest it: pasted into the same terminal, it works."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

DEFAULT_SWEEPS = Path("sweeps")
"""The folder of the sweeps if nothing names another."""
SWEEPS_VARIABLE = "STEADYTUNE_SWEEPS"
"""Names another one in the environment."""


def command(verb: str, name: str, root: Path, *more: str) -> str:
    """The command line of `verb` for the sweep `name` in the folder `root`, with `more` arguments, quoted for a shell.

    It names `root` unless that is the folder which the command line takes by itself.
    """
    folder = root.absolute()
    is_default = folder == DEFAULT_SWEEPS.absolute() and not os.environ.get(SWEEPS_VARIABLE)
    sweeps = [] if is_default else ["--sweeps", seen_from_here(str(folder))]
    return shlex.join(["steadytune", verb, name, *sweeps, *more])


def seen_from_here(path: str) -> str:
    """An absolute path as people in the working folder would write it: short, if it lies in there."""
    return str(Path(path).relative_to(Path.cwd())) if Path(path).is_relative_to(Path.cwd()) else path
