"""Whether a picture was taken by day or by night, as a CSV file says."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path

from trainables.errors import DataError
from trainables.regular_file import read_regular
from trainables.vision.decode import SUFFIXES

SCENES = ("day", "night")


def scenes_in(file: Path, images: Mapping[str, Path]) -> dict[str, str]:
    """Day or night for each of `images`, by the CSV `file`, which may give their suffixes too. Raises DataError."""
    if not file.is_file():
        raise DataError(f"{file}: no such file; scenes must be a CSV file of lines name,day or name,night")
    scenes: dict[str, str] = {}
    for number, row in enumerate(_rows(file), start=1):
        if not row:  # an empty line
            continue
        where = f"{file} line {number}"
        if len(row) != 2 or row[1] not in SCENES:
            raise DataError(f"{where}: is {','.join(row)[:80]!r}; it must be name,day or name,night")
        name = _name(row[0], images)
        if name not in images:
            raise DataError(f"{where}: there is no image {row[0]}; delete the line or add the pair")
        if name in scenes:
            raise DataError(f"{where}: {row[0]} was there before; give each image once")
        scenes[name] = row[1]
    if missing := [name for name in images if name not in scenes]:
        raise DataError(f"{file}: image {missing[0]} is missing; say day or night for each, or leave scenes out")
    return scenes


def _name(written: str, images: Mapping[str, Path]) -> str:
    """The name among `images` that a file gives, perhaps as Windows writes it, or with a suffix of images."""
    name = written.replace("\\", "/")
    stem, suffix = os.path.splitext(name)
    return stem if name not in images and suffix.lower() in SUFFIXES else name


def _rows(file: Path) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(read_regular(file, "label_bytes")[0].decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{file}: cannot be read ({error}); it must be a UTF-8 text of lines name,day or name,night"
        ) from None
