"""Sequences in MOTChallenge's layout, and in what CVAT and VT-MOT make of it.

SEQUENCE/seqinfo.ini     name, imDir, frameRate, seqLength, imWidth, imHeight; may be absent
SEQUENCE/img1/000001.jpg the frames, by their numbers from 1; `visible` in VT-MOT
SEQUENCE/gt/gt.txt       frame, id, left, top, width, height, flag, class, visibility; 0 as flag counts neither way
SEQUENCE/gt/labels.txt   names of the classes, the first is class 1 (CVAT); without it they are the data set's, in order
"""

from __future__ import annotations

import configparser
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from trainables.errors import DataError
from trainables.file_facts import FileFacts
from trainables.manifest import Part, values_digest
from trainables.regular_file import read_regular
from trainables.tracks.sequence import OTHER_CLASS, USUAL_RATE, Box, TrackedSequence, check_pixels, frame_of
from trainables.vision.decode import SUFFIXES
from trainables.vision.findings import Findings
from trainables.vision.image_facts import image_facts
from trainables.vision.image_files import is_hidden

INFO, TRACKS, LABELS = "seqinfo.ini", "gt/gt.txt", "gt/labels.txt"
FOLDERS = ("img1", "visible", "rgb")
"""Where frames are if `INFO` does not say."""
FIELDS = 6
"""Of a line, that are needed: frame, id and box."""


@dataclass(frozen=True)
class _Info:
    """What `INFO` says; None or "" where it says nothing."""

    file: Path
    folder: str
    rate: float
    length: int | None
    size: tuple[int | None, int | None]


def sequence_folders(path: Path) -> list[Path]:
    """The sequences at `path`: itself, or the folders in it that are sequences, by name."""
    if _is_sequence(path):
        return [path]
    return sorted(folder for folder in path.iterdir() if folder.is_dir() and _is_sequence(folder))


def _is_sequence(path: Path) -> bool:
    return (path / INFO).is_file() or (path / TRACKS).is_file()


def read_sequence(
    path: Path, names: Sequence[str], findings: Findings, facts: FileFacts
) -> tuple[TrackedSequence, list[Part]]:
    """The sequence in the folder `path`, of a data set with classes `names`, and what it was read from.

    Raises:
        DataError: with the file, the line where there is one, what is wrong and how to mend it.
    """
    info = _info(path)
    pictures = _pictures(path, info)
    tracks = path / TRACKS
    if not tracks.is_file():
        raise DataError(f"{tracks}: no such file; a sequence needs the tracks of its objects")
    content = read_regular(tracks, "list_bytes")[0]
    by_frame: dict[int, list[Box]] = {number: [] for number in pictures}
    for number, box in _boxes(tracks, content, _labels(path, names), names, findings):
        if number not in by_frame:
            first, last = min(by_frame), max(by_frame)
            raise DataError(
                f"{tracks} {box.where}: frame is {number}, but the sequence has the frames {first} to {last}; delete "
                "the line, or add the picture"
            )
        if any(box.identity == other.identity for other in by_frame[number]):
            raise DataError(
                f"{tracks} {box.where}: id {box.identity} is twice in frame {number}; an object is in a frame once"
            )
        by_frame[number].append(box)
    check_pixels(chain.from_iterable(by_frame.values()), tracks)
    frames, parts = [], [Part("tracks", str(tracks), values_digest(content))]
    for number, picture in pictures.items():
        properties = image_facts(picture, facts, findings)
        if properties.why:
            raise DataError(f"{picture}: {properties.why}; a sequence cannot do without a frame, so replace it")
        size = properties.width, properties.height
        _check_size(picture, size, info)
        frames.append(frame_of(picture, size, by_frame[number], tracks, findings))
        parts.append(Part("tracks", str(picture), properties.digest.hex(), read_later=True))
    if not any(frame.counted.any() for frame in frames):
        raise DataError(f"{tracks}: holds no object that counts; a sequence needs at least one")
    return TrackedSequence(path.name, info.rate, tuple(frames)), parts


def _info(path: Path) -> _Info:
    file = path / INFO
    if not file.is_file():
        folder = next((name for name in FOLDERS if (path / name).is_dir()), FOLDERS[0])
        return _Info(file, folder, USUAL_RATE, None, (None, None))
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_regular(file, "yaml_bytes")[0].decode("utf-8-sig"))
        values = dict(parser["Sequence"])
    except (configparser.Error, KeyError, UnicodeDecodeError):
        raise DataError(f"{file}: has no section [Sequence] that can be read; write it as MOTChallenge does") from None
    rate = values.get("framerate", str(USUAL_RATE))
    if not _is_number(rate) or float(rate) <= 0:
        raise DataError(f"{file}: frameRate is {rate!r}; it must be a number above 0")
    length, width, height = (_whole(file, values, name) for name in ("seqLength", "imWidth", "imHeight"))
    return _Info(file, values.get("imdir", FOLDERS[0]), float(rate), length, (width, height))


