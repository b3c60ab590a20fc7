"""Matches the classes of a checkpoint and of a data set by name, since both may number them in another order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from trainables.errors import DataError, first_few

NAMED = 10
"""A sentence names at most this many classes."""
RowsT = TypeVar("RowsT", bound=NDArray[Any])


@dataclass(frozen=True)
class ClassMatch:
    """How a data set's classes are numbered in a checkpoint.

    Attributes:
        trained: the checkpoint's classes, in its order.
        present: the data set's, in its own.
    """

    trained: tuple[str, ...]
    present: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether the numbers are the same."""
        return self.trained == self.present

    def rows(self, rows: RowsT, classes: NDArray[Any]) -> tuple[RowsT, NDArray[np.int64]]:
        """Those of `rows` whose class the checkpoint has, and their numbers there.

        Args:
            rows: (M, …), one an object or a clip.
            classes: (M,), numbers in the data set.
        """
        numbers = np.array([self._number(name) for name in self.present], dtype=np.int64)
        moved = numbers[classes.astype(np.int64)]
        return cast("RowsT", rows[moved >= 0]), moved[moved >= 0]

    def _number(self, name: str) -> int:
        return self.trained.index(name) if name in self.trained else -1

    def notes(self) -> Iterator[str]:
        """What the user must know: classes that only one of the two has."""
        if lacking := [name for name in self.trained if name not in self.present]:
            yield f"not in the data, so not evaluated: {listed(lacking)}, which the checkpoint was trained on"
        if extra := [name for name in self.present if name not in self.trained]:
            yield f"not known to the checkpoint, so left out of the evaluation: {listed(extra)}"


class Named(Protocol):
    """Data whose objects or clips have classes."""

    @property
    def names(self) -> tuple[str, ...]:
        """Class names; a class is an index into them."""

    def with_classes(self, match: ClassMatch) -> Any:
        """The same data with the checkpoint's classes and their numbers. Objects of other classes are left out.

        Raises:
            DataError: nothing is left of the held-out split.
        """


def match(trained: Sequence[str], present: Sequence[str]) -> ClassMatch:
    """How the classes `present` in data are numbered in a checkpoint of the classes `trained`.

    Raises:
        DataError: not one of them is among the checkpoint's.
    """
    if not set(trained) & set(present):
        raise DataError(
            f"the data's classes are {listed(present)}, the checkpoint's {listed(trained)}; at least one must have"
            " the same name in both"
        )
    return ClassMatch(tuple(trained), tuple(present))


def nothing_left(match: ClassMatch, noun: str) -> DataError:
    """The complaint that the held-out split has none of the checkpoint's classes."""
    return DataError(
        f"no {noun} of the held-out split is of a class that the checkpoint was trained on ({listed(match.trained)});"
        " evaluate it on data that have some"
    )


def listed(names: Sequence[str]) -> str:
    """Classes' `names` for a sentence, each in quotes."""
    return first_few([*map(repr, names)], NAMED)
