"""Measures of what a configuration costs, and the limits that a sweep sets on them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trainables.settings import Settings

Measure = Literal["epoch_seconds", "checkpoint_mb"]
UNITS: dict[Measure, str] = {"epoch_seconds": "s", "checkpoint_mb": "MB"}


class Limit(Settings):
    """The highest value that a measure may have."""

    high: float = Field(gt=0, description="the highest that is allowed")
