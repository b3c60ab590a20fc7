from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.asha import StoppingASHA
from search.rungs import Standing, milestones

LEVELS = st.one_of(st.none(), st.floats(-1e9, 1e9))


def arrive(rungs: StoppingASHA, trial: int, value: float | None, rung: int = 1) -> Standing:
    standing = rungs.standing(trial, rung, value)
    rungs.record(trial, rung, value, "continue")
    return standing


def test_rungs_lie_at_powers_of_the_factor_below_the_end() -> None:
    assert milestones(1, 3, 81) == [1, 3, 9, 27]
    assert milestones(2, 2, 17) == [2, 4, 8, 16]


def test_the_last_epoch_is_no_rung() -> None:
    assert milestones(1, 3, 27) == [1, 3, 9]
    assert milestones(5, 3, 5) == []


def test_a_fractional_factor_gives_each_epoch_once() -> None:
    assert milestones(1, 1.2, 5) == [1, 2, 3, 4]


@pytest.mark.parametrize("grace", [0, -1])
def test_grace_below_one_epoch_is_refused(grace: int) -> None:
    with pytest.raises(ValueError, match=f"grace_epochs is {grace}; it must be at least 1"):
        milestones(grace, 3, 9)


@pytest.mark.parametrize("factor", [1, 0.5, -3])
def test_a_factor_that_stops_nobody_is_refused(factor: float) -> None:
    with pytest.raises(ValueError, match=f"reduction_factor is {factor:g}; it must be above 1"):
        StoppingASHA(1, factor, 9)


def test_the_first_trial_goes_on() -> None:
    assert arrive(StoppingASHA(1, 3, 9), 0, -1.0).promoted


def test_the_best_third_goes_on() -> None:
    rungs = StoppingASHA(1, 3, 9)
    for trial, value in enumerate([0.1, 0.2, 0.3, 0.4, 0.5]):
        arrive(rungs, trial, value)
    assert rungs.standing(9, 1, 0.45) == Standing(1, 0.45, cutoff=0.45, rank=2, peers=6, promoted=True)
    assert rungs.standing(9, 1, 0.35) == Standing(1, 0.35, cutoff=0.4, rank=3, peers=6, promoted=False)


def test_a_trial_that_equals_the_cutoff_goes_on_with_the_better_place() -> None:
    rungs = StoppingASHA(1, 3, 9)
    for trial in range(3):
        arrive(rungs, trial, 0.5)
    standing = arrive(rungs, 3, 0.5)
    assert standing.promoted
    assert (standing.rank, standing.peers) == (1, 4)


def test_the_order_of_arrival_does_not_decide_between_the_first_trials() -> None:
    rungs = StoppingASHA(1, 3, 27)
    assert arrive(rungs, 0, 0.1).promoted, "nobody to be compared with yet"
    assert rungs.due(0, 2) is None
    assert arrive(rungs, 1, 0.2).promoted
    assert rungs.due(0, 2) == 1, "its place was provisional"
    assert not arrive(rungs, 0, 0.9).promoted, "what counts is what it had at the rung"


def test_a_place_among_as_many_as_the_factor_is_final() -> None:
    rungs = StoppingASHA(1, 3, 27)
    for trial, value in enumerate([0.1, 0.2, 0.3]):
        arrive(rungs, trial, value)
    arrive(rungs, 3, 0.4)
    assert rungs.due(2, 2) is None
    assert rungs.due(1, 2) == 1


def test_a_trial_without_a_value_is_stopped_even_if_it_is_the_first() -> None:
    assert not arrive(StoppingASHA(1, 3, 9), 0, None).promoted


def test_a_trial_without_a_value_counts_as_a_peer_and_sets_no_cutoff() -> None:
    rungs = StoppingASHA(1, 3, 9)
    arrive(rungs, 0, None)
    standing = arrive(rungs, 1, -5.0)
    assert standing.promoted
    assert (standing.rank, standing.peers, standing.cutoff) == (1, 2, -5.0)


def test_a_late_report_lands_on_the_highest_rung_that_was_reached() -> None:
    rungs = StoppingASHA(1, 3, 81)
    assert rungs.due(0, 11) == 9
    rungs.record(0, 9, 0.5, "continue")
    assert rungs.due(0, 12) is None
    assert rungs.due(0, 27) == 27


def test_before_the_first_rung_nothing_is_due() -> None:
    assert StoppingASHA(3, 3, 27).due(0, 2) is None
    assert StoppingASHA(9, 3, 9).due(0, 8) is None


def test_a_trial_is_asked_about_once_per_rung() -> None:
    rungs = StoppingASHA(1, 3, 9)
    arrive(rungs, 0, 0.1)
    assert rungs.due(0, 1) is None
    assert rungs.due(1, 1) == 1


def test_rungs_do_not_mix() -> None:
    rungs = StoppingASHA(1, 3, 9)
    arrive(rungs, 0, 0.9, rung=3)
    assert rungs.standing(1, 1, 0.1).peers == 1


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_order_in_which_others_came_does_not_matter(values: list[float], order: object) -> None:
    one, other = StoppingASHA(1, 3, 9), StoppingASHA(1, 3, 9)
    numbered = list(enumerate(values))
    for trial, value in numbered:
        one.record(trial, 1, value, "continue")
    for trial, value in sorted(numbered, key=lambda pair: (pair[1], pair[0])):
        other.record(trial, 1, value, "continue")
    assert one.standing(99, 1, 0.2) == other.standing(99, 1, 0.2)


@given(st.lists(LEVELS, max_size=30), st.floats(1.01, 10))
def test_the_best_of_all_so_far_always_goes_on(values: list[float | None], factor: float) -> None:
    rungs = StoppingASHA(1, factor, 9)
    best = float("-inf")
    for trial, value in enumerate(values):
        standing = arrive(rungs, trial, value)
        if value is not None and value >= best:
            assert standing.promoted
            assert standing.rank == 1
            best = value


@given(st.lists(LEVELS, min_size=1, max_size=30, unique=True), st.floats(1.01, 10))
def test_among_unequal_levels_at_most_one_in_eta_goes_on(values: list[float | None], factor: float) -> None:
    rungs = StoppingASHA(1, factor, 9)
    for trial, value in enumerate(values):
        rungs.record(trial, 1, value, "continue")
    promoted = [value for trial, value in enumerate(values) if rungs.standing(trial, 1, value).promoted]
    assert len(promoted) <= max(1, len(values) / factor)
    assert None not in promoted


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30), st.floats(1.01, 10))
def test_a_better_level_never_fares_worse(values: list[float], factor: float) -> None:
    rungs = StoppingASHA(1, factor, 9)
    for trial, value in enumerate(values[1:]):
        rungs.record(trial, 1, value, "continue")
    lower, higher = rungs.standing(99, 1, values[0]), rungs.standing(99, 1, values[0] + 1.0)
    assert higher.promoted >= lower.promoted
    assert higher.rank <= lower.rank


@given(st.integers(1, 20), st.floats(1.01, 5), st.integers(1, 300))
def test_rungs_rise_from_the_grace_epochs_and_end_before_the_last_epoch(grace: int, factor: float, end: int) -> None:
    found = milestones(grace, factor, end)
    assert found == sorted(set(found))
    assert all(grace <= rung < end for rung in found)
