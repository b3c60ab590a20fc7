"""A sample data set is there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from trainables.errors import DataError


def write_whole(directory: Path, described: str, write: Callable[[Path], None]) -> Path:
    """Have `write` fill a new folder and put it in place as `directory`; returns its file `described`.

    A data set that an earlier call wrote there is left as it is.

    Raises:
        DataError: `directory` holds something else.
    """
    if (directory / described).is_file():
        return directory / described
    if directory.is_dir() and any(directory.iterdir()):
        raise DataError(
            f"{directory}: is not empty and holds no {described}; give a new folder for the sample data set"
        )
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        write(partial)
        partial.chmod(0o755)
        os.replace(partial, directory)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return directory / described
