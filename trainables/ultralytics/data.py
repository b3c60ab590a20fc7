"""Data sets as Ultralytics takes them: a data YAML (folders, list files, patterns, lists of these), or a folder of
classes, or several of either. Everything is resolved here, once, so that a training searches for nothing.

Labels are not read here but by Ultralytics' own reader (`trainables.ultralytics.check`): each task has others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from trainables.atomic import write_file
from trainables.errors import DataError, no_data_at
from trainables.file_facts import FileFacts, file_facts
from trainables.manifest import Manifest, Part, of_parts
from trainables.settings import read_yaml
from trainables.tracks.sequence import Sequences
from trainables.ultralytics.derived import derived_folder
from trainables.ultralytics.files import is_own_data_set
from trainables.ultralytics.ndjson import converted
from trainables.vision.findings import Findings
from trainables.vision.image_facts import image_facts
from trainables.vision.image_files import UNREADABLE_IMAGE, images_in, note_orphans
from trainables.vision.label_file import label_file
from trainables.vision.yolo_layout import YoloLayout, read_layout, split_images

SPLITS = ("train", "val")
ONE_CLASS = "item"
"""What Ultralytics calls the class of all objects with `single_cls`."""
USUAL_PLANES = 3
"""Of pictures where the data YAML does not say `channels`."""
READ_AS_USUAL = (1, USUAL_PLANES)
"""Planes of which the first page is read, upright; of others Ultralytics takes all planes, and pages, as stored."""
VAL_FOLDERS = ("val", "validation", "valid", "test")
"""Where Ultralytics looks for the held-out images of a folder of classes, in this order."""


@dataclass(frozen=True)
class DataSet:
    """One data set.

    Attributes:
        name: of its file or folder, for messages and metrics.
        source: the data YAML or the folder, absolute.
        names: class names.
        images: image files of "train" and "val".
        described: the data YAML's other keys, such as `kpt_shape`; empty for a folder of classes.
        folders: of "train" and "val", if it is a folder of classes.
        manifest: what is trained on, by content.
    """

    name: str
    source: Path
    names: tuple[str, ...]
    images: Mapping[str, tuple[Path, ...]]
    described: Mapping[str, Any]
    folders: Mapping[str, Path]
    manifest: Manifest

    def trained_names(self, single_cls: bool) -> tuple[str, ...]:
        """The classes that a training tells apart."""
        return (ONE_CLASS,) if single_cls and not self.folders else self.names

    @property
    def planes(self) -> int:
        """Of each of its images."""
        return int(self.described.get("channels", USUAL_PLANES))

    @property
    def is_read_as_usual(self) -> bool:
        """Whether its images are read as `trainables.vision.image_facts` says."""
        return self.planes in READ_AS_USUAL

    def for_trainer(self, workdir: Path) -> str:
        """What Ultralytics' trainer takes as `data`: a YAML in `workdir` with absolute paths, or the folder."""
        if self.folders:
            return str(self.source)
        workdir = workdir.absolute()
        lists = {split: str(workdir / f"{split}.txt") for split in SPLITS}
        for split, file in lists.items():
            write_file(Path(file), "".join(f"{image}\n" for image in self.images[split]))
        content = {**self.described, "path": str(workdir), **lists, "names": dict(enumerate(self.names))}
        return str(write_file(workdir / "data.yaml", yaml.safe_dump(content, sort_keys=False)))


@dataclass(frozen=True)
class UltralyticsData:
    """The data sets of a sweep; nearly always one.

    Attributes:
        sets: at least one, of different names.
        manifest: of all of them.
        findings: what was repaired or left out.
        scans: what Ultralytics read of the labels, by the file in which it would keep that beside the user's data.
        sequences: with tracks, held out too; None unless asked for.
    """

    sets: tuple[DataSet, ...]
    manifest: Manifest
    findings: Findings = field(default_factory=Findings)
    scans: dict[str, Any] = field(default_factory=dict)
    sequences: Sequences | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Class names of the first data set."""
        return self.sets[0].names

    @property
    def fingerprint(self) -> str:
        """The manifest's: the same data give the same one anywhere."""
        return self.manifest.fingerprint


