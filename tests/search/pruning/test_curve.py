from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.pruning.curve import Curve, Point


def curve(values: list[float | None], mode: str = "max") -> Curve:
    return Curve(mode, [Point(epoch, value, loss=1.0) for epoch, value in enumerate(values, start=1)])


def test_an_empty_curve_has_nothing_to_say() -> None:
    empty = Curve()
    assert (empty.epoch, empty.smoothed_value, empty.best, empty.evaluated) == (0, None, None, [])


def test_the_level_is_the_mean_of_the_last_three_evaluated_values() -> None:
    assert curve([0.9, 0.1, 0.2, 0.3]).smoothed_value == pytest.approx(0.2)
    assert curve([0.4]).smoothed_value == 0.4


def test_epochs_that_were_not_evaluated_do_not_count_into_the_level() -> None:
    assert curve([0.1, 0.2, None, 0.3, None]).smoothed_value == pytest.approx(0.2)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_values_that_are_no_numbers_do_not_count(broken: float) -> None:
    reached = curve([0.2, broken])
    assert reached.smoothed_value == 0.2
    assert reached.best == Point(1, 0.2, 1.0)
    assert curve([broken]).smoothed_value is None


def test_the_best_is_the_earliest_of_equals() -> None:
    best = curve([0.1, 0.5, 0.5, 0.3]).best
    assert best is not None
    assert best.epoch == 2


def test_the_best_of_a_metric_to_minimise_is_the_lowest() -> None:
    best = curve([0.4, 0.1, 0.3], mode="min").best
    assert best is not None
    assert best.value == 0.1


def test_a_best_of_zero_is_a_best() -> None:
    best = curve([-1.0, 0.0, -2.0]).best
    assert best is not None
    assert best.epoch == 2


def test_a_point_takes_objective_and_losses_by_name() -> None:
    point = Point.of(3, "map50", {"map50": 0.4, "recall": 0.9}, {"train": 2.0, "train/box": 1.0, "val": 3.0})
    assert point == Point(3, 0.4, 2.0, 3.0)


def test_a_point_without_them_says_so() -> None:
    point = Point.of(1, "map50", {}, {})
    assert point.value is None
    assert point.loss is None
    assert point.held_out is None


@given(st.lists(st.none() | st.floats(), max_size=12), st.integers(0, 12), st.sampled_from(["max", "min"]))
def test_a_settled_curve_goes_on_as_if_it_had_kept_its_points(
    values: list[float | None], settled: int, mode: str
) -> None:
    points = [Point(epoch, value, 1.0 / epoch, phase="ab"[epoch > 5]) for epoch, value in enumerate(values, start=1)]
    remembering, forgetful = Curve(mode), Curve(mode)
    for point in points:
        remembering.add(point)
        forgetful.add(point)
        if point.epoch == settled:
            forgetful.settle()
        assert repr(told(forgetful)) == repr(told(remembering))


def told(curve: Curve) -> tuple[object, ...]:
    by_epoch = [(curve.best_by(epoch), curve.smoothed_by(epoch)) for epoch in range(14)]
    return (
        curve.points,
        curve.evaluated,
        curve.bests,
        curve.best,
        curve.train_losses,
        curve.held_out_losses,
        curve.smoothed_value,
        by_epoch,
    )


@given(st.lists(st.none() | st.floats(), max_size=12), st.integers(0, 13), st.sampled_from(["max", "min"]))
def test_the_best_by_an_epoch_is_the_best_of_the_curve_that_ended_there(
    values: list[float | None], epoch: int, mode: str
) -> None:
    ended = curve(values[:epoch], mode).best
    assert curve(values, mode).best_by(epoch) == (ended.value if ended else None)
