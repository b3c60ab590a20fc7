"""What a data set for detectors holds: pictures and objects by split and class, sizes, empty labels, duplicates."""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainables.errors import first_few
from trainables.look import RARE, Look, LookTable, remark
from trainables.vision import near_duplicates
from trainables.vision.coco_layout import CUT
from trainables.vision.findings import Finding
from trainables.vision.image_files import SHARED
from trainables.vision.label_file import BEYOND
from trainables.vision.near_duplicates import MOST_BITS, Hashes, Nearest, nearest, small_pictures, source_name
from trainables.vision.unread import unread_sentences

SMALL, MEDIUM = 32**2, 96**2
"""Square pixels below which an object is small, and medium: COCO's areas (Lin et al. 2014; `pycocotools.cocoeval`)."""
TINY_SHARE = 0.5
"""Of the training objects: if more are below `TINY` pixels, a sentence says so. Ours."""
TINY = 8
"""Pixels, the root of the area: the finest grid of YOLO's heads, and of those of all recipes here."""
FLAT = 16
"""Grey levels, of 256, that a picture whose values are spread as usual has at the least between its darkest and its
brightest place. Ours: temperatures of a scene in hundredths of a kelvin, in 16 bits, leave 10."""
FLAT_SHARE = 0.5
"""Of the training pictures: if more are flat, a sentence says so. Ours."""


@dataclass(frozen=True)
class Labelled:
    """One picture of a split.

    Attributes:
        path: of its file.
        width, height: in pixels on disk.
        classes: (M,), indexes into the class names.
        sides: (M, 2), width and height of each box in pixels on disk.
        scene: such as "day"; "" if the data set does not say.
    """

    path: Path
    width: int
    height: int
    classes: NDArray[np.int64]
    sides: NDArray[np.float64]
    scene: str = ""

    @classmethod
    def of(cls, path: Path, size: tuple[int, int], labels: NDArray[np.float32], scene: str = "") -> Labelled:
        """A picture of `size` (width, height) with `labels` as YOLO's files have them: (M, 5), shares of the sides."""
        return cls(path, *size, labels[:, 0].astype(np.int64), labels[:, 3:].astype(np.float64) * size, scene)


def hashes(pictures: Sequence[Labelled]) -> Hashes:
    """The perceptual hashes of the pictures' files."""
    return near_duplicates.hashes(
        small_pictures([(picture.path, picture.width, picture.height) for picture in pictures])
    )


Splits = Mapping[str, Sequence[Labelled]]
"""The pictures of "train" and "val"."""


def detection_look(
    names: Sequence[str],
    splits: Splits,
    findings: Sequence[Finding],
    *,
    scale: Callable[[int, int], float],
    size: str,
    hashes: Callable[[Sequence[Labelled]], Hashes],
    most: int | None = None,
    scored_whole: bool = False,
    beside: Sequence[Path] = (),
) -> Look:
    """What the data set holds.

    Args:
        names: of the classes.
        splits: the pictures.
        findings: of the data set's reader.
        scale: pixels of the training's input to one of a picture, by the picture's width and height.
        size: of that input, for people, such as "640 px".
        hashes: the perceptual hashes of pictures.
        most: detections of a picture that are returned and count in the metric; None if that is not to be told.
        scored_whole: whether boxes that reach beyond their picture are cut for the training alone, as by Ultralytics.
        beside: further image files that the training reads, such as the pictures' thermal partners.
    """
    classes = class_table(names, splits)
    hashed = {split: hashes(pictures) for split, pictures in splits.items()}
    across = nearest(hashed["val"], hashed["train"])
    duplicates, lines = _duplicates(splits, nearest(hashed["train"]), nearest(hashed["val"]), across)
    tables: tuple[LookTable, ...] = (classes, _sizes(splits, scale, size), duplicates)
    tables += (scene_table(splits),) if any(picture.scene for picture in splits["train"]) else ()
    warnings = (*class_warnings(classes), *_leaks(splits, across, findings), *_too_small(splits, scale, size))
    warnings += (*_too_many(splits, most), *_reaching_beyond(findings, scored_whole))
    files = [picture.path for members in splits.values() for picture in members]
    warnings += (*unread_sentences(findings, [*files, *beside]), *flat(hashed["train"].small, "pictures of train"))
    return Look(tables, warnings, tuple(lines))


