"""Recipes whose settings are declared as data: each parameter with its bounds or choices, and its default."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from trainables.command.declaration import Parameter
from trainables.command.settings import DeclaredSettings
from trainables.errors import DataError
from trainables.recipe import Recipe
from trainables.settings import parse

PRESET, BASELINE = "declared", "defaults"
_WRITTEN_BESIDE = re.compile(r"\..*|__pycache__|.*\.(cache|lock|pyc)|cache-.*\.arrow", re.IGNORECASE)
"""Names of what tools write beside data that they only read: Ultralytics, Hugging Face's datasets, editors."""


@dataclass(frozen=True)
class PathData:
    """A data set that only the training looks into.

    Attributes:
        path: absolute; "" if the sweep names none.
        fingerprint: of the names and sizes of its files; of nothing if it has none.
    """

    path: str
    fingerprint: str

    @classmethod
    def of(cls, path: Path | None) -> PathData:
        """The data at `path`, or no data.

        Raises:
            DataError: there is nothing.
        """
        if path is None:
            return cls("", hashlib.sha256().hexdigest())
        if not path.exists():
            raise DataError(f"data is {path}; no such file or folder")
        return cls(str(path.absolute()), _fingerprint(path))


def _fingerprint(path: Path) -> str:
    """Of names and sizes: contents may be a terabyte. What tools write beside data while they train does not count."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    files = [file for file in files if not any(map(_WRITTEN_BESIDE.fullmatch, file.relative_to(path).parts))]
    digest = hashlib.sha256()
    for file in files:
        line = f"{file.relative_to(path.parent)} {file.stat().st_size}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


class DeclaredRecipe(Recipe[DeclaredSettings, PathData]):
    """A recipe with one preset, the defaults of its parameters, which is also its baseline."""

    settings_type = DeclaredSettings
    baseline: ClassVar[str] = BASELINE
    needs_data: ClassVar[bool] = False

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What may vary, which makes the search space; those that depend on others come after them."""
        raise NotImplementedError

    @property
    def default_epochs(self) -> int:
        """Epochs of a whole training."""
        raise NotImplementedError

    @property
    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """One: the declared defaults."""
        baseline = {name: parameter.baseline for name, parameter in self.parameters.items()}
        return {PRESET: {"epochs": self.default_epochs, "seed": 0, **baseline}}

    @property
    def trainings(self) -> Mapping[str, Mapping[str, Any]]:
        """One: the baseline, which has all defaults."""
        return {BASELINE: {}}

    def settings(self, preset: str, overrides: Mapping[str, Any], training: str | None = None) -> DeclaredSettings:
        """See `Recipe.settings`; a parameter that is not passed along with the others is None."""
        values = super().settings(preset, overrides, training).model_dump()
        for name, parameter in self.parameters.items():
            if not parameter.active(values):
                values[name] = None
        return parse(self.settings_type, values, self.name)