def _whole(file: Path, values: dict[str, str], name: str) -> int | None:
    text = values.get(name.lower())
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0 and len(text) < 9):
        raise DataError(f"{file}: {name} is {text!r}; it must be a whole number above 0")
    return int(text)


def _pictures(path: Path, info: _Info) -> dict[int, Path]:
    """The pictures by number, of which none is missing."""
    folder = path / info.folder
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; it must hold the frames of the sequence, such as 000001.jpg")
    pictures: dict[int, Path] = {}
    files = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not is_hidden(path.name))
    for file in sorted(files):
        if not (file.stem.isascii() and file.stem.isdigit()):
            raise DataError(f"{file}: its name is no number; frames are named by their numbers, such as 000001.jpg")
        if (other := pictures.setdefault(int(file.stem), file)) != file:
            raise DataError(f"{file}: is frame {int(file.stem)}, and so is {other.name}; keep one of the two")
    if not pictures:
        raise DataError(f"{folder}: holds no picture; it must hold the frames of the sequence, such as 000001.jpg")
    first, last = (1, info.length) if info.length else (min(pictures), max(pictures))
    missing = [number for number in range(first, last + 1) if number not in pictures]
    if missing:
        says = f"{info.file} says seqLength {info.length}" if info.length else f"the last one is {last}"
        raise DataError(
            f"{folder}: frame {missing[0]} has no picture ({len(missing)} are missing; {says}); add it, or shorten the "
            "sequence"
        )
    beyond = [number for number in pictures if not first <= number <= last]
    if beyond:
        raise DataError(
            f"{folder}: has a picture of frame {beyond[0]}, but {info.file} says seqLength {info.length}; mend one of "
            "the two"
        )
    return dict(sorted(pictures.items()))


def _check_size(picture: Path, size: tuple[int, int], info: _Info) -> None:
    for side, actual, stated in zip(("imWidth", "imHeight"), size, info.size, strict=True):
        if stated is not None and stated != actual:
            raise DataError(
                f"{picture}: is {size[0]} by {size[1]} pixels, but {info.file} says {side} {stated}; mend one of them"
            )


def _labels(path: Path, names: Sequence[str]) -> Sequence[str]:
    file = path / LABELS
    if not file.is_file():
        return names
    try:
        text = read_regular(file, "yaml_bytes")[0].decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{file}: is no UTF-8 text; save it as UTF-8") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _boxes(
    file: Path, content: bytes, labels: Sequence[str], names: Sequence[str], findings: Findings
) -> Iterator[tuple[int, Box]]:
    """The lines of `TRACKS`: frame and box."""
    for index, line in enumerate(content.decode("utf-8-sig", errors="replace").splitlines(), start=1):
        fields = [field.strip() for field in line.split(",")]
        if fields == [""]:
            continue
        if len(fields) < FIELDS or not all(map(_is_number, fields[:8])):
            raise DataError(
                f"{file} line {index}: is {line[:80]!r}; it must be frame, id, left, top, width, height, flag, class, "
                "all of them numbers"
            )
        frame, identity, x, y, width, height = map(float, fields[:FIELDS])
        flag, kind = (float(fields[at]) if len(fields) > at else missing for at, missing in ((6, 1.0), (7, -1.0)))
        for name, value in (("frame", frame), ("id", identity), ("class", kind)):
            if value != int(value):
                raise DataError(f"{file} line {index}: {name} is {value:g}; it must be a whole number")
        label = _label(file, index, int(kind), labels, counted=flag != 0)
        counted = flag != 0
        if counted and label and label not in names:
            findings.add(OTHER_CLASS, file, f"line {index}: {label} is no class of the data set")
            counted = False
        corners = (x, y, x + width, y + height)
        yield int(frame), Box(corners, int(identity), label, counted, f"line {index}")


def _label(file: Path, line: int, kind: int, labels: Sequence[str], counted: bool) -> str:
    """The name of a class; "" for -1, which names none, and for the other classes of what does not count."""
    if 1 <= kind <= len(labels):
        return labels[kind - 1]
    if kind == -1 or not counted:
        return ""
    raise DataError(
        f"{file} line {line}: class is {kind}, but there are {len(labels)} ({', '.join(labels)}), counted from 1; name "
        f"them in {LABELS}, or write -1 for any"
    )


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and abs(float(text)) < 1e9
    except ValueError:
        return False
