"""Data sets that are made of a user's, such as of links to some of its images, in steadytune's own cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trainables.atomic import new_folder_once
from trainables.errors import DataError
from trainables.file_facts import cache_folder


def derived_folder(name: str, fill: Callable[[Path], None]) -> Path:
    """The folder `name` in the cache, where downloaded data sets are too (`search.storage.dataset_cache`).

    Args:
        name: says what is in it, by a digest, since what is there is not made again.
        fill: fills an empty folder.

    Raises:
        DataError: there is no cache, or it cannot be written; or what `fill` raises.
    """
    folder = cache_folder()
    if folder is None:
        raise DataError("this user has no home folder for data sets that are made of others; set STEADYTUNE_CACHE")
    target = folder / name
    if not target.is_dir():
        try:
            with new_folder_once(target) as partial:
                fill(partial)
        except OSError as error:
            if not target.is_dir():  # else another process was quicker
                reason = error.strerror or str(error)
                raise DataError(
                    f"{target}: cannot be written ({reason}); set STEADYTUNE_CACHE to another folder"
                ) from None
    return target
