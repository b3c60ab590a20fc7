"""Rungs of few trials, and of values that are next to nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.pruning.curve import Curve, Point
from search.pruning.promoting import PromotingASHA
from tests.support.asha import all_promoted, asha_of


def left_at_first_rungs(trials: int, epochs: int, rank: int) -> int:
    """How far a trial gets that has this rank at every rung, in a sweep of so many that all report the same forever."""
    asha = PromotingASHA(grace_epochs=2, reduction_factor=1.4, max_epochs=epochs, min_peers=8)
    values = [1 - 0.01 * number for number in range(trials)]
    for trial, value in enumerate(values):
        asha.start(trial, {})
        asha.arrive(trial, Curve("max", [Point(epoch, value, 1.0) for epoch in (1, 2)]))
        asha.record(trial, 2, "pause")
    reached = dict.fromkeys(range(trials), 2)
    while promotion := asha.promotable(0):
        trial, rung = promotion
        asha.record(trial, rung, "continue")
        following = next(at for at in [*asha.rungs, epochs] if at > rung)
        reached[trial] = following
        asha.arrive(trial, Curve("max", [Point(epoch, values[trial], 1.0) for epoch in range(1, following + 1)]))
        if following == epochs:
            asha.end(trial, "done")
        else:
            asha.record(trial, following, "pause")
    return reached[rank - 1]


def test_of_few_trials_more_are_promoted_than_of_many() -> None:
    """The best of six real runs of 25 epochs was fourth after four of them, as it rose late."""
    assert left_at_first_rungs(trials=6, epochs=25, rank=4) > 4
    assert left_at_first_rungs(trials=60, epochs=25, rank=40) <= 4


@pytest.mark.parametrize("trials", [1, 2, 3, 6, 8, 9, 20, 200])
def test_of_more_trials_never_fewer_are_promoted(trials: int) -> None:
    for rung in asha_of(grace=2, factor=1.4, end=25)._rungs:
        assert rung.final_quota(trials) <= rung.final_quota(trials + 1) <= rung.final_quota(trials) + 1
        assert 1 <= rung.final_quota(trials) <= trials


def next_to_nothing(values: list[float], rung: int = 1, nothing: float = 0.001) -> PromotingASHA:
    asha = PromotingASHA(rung, 3, 30, min_peers=1, nothing=nothing)
    for trial, value in enumerate(values):
        asha.start(trial, {})
        asha.arrive(trial, Curve("max", [Point(rung, value, 1.0)]))
        asha.record(trial, rung, "pause")
    return asha


def test_a_rung_where_most_have_next_to_nothing_promotes_all() -> None:
    values = [0.0001, 0.0003, 0.0, 0.3, 0.0002]
    assert sorted(all_promoted(next_to_nothing(values))) == [0, 1, 2, 3, 4]
    assert all_promoted(next_to_nothing(values, nothing=0.0))[:1] == [3]
    assert len(all_promoted(next_to_nothing(values, nothing=0.0))) < 5


@pytest.mark.parametrize("values", [[0.0001, 0.0003, 0.2, 0.3], [-0.1, -0.2, -0.3, 0.0001]])
def test_a_rung_with_values_to_compare_decides(values: list[float]) -> None:
    assert len(all_promoted(next_to_nothing(values))) < 4


def test_late_in_a_training_a_rung_decides_even_on_nothing() -> None:
    assert len(all_promoted(next_to_nothing([0.0001, 0.0003, 0.0, 0.0002], rung=10))) < 4


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.lists(st.integers(0, 19), max_size=20))
def test_a_rung_decides_by_the_median_of_those_that_have_not_failed(values: list[float], failed: list[int]) -> None:
    asha = next_to_nothing(values, nothing=0.5)
    for trial in dict.fromkeys(failed):
        if trial < len(values):
            asha.end(trial, "failed")
    surviving = sorted(value for trial, value in enumerate(values) if trial not in failed)
    assert (not asha.undecided(1)) == (not surviving or surviving[len(surviving) // 2] >= 0.5)


# --- not begun -----------------------------------------------------------------------------------------------------


def after_a_late_riser(risen_to: float, at_rung: float, rung: int = 3) -> PromotingASHA:
    """A rung with the values of five trials, the first of which has trained on from `at_rung` to `risen_to` since."""
    asha = PromotingASHA(rung, 3, 12, min_peers=1, nothing=0.001)
    for trial, value in enumerate([at_rung, 0.004, 0.003, 0.002, 0.003]):
        asha.start(trial, {})
        asha.arrive(trial, Curve("max", [Point(rung, value, 1.0)]))
        asha.record(trial, rung, "continue" if trial == 0 else "pause")
    asha.arrive(0, Curve("max", [Point(rung, at_rung, 1.0), Point(rung + 1, risen_to, 1.0)]))
    return asha


def test_a_rung_where_the_best_trial_had_not_begun_to_learn_promotes_all() -> None:
    """Of 12 epochs of a segmentation from random weights, the first three gave all trials .001 to .004, the best .5."""
    assert after_a_late_riser(0.5, at_rung=0.002).undecided(3) == "the best trial so far was next to nothing there"
    assert sorted(all_promoted(after_a_late_riser(0.5, at_rung=0.002))) == [1, 2, 3, 4]


def test_it_decides_where_the_best_trial_had_begun_and_after_half_of_the_epochs() -> None:
    assert not after_a_late_riser(0.5, at_rung=0.03).undecided(3)
    assert not after_a_late_riser(0.5, at_rung=0.002, rung=7).undecided(7)


def test_whose_value_was_best_is_not_asked_of_a_trial_that_has_failed_since() -> None:
    asha = after_a_late_riser(0.5, at_rung=0.002)
    asha.end(0, "nonfinite")
    assert not asha.undecided(3)


@pytest.mark.parametrize(("first_values", "promoted"), [(0.1, 2), (0.0001, 4)])
def test_quotas_count_from_the_first_rung_that_decides(first_values: float, promoted: int) -> None:
    """Of 8 trials 8 (1/4)^.85 = 2.5 train from epoch 2 to 4, and 8 (2/4)^.85 = 4.4 if nothing is decided at epoch 1."""
    asha = PromotingASHA(1, 2, 16, min_peers=1, nothing=0.001)
    for trial in range(8):
        curve = Curve("max", [Point(1, first_values, 1.0)])
        asha.start(trial, {})
        asha.arrive(trial, curve)
        asha.record(trial, 1, "continue")
        curve.add(Point(2, 0.1 + trial / 100, 1.0))
        asha.arrive(trial, curve)
        asha.record(trial, 2, "pause")
    assert [trial for trial in range(8) if asha.rung_result(trial, 2).promoted] == list(range(8 - promoted, 8))
