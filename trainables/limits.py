"""How much is read of files that may come from anywhere. Each limit is an environment variable, as in

    STEADYTUNE_MAX_IMAGE_PIXELS=300000000 steadytune check sweep.yaml

A file beyond a limit is refused with one sentence before its contents take memory or time.
"""

from __future__ import annotations

import os
from functools import cache

from pydantic import Field

from trainables.settings import Settings, parse, parse_value

PREFIX = "STEADYTUNE_MAX_"


class Limits(Settings):
    """The limits and their defaults; the variable of `image_pixels` is `STEADYTUNE_MAX_IMAGE_PIXELS`."""

    image_pixels: int = Field(2**27, ge=1, description="pixels of an image; 2^27 take 400 MB decoded")
    image_bytes: int = Field(200 * 10**6, ge=1, description="bytes of an image file")
    label_bytes: int = Field(16 * 10**6, ge=1, description="bytes of a label file: some 300,000 boxes")
    list_bytes: int = Field(200 * 10**6, ge=1, description="bytes of a list of images: some two million paths")
    json_bytes: int = Field(600 * 10**6, ge=1, description="bytes of a JSON file; COCO's own largest has 470 million")
    cache_bytes: int = Field(256 * 10**6, ge=0, description="bytes of the cache of what was found out about files")


@cache
def limits() -> Limits:
    """The limits of this process.

    Raises:
        SettingsError: a variable is no whole number, or below the least one.
    """
    variables = {name: os.environ.get(PREFIX + name.upper()) for name in Limits.model_fields}
    given = {name: parse_value(text, PREFIX + name.upper()) for name, text in variables.items() if text}
    return parse(Limits, given, f"environment variables {PREFIX}*")


def variable(name: str) -> str:
    """The environment variable that raises the limit `name`, for the sentence that refuses a file."""
    return PREFIX + name.upper()
