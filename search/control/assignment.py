"""What the coordinator hands out to a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Assignment:
    """A training for a worker to run.

    Attributes:
        trial: its number.
        settings: of the training, complete.
        epochs: how many are finished; it continues from the checkpoint after the last of them.
        exclusive: whether it gets a GPU of its own, since on a shared one it ran out of memory.
    """

    trial: int
    settings: dict[str, Any]
    epochs: int
    exclusive: bool = False
