"""A metric that never left zero, or that has had no new best for too long, ends a run."""

from __future__ import annotations

from search.pruning.stability import StabilitySettings
from tests.support.judged import judged, reason

# --- collapsed ---------------------------------------------------------------------------------------------------


def test_a_metric_that_never_left_zero_in_three_tenths_of_the_epochs_collapsed() -> None:
    found = judged([1.0] * 30, [0.0] * 30)
    assert reason(found) == "collapsed"
    assert found is not None
    assert "metric never above 0.0000 in 30 of 100 epochs" in found.detail


def test_before_three_tenths_of_the_epochs_zero_is_early_days() -> None:
    assert judged([1.0] * 29, [0.0] * 29) is None


def test_a_metric_that_was_above_zero_once_has_not_collapsed() -> None:
    assert judged([1.0] * 30, [0.0] * 9 + [0.001] + [0.0] * 20) is None


def test_epochs_that_were_not_evaluated_say_nothing_about_collapse() -> None:
    assert judged([1.0] * 50, [None] * 50) is None
    assert judged([1.0] * 50, [None] * 49 + [0.0]) is None


def test_a_metric_to_minimise_may_be_zero() -> None:
    assert judged([1.0] * 50, [0.0] * 50, mode="min") is None
    assert judged([0.0] * 50, [0.0] * 50, mode="min") is None


def test_a_vanished_loss_with_a_zero_metric_is_a_dead_model() -> None:
    found = judged([1.0, 0.0005], [0.0, 0.0])
    assert reason(found) == "collapsed"
    assert found is not None
    assert "dead model" in found.detail


def test_a_vanished_loss_with_a_good_metric_is_a_good_model() -> None:
    assert judged([1.0, 0.0005], [0.4, 0.9]) is None
    assert judged([1.0, 0.0005], [0.4, None]) is None


# --- stale -----------------------------------------------------------------------------------------------------


def test_a_run_without_a_new_best_is_stale_only_if_asked() -> None:
    values = [0.5] + [0.4] * 9
    assert judged([1.0] * 10, values) is None
    found = judged([1.0] * 10, values, settings=StabilitySettings(stale_epochs=9))
    assert reason(found) == "stale"
    assert judged([1.0] * 10, values, settings=StabilitySettings(stale_epochs=10)) is None
