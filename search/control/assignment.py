"""What the coordinator hands out to a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Assignment:
    """A training for a worker to run.

    Attributes:
        trial: its number.
        settings: the complete settings of the training.
        epochs: how many are finished; the training continues from the checkpoint after the last of them.
        exclusive: whether it gets a GPU of its own, since it ran out of memory on a shared one.
    """

    trial: int
    settings: dict[str, Any]
    epochs: int
    exclusive: bool = False
