"""Which files are the images of a split: what Ultralytics takes, and a word on what is left out.

Names that begin with a dot are hidden (macOS' `._x.jpg`), and so is all that lies in hidden folders
(`.ipynb_checkpoints`). Folders that are links are followed.
"""

from __future__ import annotations

import os
import unicodedata
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
MISSPELT = "label files that are not read, for their image is spelt otherwise"
UNKNOWN_SUFFIX = "files of other suffixes left out"
CLASS_LIST = "classes.txt"
"""LabelImg's list of the classes, which it writes beside the label files."""
DIFFERENCES = "capitals, spaces or how accents are encoded"
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


def files_in(folder: Path) -> Iterator[Path]:
    """The files under `folder` that are not hidden."""
    yield from map(Path, _walk(str(folder), Findings(), visited=frozenset()))


def is_hidden(name: str) -> bool:
    """Whether a file or folder of that name is hidden, as what macOS and editors leave among others' files is."""
    return name.startswith(".")


def _walk(folder: str, findings: Findings, visited: frozenset[str]) -> Iterator[str]:
    """The files under `folder` that are not hidden; a link that leads back to a folder above it is not followed."""
    real = os.path.realpath(folder)
    if real in visited:
        return
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        is_folder = _is_folder(entry)
        if is_hidden(entry.name):
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


def normalized_name(name: str) -> str:
    """`name` without the `DIFFERENCES` that people hardly see, and that macOS or Windows make."""
    stem, suffix = os.path.splitext(unicodedata.normalize("NFC", name).casefold())
    return stem.strip() + suffix


def note_shared(images: Iterable[tuple[Path, bytes]], split: str, seen: dict[bytes, Path], findings: Findings) -> None:
    """Note each of a split's images, given with their digests, that is in an earlier split too; `seen` has these.

    Ultralytics' own `coco128.yaml` validates on its training images, so this is no error. Its metrics are too good.
    """
    in_split: dict[bytes, Path] = {}
    for image, key in images:
        if key in seen:
            findings.add(SHARED, image, f"is the same file as {seen[key]}, so {split} tells too good a metric")
        in_split[key] = image
    seen.update(in_split)


def note_same_labels(images: Iterable[Path], findings: Findings) -> None:
    """Note each of a split's images whose label file is another one's too: a.png beside a.jpg."""
    first: dict[str, Path] = {}
    for image in images:
        file = label_file(str(image))
        other = first.setdefault(file, image)
        if other != image and os.path.exists(file):
            findings.add(SAME_LABELS, image, f"has the labels of {other.name}, for both are looked for as {file}")


def note_orphans(images: Iterable[Path], findings: Findings) -> None:
    """Note the label files beside those of `images` that belong to no picture, listed or not.

    `classes.txt`, LabelImg's list, is none.
    """
    by_folder: dict[str, dict[str, Path]] = {}
    for image in images:
        folder, _, name = label_file(str(image)).rpartition("/")
        by_folder.setdefault(folder, {})[name] = image
    for folder, expected in sorted(by_folder.items()):
        names = sorted(name for name in os.listdir(folder) if not is_hidden(name)) if os.path.isdir(folder) else []
        unlisted = _pictures_in({image.parent for image in expected.values()})
        unlabelled = {normalized_name(name): expected[name].name for name in expected.keys() - names}
        for name in names:
            file = Path(folder, name)
            if file.suffix == ".txt" and name not in expected and name != CLASS_LIST and file.stem not in unlisted:
                if image_name := unlabelled.get(normalized_name(name)):
                    differs = f"image {image_name!a} differs in {DIFFERENCES} and is background"
                    findings.add(MISSPELT, file, f"its {differs}; rename one of the two")
                else:
                    findings.add(ORPHAN, file, "has no image of its name")
            elif file.suffix != ".txt" == file.suffix.lower() and f"{file.stem}.txt" in expected:
                findings.add(MISNAMED, file, f"its suffix is {file.suffix}; rename it to {file.stem}.txt")


def _pictures_in(folders: Iterable[Path]) -> set[str]:
    """The names without suffix of all images in `folders`."""
    parts = (os.path.splitext(name) for folder in folders for name in os.listdir(folder))
    return {stem for stem, suffix in parts if suffix.lower() in SUFFIXES}