def open_data(path: Path) -> UltralyticsData:
    """The data set at `path`, or the data sets whose paths `path` lists with commas in between.

    Raises:
        DataError: naming the file, what is wrong and how to mend it.
    """
    findings = Findings()
    paths = [path] if path.exists() or "," not in str(path) else [Path(part.strip()) for part in str(path).split(",")]
    sets = [_open(part, findings) for part in paths]
    names = [dataset.name for dataset in sets]
    numbered = [name if names.count(name) == 1 else f"{name}-{index}" for index, name in enumerate(names, start=1)]
    sets = [DataSet(**{**vars(dataset), "name": name}) for dataset, name in zip(sets, numbered, strict=True)]
    return UltralyticsData(tuple(sets), sets[0].manifest if len(sets) == 1 else _joined(sets), findings)


def _joined(sets: Sequence[DataSet]) -> Manifest:
    """The manifest of several data sets: the names of their parts begin with theirs."""
    parts, later = (
        {
            f"{dataset.name} {name}": value
            for dataset in sets
            for name, value in getattr(dataset.manifest, field).items()
        }
        for field in ("parts", "later")
    )
    return Manifest({dataset.name: dataset.manifest.facts for dataset in sets}, parts, later)


def _open(path: Path, findings: Findings) -> DataSet:
    if path.suffix.lower() == ".ndjson":
        path = converted(path, findings)
    if path.is_dir() and not any(path.glob("*.y*ml")):
        return _classes(path.absolute(), findings)
    if not path.exists():
        raise no_data_at(str(path), "ultralytics")
    layout = read_layout(path, findings)
    listed = {split: _images(layout, split, findings) for split in SPLITS}
    for of_split in listed.values():
        note_orphans(of_split, findings)
    content = read_yaml(layout.file, exponents=False)
    described = {key: value for key, value in content.items() if key not in ("path", "download", "nc", "names", "test")}
    facts = {"class names": list(layout.names), **{key: content[key] for key in described if key not in SPLITS}}
    name = layout.file.stem if layout.file.stem != "data" else layout.file.absolute().parent.name
    images, parts = _read(layout.file, listed, _planes(layout.file, described), findings)
    return DataSet(name, layout.file.absolute(), layout.names, images, described, {}, of_parts(facts, parts))


def _planes(file: Path, described: Mapping[str, Any]) -> int:
    planes = described.get("channels", USUAL_PLANES)
    if type(planes) is not int or planes < 1:
        raise DataError(f"{file}: channels is {planes!r}; it must be the number of planes of a picture, such as 3")
    return planes


def _images(layout: YoloLayout, split: str, findings: Findings) -> tuple[Path, ...]:
    try:
        return tuple(map(Path.absolute, split_images(layout, split, findings)))
    except DataError as error:
        if not is_own_data_set(layout.file):
            raise
        raise DataError(
            f"data is {layout.file.name}, but the images of {split} are not on this machine; set download=true to let"
            " Ultralytics fetch them, or fetch them elsewhere"
        ) from error


