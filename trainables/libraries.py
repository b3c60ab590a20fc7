"""The libraries that a recipe's trainings need: the extra of its name, as this package's metadata list them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

PACKAGE = "steadytune"


def extra_of(recipe: str) -> str:
    """The extra of the recipe of that name, as metadata spell it: pip before 23.3 finds no other spelling."""
    return recipe.replace("_", "-")


def missing(extra: str) -> list[str]:
    """The distributions of `steadytune[extra]` that are not installed; none if there is no such extra."""
    return sorted({name for name in _distributions(extra) if not _is_installed(name)})


def _distributions(extra: str) -> Iterator[str]:
    """Names of what an extra asks for, also through other extras of this package."""
    from packaging.requirements import Requirement  # a tenth of what the command line imports, seldom needed

    for line in _requirements():
        requirement = Requirement(line)
        if requirement.marker is None or not _concerns(requirement, extra):
            continue
        if requirement.name != PACKAGE:
            yield requirement.name
        for other in requirement.extras if requirement.name == PACKAGE else ():
            yield from _distributions(other)


def _concerns(requirement: Requirement, extra: str) -> bool:
    """Whether a requirement is part of `extra`, and of nothing that holds without it."""
    marker = requirement.marker
    return marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""})


def _requirements() -> list[str]:
    try:
        return requires(PACKAGE) or []
    except PackageNotFoundError:  # a checkout on the path of another environment
        return []


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True
