"""What the journal keeps of the training losses of an epoch's steps: their spread, and a few points for a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, pstdev

POINTS = 20
"""Points of each epoch: as many as a figure of a hundred epochs can show."""


def spread(losses: Sequence[float]) -> float | None:
    """Population standard deviation of the finite losses; None for fewer than two."""
    finite = [loss for loss in losses if math.isfinite(loss)]
    return pstdev(finite) if len(finite) > 1 else None


def line(losses: Sequence[float]) -> list[float]:
    """The losses; if there are more than `POINTS`, the means of so many groups of consecutive ones, equal in size."""
    if len(losses) <= POINTS:
        return [float(loss) for loss in losses]
    ends = [len(losses) * number // POINTS for number in range(POINTS + 1)]
    return [fmean(losses[start:end]) for start, end in pairwise(ends)]
