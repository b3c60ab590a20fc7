"""Which files are the images of a split: what Ultralytics takes, and a word on what is left out.

Names that begin with a dot are hidden (macOS' `._x.jpg`), and so is all that lies in hidden folders
(`.ipynb_checkpoints`). Folders that are links are followed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from trainables.vision.decode import SUFFIXES
from trainables.vision.findings import Findings
from trainables.vision.label_file import label_file

HIDDEN = "hidden files or folders left out"
UNREADABLE_IMAGE = "images that cannot be read, left out"
SHARED = "images that are in two splits"
ORPHAN = "label files without an image"
UNKNOWN_SUFFIX = "files of other suffixes left out"
NO_IMAGES = frozenset({".cache", ".csv", ".db", ".ini", ".json", ".md", ".npy", ".txt", ".xml", ".yaml", ".yml"})
"""Suffixes of what lies beside images as a matter of course: no word is lost on them."""


def images_in(folder: Path, findings: Findings) -> list[Path]:
    """The image files under `folder`, sorted by their paths as text."""
    images = []
    for path in _walk(folder, findings, visited=frozenset()):
        if path.suffix.lower() in SUFFIXES:
            images.append(path)
        elif path.suffix and path.suffix.lower() not in NO_IMAGES:
            findings.add(UNKNOWN_SUFFIX, path, f"{path.suffix} is no image suffix that is read; left out")
    return sorted(images, key=str)


def _walk(folder: Path, findings: Findings, visited: frozenset[str]) -> Iterator[Path]:
    """The files under `folder` that are not hidden; a link that leads back to a folder above it is not followed."""
    real = os.path.realpath(folder)
    if real in visited:
        return
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = folder / entry.name
        is_folder = entry.is_dir()
        if entry.name.startswith("."):
            if is_folder or path.suffix.lower() in SUFFIXES:
                findings.add(HIDDEN, path, f"a hidden {'folder' if is_folder else 'file'}; left out")
        elif is_folder:
            yield from _walk(path, findings, visited | {real})
        else:
            yield path


def note_shared(images: Iterable[Path], split: str, seen: dict[bytes, Path], findings: Findings) -> None:
    """Note each of a split's images whose file is in an earlier split too; `seen` maps digests to these.

    Ultralytics' own `coco128.yaml` validates on its training images, so this is no error. Its metrics are too good.
    """
    here: dict[bytes, Path] = {}
    for image in images:
        with image.open("rb") as file:
            key = hashlib.file_digest(file, "sha256").digest()
        if key in seen:
            findings.add(SHARED, image, f"is the same file as {seen[key]}, so {split} tells too good a metric")
        here[key] = image
    seen.update(here)


def note_orphans(images: Iterable[Path], findings: Findings) -> None:
    """Note the label files beside those of `images` that belong to none. `classes.txt`, LabelImg's list, is none."""
    expected = {label_file(image) for image in images}
    for folder in sorted({file.parent for file in expected}):
        for file in sorted(folder.glob("*.txt")) if folder.is_dir() else ():
            if file not in expected and file.name != "classes.txt":
                findings.add(ORPHAN, file, "has no image of its name")
