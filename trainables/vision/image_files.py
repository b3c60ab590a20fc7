"""Which files are the images of a split: what Ultralytics takes, and a word on what is left out.

Names that begin with a dot are hidden (macOS' `._x.jpg`), and so is all that lies in hidden folders
(`.ipynb_checkpoints`). Folders that are links are followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from trainables.vision.decode import SUFFIXES
from trainables.vision.findings import Findings
from trainables.vision.label_file import label_file

HIDDEN = "hidden files or folders left out"
UNREADABLE_IMAGE = "images that cannot be read, left out"
SHARED = "images that are in two splits"
SAME_LABELS = "images that share a label file with another"
ORPHAN = "label files without an image"
MISNAMED = "label files that are not read, for their suffix is not .txt"
UNKNOWN_SUFFIX = "files of other suffixes left out"
NO_IMAGES = frozenset({".cache", ".csv", ".db", ".ini", ".json", ".md", ".npy", ".txt", ".xml", ".yaml", ".yml"})
"""Suffixes of what lies beside images as a matter of course: no word is lost on them."""


def images_in(folder: Path, findings: Findings) -> list[Path]:
    """The image files under `folder`, sorted by their paths as text."""
    images = []
    for path in _walk(str(folder), findings, visited=frozenset()):
        suffix = os.path.splitext(path)[1].lower()
        if suffix in SUFFIXES:
            images.append(path)
        elif suffix and suffix not in NO_IMAGES:
            suffix = os.path.splitext(path)[1]
            findings.add(UNKNOWN_SUFFIX, Path(path), f"{suffix} is no image suffix that is read; left out")
    return list(map(Path, sorted(images)))


def _walk(folder: str, findings: Findings, visited: frozenset[str]) -> Iterator[str]:
    """The files under `folder` that are not hidden; a link that leads back to a folder above it is not followed."""
    real = os.path.realpath(folder)
    if real in visited:
        return
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        is_folder = _is_folder(entry)
        if entry.name.startswith("."):
            if is_folder or os.path.splitext(entry.name)[1].lower() in SUFFIXES:
                findings.add(HIDDEN, Path(entry.path), f"a hidden {'folder' if is_folder else 'file'}; left out")
        elif is_folder:
            yield from _walk(entry.path, findings, visited | {real})
        else:
            yield entry.path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def note_shared(images: Iterable[tuple[Path, bytes]], split: str, seen: dict[bytes, Path], findings: Findings) -> None:
    """Note each of a split's images, given with their digests, that is in an earlier split too; `seen` has these.

    Ultralytics' own `coco128.yaml` validates on its training images, so this is no error. Its metrics are too good.
    """
    here: dict[bytes, Path] = {}
    for image, key in images:
        if key in seen:
            findings.add(SHARED, image, f"is the same file as {seen[key]}, so {split} tells too good a metric")
        here[key] = image
    seen.update(here)


def note_same_labels(images: Iterable[Path], findings: Findings) -> None:
    """Note each of a split's images whose label file is another one's too: a.png beside a.jpg."""
    first: dict[str, Path] = {}
    for image in images:
        file = label_file(str(image))
        other = first.setdefault(file, image)
        if other != image and os.path.exists(file):
            findings.add(SAME_LABELS, image, f"has the labels of {other.name}, for both are looked for as {file}")


def note_orphans(images: Iterable[Path], findings: Findings) -> None:
    """Note the label files beside those of `images` that belong to none. `classes.txt`, LabelImg's list, is none."""
    expected = {label_file(str(image)) for image in images}
    for folder in sorted({os.path.dirname(file) for file in expected}):
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            file = f"{folder}/{name}"
            stem, suffix = os.path.splitext(name)
            if suffix == ".txt" and file not in expected and name != "classes.txt":
                findings.add(ORPHAN, Path(file), "has no image of its name")
            elif suffix != ".txt" == suffix.lower() and f"{folder}/{stem}.txt" in expected:
                findings.add(MISNAMED, Path(file), f"its suffix is {suffix}; rename it to {stem}.txt")
