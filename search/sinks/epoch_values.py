"""The numbers of an epoch as one table, for tools that tell them apart by name alone."""

from __future__ import annotations

from search.journal.events import EpochDone


def epoch_values(event: EpochDone) -> dict[str, float]:
    """Metrics by their names, and "loss/NAME", "rate/NAME" and "seconds/NAME"."""
    groups = {"loss": event.losses, "rate": event.rates, "seconds": event.seconds}
    others = {f"{kind}/{name}": value for kind, group in groups.items() for name, value in group.items()}
    return {**event.metrics, **others}