def class_table(names: Sequence[str], splits: Splits) -> LookTable:
    """Pictures and objects by class and split."""
    pictures = {
        split: np.bincount(_concatenated([np.unique(picture.classes) for picture in members]), minlength=len(names))
        for split, members in splits.items()
    }
    objects = {
        split: np.bincount(_concatenated([picture.classes for picture in members]), minlength=len(names))
        for split, members in splits.items()
    }
    rows = []
    for index, name in enumerate(names):
        counts = [counted[split][index] for split in splits for counted in (pictures, objects)]
        rows.append((name, *map(_count, counts), remark(int(pictures["train"][index]), int(pictures["val"][index]))))
    if len(names) > 1:
        sums = [total for split in splits for total in (len(splits[split]), objects[split].sum())]
        rows.append(("all", *map(_count, sums), ""))
    empty = [sum(1 for picture in members if not len(picture.classes)) for members in splits.values()]
    rows.append(("without an object", _count(empty[0]), "", _count(empty[1]), "", ""))
    columns = ("class", *(heading for split in splits for heading in (split, "objects")), "")
    note = f"Pictures of each split, and the objects in them. Rare: in at most {RARE} training pictures, LVIS's bound."
    return LookTable("Pictures and objects", columns, tuple(rows), note)


def scene_table(splits: Splits) -> LookTable:
    """Pictures and objects by scene and split."""
    scenes = sorted({picture.scene for members in splits.values() for picture in members})
    rows = []
    for scene in scenes:
        row = [scene or "not said"]
        for members in splits.values():
            of_scene = [picture for picture in members if picture.scene == scene]
            row += [_count(len(of_scene)), _count(sum(len(picture.classes) for picture in of_scene))]
        rows.append(tuple(row))
    columns = ("scene", *(heading for split in splits for heading in (split, "objects")))
    return LookTable("Scenes", columns, tuple(rows))


def _sizes(splits: Splits, scale: Callable[[int, int], float], size: str) -> LookTable:
    rows: dict[str, list[str]] = {name: [] for name in ("pictures on disk", "small", "medium", "large")}
    for members in splits.values():
        rows["pictures on disk"].append(_picture_sizes(members))
        areas = _areas(members, scale)
        bounds = {"small": (0, SMALL), "medium": (SMALL, MEDIUM), "large": (MEDIUM, np.inf)}
        for kind, (low, high) in bounds.items():
            count = int(((areas >= low) & (areas < high)).sum())
            rows[kind].append(f"{_count(count)} ({count / max(1, len(areas)):.0%})")
    labels = {
        "small": "small objects",
        "medium": "medium objects",
        "large": "large objects",
    }
    note = f"Objects by the area of their boxes at an input of {size}: small is below 32² px, large 96² and more."
    listed = tuple((labels.get(name, name), *cells) for name, cells in rows.items())
    return LookTable("Sizes", ("", *splits), listed, note)


