"""What the journal keeps of the training losses of an epoch's steps: their spread, and a line of a few points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, pstdev

POINTS = 20
"""Points an epoch of the line: as many as a figure of a hundred epochs can show."""


def spread(losses: Sequence[float]) -> float | None:
    """Standard deviation (population) of the finite ones; None for fewer than two."""
    finite = [loss for loss in losses if math.isfinite(loss)]
    return pstdev(finite) if len(finite) > 1 else None


def line(losses: Sequence[float]) -> list[float]:
    """The losses themselves, or the means of `POINTS` groups of consecutive ones, as equal as can be."""
    if len(losses) <= POINTS:
        return [float(loss) for loss in losses]
    ends = [len(losses) * number // POINTS for number in range(POINTS + 1)]
    return [fmean(losses[start:end]) for start, end in pairwise(ends)]
