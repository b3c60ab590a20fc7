"""What a training is worth, whatever its curve."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.pruning.curve import Curve, Point
from search.pruning.objective import WINDOW, ObjectiveName, Reached, counts, ratings, reached

VALUES = st.lists(st.floats(-1, 1, allow_nan=False), min_size=1, max_size=12)
OBJECTIVES: st.SearchStrategy[ObjectiveName] = st.sampled_from(["best_mean", "best", "last"])
MODES = st.sampled_from(["max", "min"])


def of(values: list[float], objective: ObjectiveName = "best_mean", mode: str = "max") -> Reached:
    result = reached(range(1, len(values) + 1), values, mode, objective)
    assert result is not None
    return result


def test_the_best_mean_of_three_epochs_counts_and_its_best_epoch_is_handed_back() -> None:
    value = of([0.1, 0.5, 0.7, 0.6, 0.2, 0.1])
    assert value.value == pytest.approx(0.6)
    assert (value.first, value.last, value.epoch) == (2, 4, 3)


def test_a_lucky_epoch_counts_little_even_the_first() -> None:
    assert of([0.9, 0.1, 0.2, 0.3]).value == pytest.approx(0.4)
    assert of([0.9, 0.1, 0.2, 0.3], "best").value == 0.9


def test_the_last_epochs_count_alone_if_that_is_asked_for() -> None:
    value = of([0.9, 0.9, 0.9, 0.3, 0.2, 0.1], "last")
    assert value.value == pytest.approx(0.2)
    assert (value.first, value.last) == (4, 6)


def test_before_there_are_three_epochs_the_mean_is_that_of_all() -> None:
    assert of([0.2]).value == 0.2
    assert of([0.2, 0.4]).value == pytest.approx(0.3)


def test_of_equal_means_the_earliest_counts() -> None:
    assert of([0.5] * 5).last == WINDOW


def test_of_a_metric_to_minimise_the_lowest_mean_counts() -> None:
    value = of([0.9, 0.3, 0.2, 0.4, 0.8], mode="min")
    assert value.value == pytest.approx(0.3)
    assert value.epoch == 3


def test_without_a_value_nothing_was_reached() -> None:
    assert reached([], [], "max", "best_mean") is None


@given(VALUES, OBJECTIVES, MODES, st.integers(1, 12))
def test_taking_the_epochs_in_one_by_one_changes_nothing(
    values: list[float], objective: ObjectiveName, mode: str, first: int
) -> None:
    epochs = range(1, len(values) + 1)
    before, seen = None, 0
    for count in [*range(min(first, len(values)), len(values)), len(values)]:
        before, seen = reached(epochs[:count], values[:count], mode, objective, before, seen), count
    assert before == reached(epochs, values, mode, objective)


@given(VALUES, OBJECTIVES, MODES)
def test_it_lies_between_the_worst_and_the_best_value(values: list[float], objective: ObjectiveName, mode: str) -> None:
    assert min(values) - 1e-12 <= of(values, objective, mode).value <= max(values) + 1e-12


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=12), st.floats(-1, 1), st.sampled_from(["best_mean", "best"]))
def test_what_was_reached_stays_reached(values: list[float], more: float, objective: ObjectiveName) -> None:
    assert of([*values, more], objective).value >= of(values, objective).value


@given(VALUES, st.sampled_from(["best_mean", "best"]), MODES)
def test_the_epoch_that_is_handed_back_is_the_one_rated_highest(
    values: list[float], objective: ObjectiveName, mode: str
) -> None:
    epochs = range(1, len(values) + 1)
    rated = ratings(epochs, values, mode, objective)
    assert max(rated.values())[0] == rated[of(values, objective, mode).epoch][0]


def test_a_stopped_training_counts_if_it_wrote_a_checkpoint_in_those_epochs() -> None:
    value = of([0.5, 0.7, 0.6, 0.2])
    assert counts(value, "best_mean", finished=False, checkpoints=[2])
    assert not counts(value, "best_mean", finished=False, checkpoints=[4])
    assert counts(value, "best_mean", finished=True, checkpoints=[])


def test_a_stopped_training_of_fewer_epochs_than_a_mean_does_not_count() -> None:
    assert not counts(of([0.9, 0.8]), "best_mean", finished=False, checkpoints=[1, 2])
    assert counts(of([0.9], "best"), "best", finished=False, checkpoints=[1])


def test_by_its_last_epochs_only_a_training_that_reached_them_counts() -> None:
    value = of([0.5, 0.7, 0.6], "last")
    assert not counts(value, "last", finished=False, checkpoints=[1, 2, 3])
    assert counts(value, "last", finished=True, checkpoints=[])


def test_a_projection_stays_within_what_the_metric_can_be_and_keeps_the_order() -> None:
    rising = [[0.1 * share, 0.5, 0.9, 0.95] for share in range(5)]
    curves = [Curve("max", [Point(at, value, 1.0) for at, value in enumerate(values, 1)]) for values in rising]
    bounded = [Curve("max", curve.points, bounds=(0.0, 1.0)) for curve in curves]
    free = [curve.projected_value or 0.0 for curve in curves]
    assert free == sorted(free, reverse=True)
    assert free[0] > 1
    projected = [curve.projected_value or 0.0 for curve in bounded]
    assert len(set(projected)) == len(projected)
    assert projected == sorted(projected, reverse=True)
    assert projected[0] <= 1.0


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9), MODES)
def test_no_projection_passes_the_bounds_of_the_metric(values: list[float], mode: str) -> None:
    curve = Curve(mode, [Point(at, value, 1.0) for at, value in enumerate(values, 1)], bounds=(0.0, 1.0))
    assert curve.projected_value is not None
    assert 0.0 <= curve.projected_value <= 1.0
