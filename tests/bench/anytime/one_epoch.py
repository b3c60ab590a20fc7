"""The simplest of the peers: one epoch of each configuration, then the best of them first, each to its end."""

from __future__ import annotations

import numpy as np

from search.pruning.curve import Point
from tests.bench.own.recorded import Table
from tests.bench.public.groups import Group


class OneEpoch:
    """Configurations in a random order; "One epoch is all you need", Egele et al., arXiv:2307.15422."""

    def __init__(self, table: Table, group: Group, seed: int, workers: int) -> None:
        order = np.random.default_rng([seed, 5]).permutation(len(group.runs))[: table.trials]
        self._new = [int(index) for index in order[::-1]]
        self._place: dict[int, int] = {}
        self._after_one: dict[int, float] = {}
        self._running = 0

    def next(self) -> tuple[int, int, int] | None:
        """See `tests.bench.own.systems.System`."""
        if self._new:
            trial = len(self._place)
            self._place[trial] = self._new.pop()
            self._running += 1
            return trial, self._place[trial], 0
        if self._running or not self._after_one:
            return None
        best = max(self._after_one, key=lambda trial: self._after_one[trial])
        del self._after_one[best]
        return best, self._place[best], 1

    def report(self, trial: int, point: Point, last: bool) -> bool:
        """See `tests.bench.own.systems.System`."""
        if point.epoch > 1:
            return True
        self._running -= 1
        if not last:
            self._after_one[trial] = point.value or 0.0
        return False
