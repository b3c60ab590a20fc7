"""Labels in YOLO's format, and the checks of image files that every data set made of them needs."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from trainables.errors import DataError

SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
Kept = TypeVar("Kept", bound=tuple[Any, ...])


class Memory(Generic[Kept]):
    """Decoded images by key, up to `limit` bytes; what comes later is not kept."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self._kept: dict[tuple[Any, ...], Kept] = {}

    def get(self, *key: Any) -> Kept | None:
        """What was kept under `key`: an image's path and how it was decoded."""
        return self._kept.get(key)

    def keep(self, *key: Any, decoded: Kept) -> None:
        """Keep `decoded`, unless that would be more than `limit` bytes in all."""
        grown = self.bytes + sum(part.nbytes for part in decoded if isinstance(part, np.ndarray))
        if grown <= self.limit:
            self.bytes = grown
            self._kept[key] = decoded


def class_names(path: Path, given: Any) -> tuple[str, ...]:
    """The class names `given` under `names` in the data YAML at `path`: a list, or a mapping from 0."""
    if isinstance(given, Mapping):
        if sorted(given, key=str) != sorted(range(len(given)), key=str):
            raise DataError(f"{path}: names has the keys {list(given)}; they must be 0, 1, 2 … without a gap")
        given = [given[index] for index in range(len(given))]
    if not isinstance(given, list) or not given:
        raise DataError(f"{path}: names is {given!r}; it must be a list of class names, or a mapping from 0 to them")
    return tuple(map(str, given))


def label_text(file: Path) -> str:
    """The text of a label file."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read ({error}); it must be a text file of YOLO labels") from None


def label_rows(file: Path, text: str, classes: int) -> NDArray[np.float32]:
    """The labels (M, 5) in `text`, which is that of `file`: class cx cy w h, the last four as shares of the image."""
    lines = enumerate(text.splitlines(), start=1)
    rows = [_row(f"{file} line {number}", line.split(), classes) for number, line in lines if line.strip()]
    return np.array(rows, dtype=np.float32).reshape(-1, 5)


def _row(where: str, words: Sequence[str], classes: int) -> list[float]:
    if len(words) != 5:
        raise DataError(f"{where}: has {len(words)} values; a label is the five numbers: class cx cy w h")
    try:
        row = [float(word) for word in words]
    except ValueError:
        raise DataError(f"{where}: {' '.join(words)!r} is not five numbers; a label is: class cx cy w h") from None
    if not all(map(math.isfinite, row)):
        raise DataError(f"{where}: {' '.join(words)!r} holds a value that is not finite; give real coordinates")
    if row[0] not in range(classes):
        raise DataError(f"{where}: class is {words[0]}; names has {classes}, so it must be 0 to {classes - 1}")
    for name, word, value in zip(("cx", "cy", "w", "h"), words[1:], row[1:], strict=True):
        if not 0 <= value <= 1:
            raise DataError(f"{where}: {name} is {word}; it must be a share of the image, from 0 to 1")
    if min(row[3:]) == 0:
        raise DataError(f"{where}: the box is {words[3]} by {words[4]}; both sides must be above 0, or delete the line")
    return row


def decodable(image: Path) -> tuple[int, int]:
    """Width and height, once every pixel was decoded."""
    try:
        with Image.open(image) as opened:
            opened.load()
            return opened.size
    # ImportError: once Ultralytics is imported, its Image.open looks for a plugin before it gives a file up.
    except (OSError, SyntaxError, ImportError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"{image}: cannot be decoded ({error}); replace or remove the image and its labels") from None


def refuse_shared(images: Iterable[Path], split: str, seen: dict[bytes, Path]) -> None:
    """The same file in training and validation makes every metric a lie."""
    here: dict[bytes, Path] = {}
    for image in images:
        key = hashlib.sha256(image.read_bytes()).digest()
        if key in seen:
            raise DataError(f"{image}: is the same image as {seen[key]}; take it out of {split} or of train")
        here[key] = image
    seen.update(here)
