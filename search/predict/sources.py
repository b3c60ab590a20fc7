"""What is predicted: pictures, the frames of videos, or clips, in the form that each recipe's predictor takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.errors import DataError
from trainables.vision.decode import SUFFIXES, decode
from trainables.vision.findings import Findings
from trainables.vision.image_files import images_in
from trainables.vision.video_file import SUFFIXES as VIDEOS
from trainables.vision.video_file import frames, stated

CLIPS = frozenset({".h5", ".hdf5"})


@dataclass(frozen=True)
class Item:
    """One picture, frame or clip.

    Attributes:
        name: of the file, below the source, with its suffix; of a frame or a clip with its number.
        given: what the predictor takes.
        picture: RGB (h, w, 3), to draw into; None of a clip.
    """

    name: str
    given: Any
    picture: Callable[[], NDArray[np.uint8]] | None


@dataclass(frozen=True)
class Source:
    """Items that belong together: a folder of pictures, one video, one file of clips.

    Attributes:
        name: of the files that are written about it.
        items: in order; read as they are asked for.
        rate: frames a second of a video; None of others.
        frames: how many a video's file states; 0 if it states none, and of others.
        files: the image files of which the model takes the first page.
    """

    name: str
    items: Iterator[Item]
    rate: float | None = None
    frames: int = 0
    files: Sequence[Path] = ()


@dataclass(frozen=True)
class Extra:
    """What some recipes take besides.

    Attributes:
        thermal: `rgbt`: the folder of thermal pictures, or the one picture.
        references: `refdet`: pictures of what is sought.
        window: `slowfast`: frames of a clip that is cut out of a recording.
    """

    thermal: Path | None = None
    references: Path | None = None
    window: int = 64


def sources(path: Path, recipe: str, extra: Extra) -> list[Source]:
    """What is at `path` for a model of `recipe`.

    Raises:
        DataError: nothing that the recipe's model can look at.
    """
    if not path.exists():
        raise DataError(f"source is {path}; no such file or folder")
    if recipe == "slowfast":
        return _clips(path, extra.window)
    take = _taker(path, recipe, extra)
    if path.is_file():
        if path.suffix.lower() in VIDEOS:
            return [_video(path, take)]
        return [Source(path.stem, iter([take(path, path.name)]), files=_of_one_page([path], recipe))]
    pictures = images_in(path, Findings())
    videos = sorted(file for file in path.rglob("*") if file.suffix.lower() in VIDEOS)
    if not pictures and not videos:
        raise DataError(f"{path}: holds no picture ({', '.join(sorted(SUFFIXES))}) and no video")
    _refuse_namesakes(pictures, lambda file: file.with_suffix(""))
    _refuse_namesakes(videos, lambda file: file.stem)
    sources = [_video(video, take) for video in videos]
    if pictures:
        name = Path(os.path.abspath(path)).name  # "." has none of its own
        items = (take(file, str(file.relative_to(path))) for file in pictures)
        sources.insert(0, Source(name, items, files=_of_one_page(pictures, recipe)))
    return sources


def _of_one_page(pictures: Sequence[Path], recipe: str) -> list[Path]:
    """Those of which the model takes the first page; one of `ultralytics` may take the pages of a TIFF as planes."""
    return [file for file in pictures if recipe != "ultralytics" or file.suffix.lower() not in (".tif", ".tiff")]


def _refuse_namesakes(files: Sequence[Path], name: Callable[[Path], object]) -> None:
    """Refuse files whose predictions would be written under one `name`."""
    first: dict[object, Path] = {}
    for file in files:
        other = first.setdefault(name(file), file)
        if other != file:
            raise DataError(
                f"{file}: its predictions would be written over those of {other}; rename one, or predict one at a time"
            )


Taker = Callable[[Path | NDArray[np.uint8], str], Item]


def _taker(path: Path, recipe: str, extra: Extra) -> Taker:
    """How a picture becomes an item."""
    if recipe == "rgbt":
        thermal = extra.thermal
        if thermal is None:
            raise DataError("rgbt looks at pairs: give the thermal picture, or the folder of them, with --thermal")
        partners = _partners(path, thermal)
        return lambda picture, name: _pair(picture, name, path, thermal, partners)
    if recipe == "refdet":
        references = _references(extra.references)
        return lambda picture, name: Item(name, {"frame": picture, "references": references}, lambda: _pixels(picture))
    return lambda picture, name: Item(name, picture, lambda: _pixels(picture))


def _partners(source: Path, thermal: Path) -> dict[str, Path]:
    """The thermal pictures by the names of their partners below `source`."""
    if thermal.is_dir():
        from trainables.rgbt.data import images_by_name

        return images_by_name(thermal, Findings())
    if source.is_dir():
        raise DataError(f"--thermal is {thermal}, but {source} is a folder; give that of its thermal pictures")
    return {source.stem: thermal}


def _pair(
    picture: Path | NDArray[np.uint8], name: str, source: Path, thermal: Path, partners: Mapping[str, Path]
) -> Item:
    if not isinstance(picture, Path):
        raise DataError(f"{source}: rgbt takes pictures, not videos; write the frames of both cameras as pictures")
    below = picture.relative_to(source).with_suffix("").as_posix() if source.is_dir() else picture.stem
    partner = partners.get(below)
    if partner is None or not partner.is_file():
        raise DataError(f"{picture}: has no partner of that name in {thermal}; add it, or take this one away")
    return Item(name, (picture, partner), lambda: decode(picture))


def _references(folder: Path | None) -> Sequence[Path]:
    if folder is None or not folder.exists():
        raise DataError(
            "refdet searches for what references show: give a picture, or a folder of them, with --references"
        )
    references = [folder] if folder.is_file() else images_in(folder, Findings())
    if not references:
        raise DataError(f"{folder}: holds no picture; it must hold at least one of what is sought")
    return references


def _pixels(picture: Path | NDArray[np.uint8]) -> NDArray[np.uint8]:
    return decode(picture) if isinstance(picture, Path) else picture


def _video(path: Path, take: Taker) -> Source:
    rate, count = stated(path)
    items = (take(pixels, f"{path.name} frame {number}") for number, pixels in enumerate(frames(path)))
    return Source(path.stem, items, rate, count)


def _clips(path: Path, window: int) -> list[Source]:
    from trainables.slowfast.recording import read_clips

    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix.lower() in CLIPS)
    if not files:
        raise DataError(f"{path}: holds no file of clips ({', '.join(sorted(CLIPS))})")
    return [Source(file.stem, (Item(name, clip, None) for name, clip in read_clips(file, window))) for file in files]
