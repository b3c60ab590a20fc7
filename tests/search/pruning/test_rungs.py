from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.pruning.curve import Curve, Point
from search.pruning.rungs import Rung, RungResult, early_rungs, first_rung, milestones
from search.pruning.stopping import StoppingASHA

LEVELS = st.one_of(st.none(), st.floats(-1e9, 1e9))


def curve(value: float | None, epoch: int) -> Curve:
    """A curve of one value, reported at `epoch`."""
    return Curve("max", [Point(epoch, value, 1.0)])


def arrive(asha: StoppingASHA, trial: int, value: float | None, epoch: int = 1) -> RungResult:
    """A trial reports; returns how it stands at the rung that it has reached."""
    asha.arrive(trial, curve(value, epoch))
    rung = asha.due(trial)
    assert rung is not None
    standing = asha.rung_result(trial, rung)
    asha.record(trial, rung, asha.action(trial, rung, 0))
    return standing


# --- rungs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("epochs", "first"), [(1, 1), (5, 1), (15, 2), (20, 2), (27, 3), (100, 8), (300, 24)])
def test_the_first_rung_is_rounded_up(epochs: int, first: int) -> None:
    assert first_rung(0.08, epochs) == first


def test_rungs_lie_at_powers_of_the_factor_below_the_end() -> None:
    assert milestones(1, 3, 81) == [1, 3, 9, 27]
    assert milestones(2, 2, 17) == [2, 4, 8, 16]


def test_the_last_epoch_is_no_rung() -> None:
    assert milestones(1, 3, 27) == [1, 3, 9]
    assert milestones(5, 3, 5) == []


def test_a_fractional_factor_gives_each_epoch_once() -> None:
    assert milestones(1, 1.2, 5) == [1, 2, 3, 4]


@pytest.mark.parametrize("factor", [1 + 1e-5, 1 + 1e-9, 1 + 2**-52])
def test_with_a_factor_next_to_one_each_epoch_is_a_rung_at_once(factor: float) -> None:
    began = time.process_time()
    assert milestones(24, factor, 300) == list(range(24, 300))
    assert time.process_time() - began < 0.05


@pytest.mark.parametrize("grace", [0, -1])
def test_grace_below_one_epoch_is_refused(grace: int) -> None:
    with pytest.raises(ValueError, match=f"grace_epochs is {grace}; it must be at least 1"):
        milestones(grace, 3, 9)


@pytest.mark.parametrize("factor", [1, 0.5, -3])
def test_a_factor_that_stops_nobody_is_refused(factor: float) -> None:
    with pytest.raises(ValueError, match=f"reduction_factor is {factor:g}; it must be above 1"):
        StoppingASHA(1, factor, 9)


@given(st.integers(1, 20), st.floats(1.01, 5), st.integers(1, 300))
def test_rungs_rise_from_the_grace_epochs_and_end_before_the_last_epoch(grace: int, factor: float, end: int) -> None:
    epochs = milestones(grace, factor, end)
    assert epochs == sorted(set(epochs))
    assert all(grace <= rung < end for rung in epochs)


@given(st.lists(st.sampled_from([None, 0.1, 0.2, 0.3]), min_size=1, max_size=12), st.integers(1, 5))
def test_a_standing_is_what_sorting_says(values: list[float | None], places: int) -> None:
    rung = Rung(1)
    for trial, value in enumerate(values):
        rung.add(trial, value)
    ranked = sorted((value for value in values if value is not None), reverse=True)
    for trial, value in enumerate(values):
        standing = rung.rung_result(trial, places)
        assert standing.peers == len(values)
        assert standing.cutoff == (ranked[min(places, len(ranked)) - 1] if ranked else float("-inf"))
        assert standing.rank == (len(values) if value is None else ranked.index(value) + 1)
        assert standing.promoted == (value is not None and value >= standing.cutoff)


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=1, max_size=12))
def test_the_order_in_which_equal_reports_came_does_not_matter(values: list[float]) -> None:
    as_numbered, as_sorted = Rung(1), Rung(1)
    numbered = list(enumerate(values))
    for trial, value in numbered:
        as_numbered.add(trial, value)
    for trial, value in sorted(numbered, key=lambda pair: (pair[1], pair[0])):
        as_sorted.add(trial, value)
    assert [as_numbered.rung_result(trial, 2) for trial in as_numbered.values] == [
        as_sorted.rung_result(trial, 2) for trial in as_numbered.values
    ]


