"""A sample data set is there whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trainables.atomic import new_folder_once
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
    with new_folder_once(directory) as partial:
        write(partial)
    return directory / described
