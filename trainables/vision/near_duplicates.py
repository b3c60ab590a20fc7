"""Pictures that are nearly the same: a perceptual hash, and how many bits of it differ.

The hash is pHash's (Zauner 2010, section 3.2.1): the picture in grey at 32 x 32 pixels, its 8 x 8 lowest frequencies
but for the constant ones, and for each whether it is above their median. A mirrored picture has the same coefficients
with every second one negated, so mirrored copies are compared too. Dark pictures with one bright spot have similar
hashes, so what the hash finds must also correlate.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainables.file_facts import file_facts, stamp_of
from trainables.regular_file import check_regular, read_regular
from trainables.vision.decode import thumbnail

MOST_BITS = 10
"""Of 64 that may differ. imagededup's default, and Krawetz's bound for "a variation of the same image"."""
LEAST_CORRELATION = 0.7
"""Of the two pictures at 32 x 32 pixels. Ours: without it, two pairs of rgbt's sample would count, digits at night."""
SIDE, LOWEST = 32, 8
BLOCK = 256
KIND = "small 1"
"""Of the fact that is kept about a file."""
NONE = 65
"""More bits than a hash has."""
_WAVES = np.cos(np.pi * np.outer(np.arange(1, LOWEST + 1), 2 * np.arange(SIDE) + 1) / (2 * SIDE))
_MIRROR = np.where(np.arange(1, LOWEST + 1) % 2, -1.0, 1.0)


@dataclass(frozen=True)
class Hashes:
    """Of N pictures.

    Attributes:
        bits: (N, 2) uint64, the hash of each as it is and mirrored.
        small: (N, 32, 32) uint8, each in grey.
    """

    bits: NDArray[np.uint64]
    small: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.bits)


@dataclass(frozen=True)
class Nearest:
    """Of each of N pictures the one among others that it is nearest to.

    Attributes:
        index: (N,), of that other picture.
        bits: (N,), of the hash that differ; `NONE` where there is no other, or only one that is not alike.
    """

    index: NDArray[np.int64]
    bits: NDArray[np.int64]


def hashes(small: Sequence[NDArray[np.uint8]]) -> Hashes:
    """The hash of each picture, given in grey at 32 x 32 pixels."""
    pictures = np.array([*small], dtype=np.uint8).reshape(-1, SIDE, SIDE)
    return Hashes(np.array([*map(_bits, pictures)], dtype=np.uint64).reshape(-1, 2), pictures)


def small_pictures(files: Sequence[tuple[Path, int, int]]) -> list[NDArray[np.uint8]]:
    """Each file, given with its width and height, in grey at 32 x 32 pixels.

    JPEG is decoded at an eighth of its size or so; what was decoded is kept beside the other facts about the file.

    Raises:
        DataError: a file can no longer be read, or its pixels cannot be decoded.
    """
    paths = [os.path.abspath(path) for path, _, _ in files]
    with file_facts() as facts, ThreadPoolExecutor(os.cpu_count()) as pool:  # OpenCV decodes without Python's lock
        thumbnails = [
            facts.recall(path, KIND, stamp_of(check_regular(file, "image_bytes")))
            for path, (file, _, _) in zip(paths, files, strict=True)
        ]
        missing = [index for index, value in enumerate(thumbnails) if value is None]
        decoded = pool.map(_decoded, (files[index] for index in missing))
        for index, (small, status) in zip(missing, decoded, strict=True):
            thumbnails[index] = small.tobytes()
            facts.keep(paths[index], KIND, status, small.tobytes())
    return [np.frombuffer(value, dtype=np.uint8).reshape(SIDE, SIDE) for value in thumbnails if value is not None]


def _decoded(file: tuple[Path, int, int]) -> tuple[NDArray[np.uint8], os.stat_result]:
    path, width, height = file
    content, status = read_regular(path, "image_bytes")
    return shrunk(thumbnail(content, path, width, height, SIDE)), status


def shrunk(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A grey picture (h, w) at 32 x 32 pixels."""
    import cv2

    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _bits(small: NDArray[np.uint8]) -> tuple[int, int]:
    """The 64 bits of a grey picture (32, 32), and those of its mirror image."""
    frequencies = _WAVES @ small.astype(np.float64) @ _WAVES.T
    above = (part > np.median(part) for part in (frequencies, frequencies * _MIRROR))
    as_is, mirrored = (int.from_bytes(np.packbits(bits).tobytes(), "big") for bits in above)
    return as_is, mirrored


def nearest(pictures: Hashes, others: Hashes | None = None) -> Nearest:
    """The nearest of `others`, or of the pictures before it in `pictures` themselves, to each picture."""
    among = pictures if others is None else others
    index = np.zeros(len(pictures), dtype=np.int64)
    bits = np.full(len(pictures), NONE, dtype=np.int64)
    for start in range(0, len(pictures) if len(among) else 0, BLOCK):
        block = pictures.bits[start : start + BLOCK]
        end = start + len(block) if others is None else len(among)
        differing = np.minimum(*(np.bitwise_count(block[:, side, None] ^ among.bits[None, :end, 0]) for side in (0, 1)))
        if others is None:
            differing[np.arange(end)[None] >= np.arange(len(block))[:, None] + start] = NONE
        index[start : start + BLOCK] = differing.argmin(axis=1)
        bits[start : start + BLOCK] = differing.min(axis=1)
    for number in np.flatnonzero(bits <= MOST_BITS):
        if _correlation(pictures.small[number], among.small[index[number]]) < LEAST_CORRELATION:
            bits[number] = NONE
    return Nearest(index, bits)


def _correlation(picture: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Of the two as they are or mirrored, whichever is higher; 1 for two plain ones."""
    if not picture.std() or not other.std():
        return float(picture.std() == other.std())
    return max(float(np.corrcoef(picture.ravel(), turned.ravel())[0, 1]) for turned in (other, other[:, ::-1]))


_COPY = re.compile(r"\.rf\.[0-9a-zA-Z]{20,}$|[_-]aug(mented)?[_-]?\d+$", re.IGNORECASE)


def source_name(file: Path) -> str:
    """What the names of all augmented copies of a picture begin with; "" if its name does not tell.

    Roboflow's exports end in `.rf.` and a hash, those of scripts often in `_aug_2`.
    """
    stem, copies = _COPY.subn("", file.stem)
    return stem if copies else ""
