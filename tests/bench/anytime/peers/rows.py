"""What a peer sees of a table, in the peer's own environment, where only numpy is at hand.

A configuration is a point: a number is its share of its range, on the range's scale; a choice is its position among the
choices. Optuna's samplers are asked in the same way (`tests/bench/own/tabular.py`): new configurations are those of the
table, each once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

DECIMALS = 10
"""Of a coordinate, as peers have rounded it when they give it back."""


class Rows:
    """The configurations of a table.

    Args:
        choices: of each parameter, how many choices it has; 0 if it is a number.
        points: one a configuration.
        seed: of random choices.

    Attributes:
        choices: as given.
        points: [configurations, parameters].
        untrained: the rows of those that no training has begun with.
    """

    def __init__(self, choices: list[int], points: list[list[float]], seed: int) -> None:
        self.choices = choices
        self.points = np.round(points, DECIMALS)
        self.untrained = list(range(len(points)))
        self._draw = np.random.default_rng([seed, 6])
        self._row_of_key = {tuple(point): row for row, point in enumerate(self.points.tolist())}
        self._is_choice = np.array(choices) > 0

    def values(self, row: int) -> dict[str, Any]:
        """The configuration at `row`, by names made up here."""
        pairs = zip(self.points[row].tolist(), self.choices, strict=True)
        return {f"x{number}": int(value) if count else value for number, (value, count) in enumerate(pairs)}

    def row_of(self, values: Mapping[str, Any]) -> int:
        """Where a configuration of the table is."""
        return self._row_of_key[tuple(float(values[f"x{number}"]) for number in range(len(self.choices)))]

    def take(self, row: int) -> int:
        """`row`, which is not untrained any more."""
        self.untrained.remove(row)
        return row

    def some(self, count: int) -> list[int]:
        """Any `count` of those that are left, which stay so."""
        return [int(row) for row in self._draw.choice(self.untrained, count, replace=False)]

    def random(self) -> int:
        """Take any that is left."""
        return self.take(self.some(1)[0])

    def nearest(self, point: np.ndarray) -> int:
        """Take the one that is left and nearest to `point`; two choices are as far apart as the ends of a range."""
        steps = np.abs(self.points[self.untrained] - point)
        steps[:, self._is_choice] = steps[:, self._is_choice] > 0
        return self.take(self.untrained[int(np.argmin((steps**2).sum(axis=1)))])


@dataclass(frozen=True)
class Sweep:
    """What a peer is to search.

    Attributes:
        system: the name of what is compared.
        choices, points: of `Rows`.
        epochs: of a whole training.
        trials: that a sweep of this table has, for peers that plan by it.
        seed: of the sweep.
    """

    system: str
    choices: list[int]
    points: list[list[float]]
    epochs: int
    trials: int
    seed: int

    @cached_property
    def rows(self) -> Rows:
        """The configurations."""
        return Rows(self.choices, self.points, self.seed)


class Peer(Protocol):
    """A system in an environment of its own."""

    def ask(self, job: int) -> tuple[int, int] | None:
        """The row of a configuration and to which epoch to train it; None if there is nothing now."""

    def tell(self, job: int, epoch: int, value: float, over: bool) -> bool:
        """One more epoch of what `job` trains; it is `over` if there will be no more. Whether it goes on."""


class Budgeted:
    """A peer that hears of a training only once it has all epochs that were asked for."""

    def __init__(self) -> None:
        self._epochs: dict[int, int] = {}

    def told(self, job: int, value: float) -> None:
        """What the training of `job` showed at last."""
        raise NotImplementedError

    def asked(self, job: int, row: int, budget: float) -> tuple[int, int]:
        """An answer of `Peer.ask`, from a `budget` in fractions of epochs."""
        self._epochs[job] = max(1, round(budget))
        return row, self._epochs[job]

    def tell(self, job: int, epoch: int, value: float, over: bool) -> bool:
        """See `Peer`."""
        if epoch < self._epochs[job] and not over:
            return True
        self.told(job, value)
        return False