# --- the stopping kind -------------------------------------------------------------------------------------------


def test_the_first_trial_goes_on() -> None:
    assert arrive(StoppingASHA(1, 3, 9), 0, -1.0).promoted


def test_the_best_third_goes_on() -> None:
    asha = StoppingASHA(1, 3, 9)
    for trial, value in enumerate([0.1, 0.2, 0.3, 0.4, 0.5]):
        arrive(asha, trial, value)
    assert arrive(asha, 5, 0.45) == RungResult(1, 0.45, cutoff=0.45, rank=2, peers=6, promoted=True)
    assert arrive(asha, 6, 0.35) == RungResult(1, 0.35, cutoff=0.45, rank=4, peers=7, promoted=False)


def test_a_trial_that_equals_the_cutoff_goes_on_with_the_better_place() -> None:
    asha = StoppingASHA(1, 3, 9)
    for trial in range(3):
        arrive(asha, trial, 0.5)
    standing = arrive(asha, 3, 0.5)
    assert standing.promoted
    assert (standing.rank, standing.peers) == (1, 4)


def test_a_place_among_the_first_is_provisional() -> None:
    asha = StoppingASHA(1, 3, 27)
    assert arrive(asha, 0, 0.1).promoted, "nobody to be compared with yet"
    assert asha.due(0) is None
    assert arrive(asha, 1, 0.2).promoted
    assert asha.due(0) == 1, "another one has come"
    assert asha.action(0, 1, 0) == "stop", "what counts is what it had at the rung"


def test_a_place_among_as_many_as_the_factor_is_final() -> None:
    asha = StoppingASHA(1, 3, 27)
    for trial, value in enumerate([0.1, 0.2, 0.3, 0.4]):
        arrive(asha, trial, value)
    assert asha.due(2) is None
    assert asha.due(1) == 1


def test_a_trial_without_a_value_is_stopped_even_if_it_is_the_first() -> None:
    assert not arrive(StoppingASHA(1, 3, 9), 0, None).promoted


def test_a_late_report_lands_on_the_highest_rung_that_was_reached() -> None:
    asha = StoppingASHA(1, 3, 81)
    assert arrive(asha, 0, 0.5, epoch=11).rung == 9
    asha.arrive(0, curve(0.5, 12))
    assert asha.due(0) is None
    asha.arrive(0, curve(0.5, 27))
    assert asha.due(0) == 27


def test_before_the_first_rung_nothing_is_due() -> None:
    for asha, epoch in ((StoppingASHA(3, 3, 27), 2), (StoppingASHA(9, 3, 9), 8)):
        asha.arrive(0, curve(0.5, epoch))
        assert asha.due(0) is None


def test_rungs_do_not_mix() -> None:
    asha = StoppingASHA(1, 3, 9)
    arrive(asha, 0, 0.9, epoch=3)
    assert arrive(asha, 1, 0.1).peers == 1


@given(st.lists(LEVELS, max_size=30), st.floats(1.01, 10))
def test_the_best_of_all_so_far_always_goes_on(values: list[float | None], factor: float) -> None:
    asha = StoppingASHA(1, factor, 9)
    best = float("-inf")
    for trial, value in enumerate(values):
        standing = arrive(asha, trial, value)
        if value is not None and value >= best:
            assert standing.promoted
            assert standing.rank == 1
            best = value


@given(st.lists(LEVELS, min_size=1, max_size=30, unique=True), st.floats(1.01, 10))
def test_among_unequal_levels_at_most_one_in_eta_goes_on(values: list[float | None], factor: float) -> None:
    asha = StoppingASHA(1, factor, 9)
    for trial, value in enumerate(values):
        arrive(asha, trial, value)
    promoted = [value for trial, value in enumerate(values) if asha.rung_result(trial, 1).promoted]
    assert len(promoted) <= max(1, len(values) / factor)
    assert None not in promoted


@pytest.mark.parametrize(
    ("grace", "factor", "early"),
    [
        (1, 1.4, []),
        (2, 1.4, [1]),
        (3, 1.4, [1, 2]),
        (8, 1.4, [1, 2, 3, 4, 6]),
        (8, 3, [1, 3]),
        (24, 2, [1, 2, 3, 6, 12]),
    ],
)
def test_early_rungs_lie_before_the_grace_period_as_far_apart_as_those_after(
    grace: int, factor: float, early: list[int]
) -> None:
    assert early_rungs(grace, factor) == early
