from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.lr_range.finding import RateResult, find_range, rates
from trainables.errors import SteadytuneError


def results(*losses: float, first: float = 10.0) -> list[RateResult]:
    """Short trainings at 1e-5, 1e-4, … that ended with `losses`; one that ended infinite has failed."""
    return [
        RateResult(10.0 ** (index - 5), (first, loss), failed="" if math.isfinite(loss) else "loss inf")
        for index, loss in enumerate(losses)
    ]


def test_the_range_goes_from_where_it_begins_to_learn_to_where_the_loss_rises() -> None:
    rate_range = find_range(results(10.0, 9.9, 8.0, 2.0, 2.2, 5.0, 12.0))
    assert (rate_range.low, rate_range.high) == pytest.approx((1e-3, 1e-1))
    assert rate_range.best == pytest.approx(1e-2)
    assert rate_range.blow_up == pytest.approx(10.0)


def test_the_steepest_descent_lies_between_the_two_rates_that_differ_most() -> None:
    assert find_range(results(10.0, 9.9, 8.0, 2.0, 3.0)).steepest == pytest.approx(10**-2.5)


def test_a_training_that_failed_below_the_best_rate_is_no_descent() -> None:
    assert find_range(results(10.0, math.inf, 8.0, 2.0, 3.0)).steepest == pytest.approx(10**-2.5)


def test_a_failed_training_blows_up_and_ends_the_range() -> None:
    rate_range = find_range(results(10.0, 8.0, 3.0, math.inf))
    assert (rate_range.high, rate_range.blow_up) == pytest.approx((1e-3, 1e-2))


def test_without_a_blow_up_there_is_none() -> None:
    assert find_range(results(10.0, 9.0, 8.0, 2.0)).blow_up is None


def test_one_rate_alone_is_no_range() -> None:
    rate_range = find_range(results(10.0, 10.0, 2.0, 10.0))
    assert rate_range.low < rate_range.high


@pytest.mark.parametrize("losses", [(2.0, 3.0, 4.0, 5.0), (math.inf, 3.0, 2.0, 1.0), (5.0, 5.0, 5.0, 5.0)])
def test_where_nothing_learns_there_is_no_range(losses: tuple[float, ...]) -> None:
    with pytest.raises(SteadytuneError, match="no rate above 1e-05 ended with a lower loss"):
        find_range(results(*losses))


@given(st.lists(st.one_of(st.floats(0.01, 100.0), st.just(math.inf)), min_size=3, max_size=12))
def test_a_range_holds_the_best_rate_and_ends_before_the_blow_up(losses: list[float]) -> None:
    trainings = results(100.0, *losses)
    if min(losses) >= 100.0:
        return
    rate_range = find_range(trainings)
    assert rate_range.low <= rate_range.best <= rate_range.high
    assert rate_range.low < rate_range.high
    assert rate_range.steepest <= rate_range.best
    assert rate_range.blow_up is None or rate_range.high < rate_range.blow_up


@given(st.floats(1e-8, 1e-2), st.floats(1.5, 1e6), st.integers(4, 40))
def test_rates_rise_by_the_same_factor(low: float, factor: float, count: int) -> None:
    rising = rates(low, low * factor, count)
    assert len(rising) == count
    assert (rising[0], rising[-1]) == pytest.approx((low, low * factor))
    steps = [after / before for before, after in pairwise(rising)]
    assert steps == pytest.approx([steps[0]] * len(steps))


@pytest.mark.parametrize(
    ("low", "high", "count", "words"),
    [(1e-3, 1e-3, 9, "low must be above 0 and below high"), (0.0, 1.0, 9, "above 0"), (1e-5, 1.0, 3, "at least 4")],
)
def test_rates_that_make_no_curve_are_refused(low: float, high: float, count: int, words: str) -> None:
    with pytest.raises(SteadytuneError, match=words):
        rates(low, high, count)
