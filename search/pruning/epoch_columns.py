"""A curve's epochs as columns: lists while its training runs, one array once it does not.

A sweep may have 10,000 trials, of which a few run. Packed, an epoch takes 40 bytes instead of 150, and unpacking ten
takes some microseconds.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from functools import lru_cache


@dataclass(slots=True)
class EpochColumns:
    """One entry per epoch in each column; see `search.pruning.curve.Point`.

    Attributes:
        finite_epochs, finite_values: the epochs whose value is a number. Finding them again after each epoch would take
            the square of the epochs.
    """

    epochs: list[int] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    losses: list[float | None] = field(default_factory=list)
    held_out: list[float | None] = field(default_factory=list)
    phases: list[str] = field(default_factory=list)
    spreads: list[float | None] = field(default_factory=list)
    finite_epochs: list[int] = field(default_factory=list)
    finite_values: list[float] = field(default_factory=list)

    def extend(
        self,
        epochs: list[int],
        values: list[float | None],
        losses: list[float | None],
        held_out: list[float | None],
        phases: list[str],
        spreads: list[float | None],
    ) -> None:
        """Add the next epochs."""
        self.epochs.extend(epochs)
        self.values.extend(values)
        self.losses.extend(losses)
        self.held_out.extend(held_out)
        self.phases.extend(phases)
        self.spreads.extend(spreads)
        for epoch, value in zip(epochs, values, strict=True):
            if value is not None and math.isfinite(value):
                self.finite_epochs.append(epoch)
                self.finite_values.append(value)

    def packed(self) -> PackedColumns:
        """The same, small."""
        numbers = [*self.values, *self.losses, *self.held_out, *self.spreads]
        missing = sum(1 << index for index, number in enumerate(numbers) if number is None)
        packed = array("d", [*self.epochs, *(math.nan if number is None else number for number in numbers)])
        return PackedColumns(packed, missing, _shared(tuple(self.phases)))


@dataclass(frozen=True, slots=True)
class PackedColumns:
    """The columns of `EpochColumns` as one array.

    Attributes:
        numbers: epochs, values, losses, held-out losses and spreads, one after the other.
        missing: the bits of the numbers after the epochs that are None.
        phases: the phase of each epoch.
    """

    numbers: array[float]
    missing: int
    phases: tuple[str, ...]

    def unpacked(self) -> EpochColumns:
        """As lists."""
        count = len(self.phases)
        numbers: list[float | None] = [*self.numbers[count:]]
        if self.missing:
            numbers = [None if self.missing >> index & 1 else number for index, number in enumerate(numbers)]
        values, losses, held_out, spreads = (numbers[part * count : (part + 1) * count] for part in range(4))
        columns = EpochColumns()
        epochs = [int(epoch) for epoch in self.numbers[:count]]
        columns.extend(epochs, values, losses, held_out, list(self.phases), spreads)
        return columns


@lru_cache(4096)
def _shared(phases: tuple[str, ...]) -> tuple[str, ...]:
    """Equal phases as one object: most trials have the same."""
    return phases