def _classes(folder: Path, findings: Findings) -> DataSet:
    """A folder of classes: `train/NAME/*.jpg` and `val/NAME/*.jpg`."""
    train = folder / "train"
    val = next((folder / name for name in VAL_FOLDERS if (folder / name).is_dir()), None)
    if not train.is_dir() or val is None:
        missing = "train" if not train.is_dir() else "val"
        raise DataError(
            f"{folder}: holds no data YAML and no folder {missing}; for classification it must hold train and val, each"
            " with one folder of images a class (Ultralytics would split it; do that first)"
        )
    names = tuple(sorted(entry.name for entry in train.iterdir() if entry.is_dir() and entry.name[0] != "."))
    if len(names) < 2:
        raise DataError(
            f"{train}: holds {len(names)} folders; it needs one folder of images for each class, at least 2"
        )
    folders = {"train": train, "val": val}
    listed = {split: tuple(images_in(split_folder, findings)) for split, split_folder in folders.items()}
    for split, split_folder in folders.items():
        if not listed[split]:
            raise DataError(f"{split_folder}: holds no image; {split} needs at least one")
        for unknown in sorted({image.relative_to(split_folder).parts[0] for image in listed[split]} - set(names)):
            raise DataError(
                f"{split_folder / unknown}: is no class of {train}; the folders of both must have the same names"
            )
    images, parts = _read(folder, listed, USUAL_PLANES, findings)
    manifest = of_parts({"class names": list(names)}, parts)
    source = folder
    has_hidden = any(any(path.name[0] == "." for path in split_folder.rglob("*")) for split_folder in folders.values())
    if has_hidden or images != listed:
        source = _of_images_alone(folder, names, folders, images)
        images = {
            split: tuple(source / split / image.relative_to(folders[split]) for image in members)
            for split, members in images.items()
        }
        folders = {split: source / split for split in folders}
    return DataSet(folder.name, source, names, images, {}, folders, manifest)


def _of_images_alone(
    folder: Path, names: Sequence[str], folders: Mapping[str, Path], images: Mapping[str, Sequence[Path]]
) -> Path:
    """A folder of classes with links to `images` alone, in our cache.

    Ultralytics would train on hidden ones too, and end a training at one whose pixels cannot be decoded.
    """
    relative = {split: [image.relative_to(folders[split]) for image in members] for split, members in images.items()}
    key = hashlib.sha256(f"{folder}\n{names}\n{relative}".encode()).hexdigest()[:12]

    def fill(target: Path) -> None:
        for split, members in relative.items():
            for name in names:  # a class of which nothing is left keeps its number
                (target / split / name).mkdir(parents=True)
            for member in members:
                (target / split / member).parent.mkdir(parents=True, exist_ok=True)
                (target / split / member).symlink_to(folders[split] / member)

    return derived_folder(f"classes-{folder.name}-{key}", fill)


def _read(
    source: Path, listed: Mapping[str, Sequence[Path]], planes: int, findings: Findings
) -> tuple[dict[str, tuple[Path, ...]], list[Part]]:
    """The images of each split whose pixels Ultralytics can read, and what the data set at `source` consists of.

    Args:
        source: for the complaint.
        listed: the images of each split.
        planes: `channels` of the data YAML.
        findings: what is left out, and what of an image is not taken, is added to these.

    Raises:
        DataError: an image's pixels are floating-point or 32-bit numbers, or none of a split's can be read.
    """
    images: dict[str, tuple[Path, ...]] = {}
    parts: list[Part] = []
    with file_facts() as facts:
        for split, members in listed.items():
            digests = {image: _digest(image, planes, findings, facts) for image in members}
            images[split] = tuple(image for image, digest in digests.items() if digest)
            if not images[split]:
                raise DataError(
                    f"{source}: none of the {len(members)} images of {split} can be used; {[*findings][-1]}"
                )
            for image in images[split]:
                parts.append(Part(split, str(image), digests[image], read_later=True))
                labels = Path(label_file(str(image)))
                if labels.is_file():
                    parts.append(Part(split, str(labels), facts.digest(labels), read_later=True))
    return images, parts


def _digest(image: Path, planes: int, findings: Findings, facts: FileFacts) -> str:
    """SHA-256 of an image; "" if it is left out, for its pixels cannot be decoded."""
    if planes not in READ_AS_USUAL:
        return facts.digest(image)
    examined = image_facts(image, facts, findings)
    if examined.why:
        findings.add(UNREADABLE_IMAGE, image, f"{examined.why}; left out")
        return ""
    return examined.digest.hex()
