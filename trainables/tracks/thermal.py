"""The thermal picture of a sequence's frame."""

from __future__ import annotations

from pathlib import Path

from trainables.errors import DataError
from trainables.vision.decode import SUFFIXES

FOLDERS = ("thermal", "infrared", "ir")
"""Beside the folder of frames; VT-MOT has `infrared`."""


def thermal_of(picture: Path) -> Path:
    """The file of the same name, up to its suffix, in one of `FOLDERS`.

    Raises:
        DataError: there is none.
    """
    sequence = picture.parent.parent
    for folder in FOLDERS:
        for suffix in (picture.suffix, *sorted(SUFFIXES)):
            if (file := sequence / folder / f"{picture.stem}{suffix}").is_file():
                return file
    listed = ", ".join(FOLDERS)
    raise DataError(
        f"{picture}: has no thermal picture of its name in {sequence} ({listed}); add it, or leave tracks out"
    )
