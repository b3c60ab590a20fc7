from __future__ import annotations

import math
from statistics import fmean

import pytest

from search.execution.step_losses import POINTS, line, spread


def test_the_spread_is_of_the_finite_losses() -> None:
    assert spread([1.0, 3.0, math.nan]) == 1.0
    assert spread([1.0]) is None
    assert spread([]) is None


def test_a_few_losses_are_kept_as_they_are() -> None:
    assert line([1.0, math.inf, 2.0]) == [1.0, math.inf, 2.0]


@pytest.mark.parametrize("steps", [2 * POINTS, 50 * POINTS, 1997])
def test_many_losses_become_means_of_groups(steps: int) -> None:
    points = line([float(step) for step in range(steps)])
    assert len(points) == POINTS
    assert points == sorted(points)
    assert fmean(points) == pytest.approx((steps - 1) / 2, rel=0.03)
