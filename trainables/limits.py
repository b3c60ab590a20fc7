"""How much is read of files that may come from anywhere. Each limit is an environment variable, as in

    STEADYTUNE_MAX_IMAGE_PIXELS=300000000 steadytune check sweep.yaml

A file beyond a limit is refused with one sentence before its contents take memory or time.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from functools import cache

from trainables.errors import SettingsError

PREFIX = "STEADYTUNE_MAX_"


def _limit(default: int, description: str) -> int:
    limited: int = field(default=default, metadata={"description": description})
    return limited


@dataclass(frozen=True)
class Limits:
    """The limits and their defaults; the variable of `image_pixels` is `STEADYTUNE_MAX_IMAGE_PIXELS`."""

    image_pixels: int = _limit(2**27, "pixels of an image or a video's frame; 2^27 take 400 MB decoded")
    image_bytes: int = _limit(200 * 10**6, "bytes of an image file")
    label_bytes: int = _limit(16 * 10**6, "bytes of a label file: some 300,000 boxes")
    list_bytes: int = _limit(200 * 10**6, "bytes of a list of images: some two million paths")
    yaml_bytes: int = _limit(10**6, "bytes of a YAML file: some 20,000 class names")
    yaml_values: int = _limit(10**6, "values in a YAML file, those that its aliases repeat included")
    json_bytes: int = _limit(600 * 10**6, "bytes of a JSON file; COCO's own largest has 470 million")
    json_values: int = _limit(80 * 10**6, "commas and brackets in a JSON file")
    checkpoint_bytes: int = _limit(20 * 10**9, "bytes of a file of weights or a checkpoint, unpacked")
    hdf5_bytes: int = _limit(16 * 10**9, "bytes of a data set in an HDF5 file, unpacked")
    video_bytes: int = _limit(20 * 10**9, "bytes of a video")
    video_frames: int = _limit(500_000, "frames of a video: more than four hours at 30 a second")
    frame_cache_bytes: int = _limit(40 * 10**9, "bytes on disk of a process's decoded video frames; 0: none")
    cache_bytes: int = _limit(256 * 10**6, "bytes of the cache of what was found out about files")


@cache
def limits() -> Limits:
    """The limits of this process.

    Raises:
        SettingsError: a variable is no whole number.
    """
    variables = {limit.name: os.environ.get(variable(limit.name)) for limit in fields(Limits)}
    return Limits(**{name: _number(name, text) for name, text in variables.items() if text})


def _number(name: str, text: str) -> int:
    digits = text.replace("_", "").strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise SettingsError(f"environment variable {variable(name)} is {text[:40]!r}; it must be a whole number")
    return int(digits)


def variable(name: str) -> str:
    """The environment variable that sets the limit `name`, for the sentence that refuses a file."""
    return PREFIX + name.upper()
