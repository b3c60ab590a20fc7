"""How good the other trials of a sweep were by an epoch. Stop rules compare a training with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median

Peers = Callable[[int], float | None]
"""The median, over the other trials, of their best value by an epoch; None if there are fewer than `FEWEST_PEERS`."""
FEWEST_PEERS = 3
NEWEST_PEERS = 100
"""Only this many of the newest trials are peers, so that a comparison costs the same however large the sweep is."""


def median_of_peers(values: Iterable[float | None]) -> float | None:
    """The median of the values that are not None; None if there are fewer than `FEWEST_PEERS`."""
    numbers = [value for value in values if value is not None]
    return median(numbers) if len(numbers) >= FEWEST_PEERS else None


def no_peers(epoch: int) -> None:
    """The peers of a training that has none."""
