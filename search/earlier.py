"""A trial of an earlier sweep, as this sweep's journal keeps it: the earlier sweep may be deleted afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from search.decision import LOST, Reason


@dataclass(frozen=True)
class EarlierTrial:
    """A trial of an earlier sweep that the search learns from.

    Attributes:
        named: the earlier sweep's name.
        trial: its number there.
        drawn: its values, as the space of this sweep would have drawn them.
        epoch: where it ended, in epochs of this sweep: as large a share of a training as it was there.
        reason: what ended it.
        numbers: "level", if it ever had one.
    """

    event: ClassVar[str] = "earlier"
    named: str
    trial: int
    drawn: dict[str, Any]
    epoch: int
    reason: Reason
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def level(self) -> float | None:
        """The objective it reached."""
        return self.numbers.get("level")

    @property
    def lost(self) -> bool:
        """Whether its training was lost."""
        return self.reason in LOST
