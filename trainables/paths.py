"""Paths that a file from elsewhere names."""

from __future__ import annotations

from pathlib import PurePosixPath


def leaves(name: str) -> bool:
    """Whether `name`, a path relative to a folder, is outside it: absolute, or with a step up."""
    return PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts
