"""Verdicts on curves that are written out as lists."""

from __future__ import annotations

from collections.abc import Sequence

from search.pruning.curve import Curve, Point
from search.pruning.decision import Decision
from search.pruning.stability import StabilitySettings
from search.pruning.stop_rules import verdict

DEFAULTS = StabilitySettings()


def judged(
    losses: list[float],
    values: Sequence[float | None] | None = None,
    held_out: Sequence[float | None] | None = None,
    mode: str = "max",
    max_epochs: int = 100,
    settings: StabilitySettings = DEFAULTS,
) -> Decision | None:
    """The verdict on a curve; without values a metric that rises."""
    values = values or [0.1 + 0.001 * epoch for epoch in range(len(losses))]
    held_out = held_out or [None] * len(losses)
    points = [Point(*point) for point in zip(range(1, 1 + len(losses)), values, losses, held_out, strict=True)]
    return verdict(Curve(mode, points), max_epochs, settings)


def reason(decision: Decision | None) -> str | None:
    return decision.reason if decision else None
