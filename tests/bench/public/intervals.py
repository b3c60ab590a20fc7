"""Intervals over repositories: groups of one repository are alike, so whole repositories are drawn again."""

from __future__ import annotations

import numpy as np

from tests.bench.public.groups import Group

DRAWS = 4000
LEVELS = (2.5, 97.5)


def draws(groups: list[Group], seed: int = 0) -> list[np.ndarray]:
    """`DRAWS` bootstrap samples over repositories, each the places of its groups."""
    rng = np.random.default_rng(seed)
    owners = np.array([group.repository for group in groups])
    places = [np.flatnonzero(owners == owner) for owner in sorted(set(owners))]
    return [np.concatenate([places[at] for at in rng.integers(0, len(places), len(places))]) for _ in range(DRAWS)]


def of_mean(values: np.ndarray, drawn: list[np.ndarray]) -> tuple[float, float]:
    """95 % interval of the mean over groups."""
    low, high = np.percentile([values[sample].mean() for sample in drawn], LEVELS)
    return float(low), float(high)


def of_ratio(values: np.ndarray, base: np.ndarray, drawn: list[np.ndarray]) -> tuple[float, float]:
    """95 % interval of the ratio of the means over groups, from the same samples for both."""
    ratios = [values[sample].mean() / max(base[sample].mean(), 1e-12) for sample in drawn]
    low, high = np.percentile(ratios, LEVELS)
    return float(low), float(high)