def _picture_sizes(members: Sequence[Labelled]) -> str:
    sizes = sorted(((picture.width, picture.height) for picture in members), key=lambda side: side[0] * side[1])
    if sizes[0] == sizes[-1] and len(set(sizes)) == 1:
        return f"all {sizes[0][0]}x{sizes[0][1]}"
    low, middle, high = (f"{width}x{height}" for width, height in (sizes[0], sizes[len(sizes) // 2], sizes[-1]))
    return f"{low} to {high}, median {middle}"


def _areas(members: Sequence[Labelled], scale: Callable[[int, int], float]) -> NDArray[np.float64]:
    """Of all boxes, in square pixels of the training's input."""
    areas = [picture.sides.prod(axis=1) * scale(picture.width, picture.height) ** 2 for picture in members]
    return np.concatenate([np.zeros(0), *areas])


def _concatenated(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])


def _count(number: int | np.int64) -> str:
    return f"{int(number):,}"


def _duplicates(splits: Splits, train: Nearest, val: Nearest, across: Nearest) -> tuple[LookTable, list[str]]:
    """How many pictures look like another one, and each of them."""
    pairs = {
        "within train": (splits["train"], splits["train"], train),
        "within val": (splits["val"], splits["val"], val),
        "val, like one of train": (splits["val"], splits["train"], across),
    }
    rows, lines = [], []
    for where, (members, others, closest) in pairs.items():
        same, near = 0, 0
        for index in np.flatnonzero(closest.bits <= MOST_BITS).tolist():
            picture, other = members[index].path, others[closest.index[index]].path
            bits = int(closest.bits[index])
            is_same = bits == 0 and filecmp.cmp(picture, other, shallow=False)
            same, near = same + is_same, near + (not is_same)
            lines.append(f"{picture}: {'is the same file as' if is_same else f'looks like ({bits} bits)'} {other}")
        rows.append((where, _count(same), _count(near)))
    names = _shared_names(splits)
    rows.append(("val, named like a copy of one", "", _count(len(names))))
    lines += [f"{picture}: is named like a copy of the same picture as {other}" for picture, other in names]
    note = (
        f"Near: as they are or mirrored, at most {MOST_BITS} of the 64 bits of pHash's perceptual hash differ. It does "
        "not see copies that were turned or cut by more than a little; their names may tell (.rf., _aug_)."
    )
    return LookTable("Duplicates", ("pictures", "the same file", "near"), tuple(rows), note), lines


def _shared_names(splits: Splits) -> list[tuple[Path, Path]]:
    """The pictures of val whose names say that they are copies of the same picture as one of train."""
    sources = {name: picture.path for picture in splits["train"] if (name := source_name(picture.path))}
    named = ((picture.path, source_name(picture.path)) for picture in splits["val"])
    return [(path, sources[name]) for path, name in named if name in sources]


def _leaks(splits: Splits, across: Nearest, findings: Sequence[Finding]) -> Iterator[str]:
    """What makes the metric too good."""
    near = {splits["val"][index].path for index in np.flatnonzero(across.bits <= MOST_BITS).tolist()}
    leaked = near | {picture for picture, _ in _shared_names(splits)}
    leaked |= {finding.file for finding in findings if finding.kind == SHARED}
    if leaked:
        share = f"{len(leaked):,} of the {len(splits['val']):,} pictures of val"
        yield f"{share} look like one of train or are copies of it: the metric will be too good"


def class_warnings(classes: LookTable) -> Iterator[str]:
    """A sentence for each remark of `trainables.look.remark` in the last column: which classes have it."""
    for kind, sentence in (
        ("not in train", "no training picture shows {}, which val asks for"),
        ("not in val", "no picture of val shows {}, so the metric says nothing about it"),
        ("in no split", "no picture shows {}"),
        ("rare", f"at most {RARE} training pictures show {{}}"),
    ):
        names = [row[0] for row in classes.rows if row[-1] == kind]
        if names:
            yield sentence.format(first_few(names))


def _too_small(splits: Splits, scale: Callable[[int, int], float], size: str) -> Iterator[str]:
    areas = _areas(splits["train"], scale)
    share = float((areas < TINY**2).mean()) if len(areas) else 0.0
    if share > TINY_SHARE:
        yield f"{share:.0%} of the training objects are below {TINY}x{TINY} pixels at {size}: try a larger input"


def _too_many(splits: Splits, most: int | None) -> Iterator[str]:
    counts = [len(picture.classes) for picture in splits["val"]]
    beyond = sum(most is not None and count > most for count in counts)
    if beyond:
        yield (
            f"{beyond:,} of the {len(counts):,} pictures of val hold more than {most} objects, up to {max(counts):,}: "
            f"the surest {most} detections of a picture are returned and count, so cut such pictures into tiles"
        )


def _reaching_beyond(findings: Sequence[Finding], scored_whole: bool) -> Iterator[str]:
    members = [finding for finding in findings if finding.kind in (BEYOND, CUT)]
    if members:
        count = sum(finding.count for finding in members)
        reach = "1 box reaches beyond its picture" if count == 1 else f"{count:,} boxes reach beyond their pictures"
        scored = ", but whole ones are asked for when it is scored" if scored_whole else ""
        yield f"{reach}: the training has what is inside{scored}; see whether labels and pictures match ({members[0]})"


def flat(small: Iterable[NDArray[np.uint8]], noun: str) -> Iterator[str]:
    """One sentence if most pictures, given in grey and small, have nearly one brightness; `noun` names them."""
    spans = np.array([int(picture.max()) - int(picture.min()) for picture in small])
    count = int((spans < FLAT).sum())
    if len(spans) and count / len(spans) > FLAT_SHARE:
        yield (
            f"{count:,} of the {len(spans):,} {noun} have less than {FLAT} of 256 grey levels between their darkest "
            "and brightest places: if they have 16 bits, of which the upper 8 are read, stretch them to the whole range"
        )
