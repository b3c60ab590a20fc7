"""A folder that a sink writes anew."""

from __future__ import annotations

import shutil
from pathlib import Path

MARK = "steadytune"
"""A file that says that a folder is ours, and may be replaced."""


def new_folder(target: Path) -> None:
    """Make `target` an empty folder; one that a sink wrote earlier is replaced.

    Raises:
        FileExistsError: something else is there.
        OSError: it cannot be written.
    """
    if target.exists() and not (target / MARK).is_file():
        raise FileExistsError(None, "holds something else", str(target))
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    (target / MARK).touch()
