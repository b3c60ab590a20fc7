"""Trials are compared at the last rung that both have reached; to have trained further is no merit."""

from __future__ import annotations

import numpy as np
import pytest

from search.sampling.ranking import beaten


def by_pairs(reached: list[list[float]]) -> list[float]:
    """The definition, a pair at a time."""
    scores = []
    for number, values in enumerate(reached):
        score = 0.0
        for other in reached[:number] + reached[number + 1 :]:
            common = min(len(values), len(other))
            here, there = (values[common - 1], other[common - 1]) if common else (0.0, 0.0)
            score += 0.5 if here == there else float(here > there)
        scores.append(score)
    return scores


@pytest.mark.parametrize("seed", range(20))
def test_each_pair_is_compared_at_its_last_common_rung(seed: int) -> None:
    generator = np.random.default_rng(seed)
    # Few values, so that there are ties; some have reached no rung.
    reached = [generator.integers(0, 6, generator.integers(0, 5)).astype(float).tolist() for _ in range(30)]
    assert beaten(reached).tolist() == by_pairs(reached)


def test_a_good_trial_at_the_first_rung_is_ahead_of_a_mediocre_one_that_was_promoted() -> None:
    promoted, waits = [0.1, 0.2, 0.3], [0.15]
    assert beaten([promoted, waits]).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("count", [0, 1])
def test_nobody_to_compare_with(count: int) -> None:
    assert beaten([[0.5]] * count).tolist() == [0.0] * count
