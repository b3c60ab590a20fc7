"""Trials are compared at the last rung that both have reached; to have trained further is no merit."""

from __future__ import annotations

import numpy as np
import pytest

from search.sampling.ranking import Array, Ranking, beaten


def rows(reached: list[list[float]]) -> Array:
    by_rung = np.full((len(reached), max(map(len, reached), default=0)), np.nan)
    for row, values in zip(by_rung, reached, strict=True):
        row[: len(values)] = values
    return by_rung


def by_pairs(reached: list[list[float]]) -> list[float]:
    """The definition, a pair at a time."""
    scores = []
    for number, values in enumerate(reached):
        score = 0.0
        for other in reached[:number] + reached[number + 1 :]:
            common = min(len(values), len(other))
            value, other_value = (values[common - 1], other[common - 1]) if common else (0.0, 0.0)
            score += 0.5 if value == other_value else float(value > other_value)
        scores.append(score)
    return scores


@pytest.mark.parametrize("seed", range(20))
def test_each_pair_is_compared_at_its_last_common_rung(seed: int) -> None:
    generator = np.random.default_rng(seed)
    # Few values, so that there are ties; some have reached no rung.
    reached = [generator.integers(0, 6, generator.integers(0, 5)).astype(float).tolist() for _ in range(30)]
    assert beaten(rows(reached)).tolist() == by_pairs(reached)


def test_a_good_trial_at_the_first_rung_is_ahead_of_a_mediocre_one_that_was_promoted() -> None:
    promoted, waits = [0.1, 0.2, 0.3], [0.15]
    assert beaten(rows([promoted, waits])).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("count", [0, 1])
def test_nobody_to_compare_with(count: int) -> None:
    assert beaten(rows([[0.5]] * count)).tolist() == [0.0] * count


def test_scores_follow_what_trials_reach_while_others_run_and_the_most_infeasible_come_last() -> None:
    ranking = Ranking(rungs=2)
    ranking.compare(7, [0.9], violation=2.0)
    ranking.compare(3, [0.1], violation=0.0)
    ranking.compare(0, [0.2], violation=0.0)
    ranking.compare(4, [0.8, 0.9, 0.9], violation=0.5)
    assert len(ranking) == 4
    assert 3 in ranking
    assert not {1, 8}.intersection(trial for trial in range(20) if trial in ranking)
    assert sorted(ranking.scores(), key=ranking.scores().__getitem__) == [7, 4, 3, 0]
    ranking.compare(3, [0.3, 0.1], violation=0.0)  # it trained on, and is now ahead at the first rung
    scores = ranking.scores()
    assert sorted(scores, key=scores.__getitem__) == [7, 4, 0, 3]
    assert sum(scores.values()) == pytest.approx(0)
