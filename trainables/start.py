"""How a training starts from what an earlier one of the same recipe left, as the stages of a sweep do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from trainables.errors import CheckpointError, SettingsError
from trainables.recipe import AnyRecipe


@runtime_checkable
class Starts(Protocol):
    """A recipe whose trainings can start from the weights of an earlier training of the same recipe."""

    def start_settings(self, export: Path) -> Mapping[str, Any]:
        """The settings that make a training start from there.

        Args:
            export: the export of an earlier training: `checkpoint/`, which its `Epoch.save` wrote, and beside it what
                `Recipe.weights` wrote. It need not exist; a value that is a path in it is a file or a folder of it.

        Raises:
            SettingsError: the recipe's trainings cannot start from there.
        """


def start_settings(recipe: AnyRecipe, export: Path) -> dict[str, Any]:
    """See `Starts.start_settings`.

    Raises:
        SettingsError: the recipe does not say how a training starts from an earlier one.
    """
    if not isinstance(recipe, Starts):
        raise SettingsError(
            f"recipe {recipe.name} does not say how a training starts from an earlier one; implement `start_settings` "
            "in its class, or train without starts_from and stages"
        )
    return dict(recipe.start_settings(export))


def start_digest(export: Path, settings: Mapping[str, Any]) -> str:
    """SHA-256 of what `start_settings` names in `export`: the names and the contents of these files.

    Raises:
        CheckpointError: one of them is not there, or none is named.
    """
    named = [Path(value) for value in settings.values() if isinstance(value, str) and Path(value).is_absolute()]
    digest = hashlib.sha256()
    for path in (path for path in named if path.is_relative_to(export)):
        if not path.exists():
            raise CheckpointError(f"{path}: is missing, so no training can start from it; export that sweep again")
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        for file in files:
            with file.open("rb") as content:
                checksum = hashlib.file_digest(content, "sha256").hexdigest()
            digest.update(f"{file.relative_to(export).as_posix()} {checksum}\n".encode())
    return digest.hexdigest()
