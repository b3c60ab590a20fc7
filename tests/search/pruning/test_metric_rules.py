"""A metric that never left zero, or that has had no new best for too long, ends a run."""

from __future__ import annotations

import math

import pytest

from search.pruning.curve import Curve, Point
from search.pruning.stability import StabilitySettings
from search.pruning.stop_rules import verdict
from tests.support.judged import DEFAULTS, judged, reason

# --- collapsed ---------------------------------------------------------------------------------------------------


def test_a_metric_that_never_left_zero_in_half_of_the_epochs_collapsed() -> None:
    decision = judged([1.0] * 50, [0.0] * 50)
    assert reason(decision) == "collapsed"
    assert decision is not None
    assert "metric never above 0.0000 in 50 of 100 epochs" in decision.detail


def test_before_half_of_the_epochs_zero_is_early_days() -> None:
    assert judged([1.0] * 49, [0.0] * 49) is None


def test_a_metric_that_was_above_zero_once_has_not_collapsed() -> None:
    assert judged([1.0] * 50, [0.0] * 9 + [0.001] + [0.0] * 40) is None


@pytest.mark.parametrize(("max_epochs", "first"), [(5, None), (9, None), (10, 10), (15, 10), (27, 13), (300, 150)])
def test_no_metric_has_collapsed_in_the_first_ten_epochs(max_epochs: int, first: int | None) -> None:
    """In a sweep of 5 epochs, baselines that learn on other seeds had nothing to show after 2; of 27, half is 13."""
    curve = Curve("max")
    stopped_after = None
    for epoch in range(1, max_epochs + 1):
        curve.add(Point(epoch, 0.0, 1.0))
        if verdict(curve, max_epochs, DEFAULTS):
            stopped_after = epoch
            break
    assert stopped_after == first


def test_the_share_of_the_epochs_is_not_rounded_down_by_the_error_of_a_product() -> None:
    settings = StabilitySettings(collapse_after=0.29)
    assert 0.29 * 100 < 29
    points = [Point(epoch, 0.0, 1.0) for epoch in range(1, 30)]
    assert verdict(Curve("max", points[:28]), 100, settings) is None
    assert reason(verdict(Curve("max", points), 100, settings)) == "collapsed"


@pytest.mark.parametrize("warm_up", [0, 8, 60])
def test_in_its_warm_up_no_metric_has_collapsed(warm_up: int) -> None:
    phases = ["warmup"] * warm_up + ["main"] * (70 - warm_up)
    curve = Curve("max", [Point(epoch, 0.0, 1.0, None, phase) for epoch, phase in enumerate(phases[:60], start=1)])
    assert (verdict(curve, 100, DEFAULTS) is None) == (warm_up == 60)


def test_epochs_that_were_not_evaluated_say_nothing_about_collapse() -> None:
    assert judged([1.0] * 50, [None] * 50) is None
    assert judged([1.0] * 50, [None] * 49 + [0.0]) is None


def test_a_metric_to_minimise_may_be_zero() -> None:
    assert judged([1.0] * 50, [0.0] * 50, mode="min") is None
    assert judged([0.0] * 50, [0.0] * 50, mode="min") is None


def test_a_vanished_loss_with_a_zero_metric_is_a_dead_model() -> None:
    decision = judged([1.0, 0.0005], [0.0, 0.0])
    assert reason(decision) == "collapsed"
    assert decision is not None
    assert "dead model" in decision.detail


def test_a_vanished_loss_with_a_good_metric_is_a_good_model() -> None:
    assert judged([1.0, 0.0005], [0.4, 0.9]) is None
    assert judged([1.0, 0.0005], [0.4, None]) is None


def test_a_loss_below_zero_has_not_vanished() -> None:
    """A log likelihood of densities, say: it is negative in sound trainings, also in their first epoch."""
    assert judged([-3.0], [0.0]) is None


def test_a_metric_that_is_no_number_says_nothing_about_a_vanished_loss() -> None:
    assert judged([1.0, 0.0005], [0.4, math.nan]) is None


# --- stale -----------------------------------------------------------------------------------------------------


def test_a_run_without_a_new_best_is_stale_only_if_asked() -> None:
    values = [0.5] + [0.4] * 9
    assert judged([1.0] * 10, values) is None
    decision = judged([1.0] * 10, values, settings=StabilitySettings(stale_epochs=9))
    assert reason(decision) == "stale"
    assert judged([1.0] * 10, values, settings=StabilitySettings(stale_epochs=10)) is None
