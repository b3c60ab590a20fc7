"""A trial of a sweep as a recipe hears of it, to write files about the whole sweep in its own format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TrialSummary:
    """One trial of the search.

    Attributes:
        trial: its number.
        value: the best value of the objective that it reached; None if it reached none.
        epochs: how many it was trained.
        drawn: the names that were searched in it.
        settings: all of them.
    """

    trial: int
    value: float | None
    epochs: int
    drawn: Sequence[str]
    settings: Mapping[str, Any]
