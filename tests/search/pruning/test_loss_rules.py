"""Losses that are not finite, that stay too high, or that vary too much end a run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from search.pruning.curve import Curve, Point
from search.pruning.decision import Decision
from search.pruning.stability import StabilitySettings
from search.pruning.stop_rules import verdict
from tests.support.judged import judged, reason

NAN, INF = math.nan, math.inf
AT_ONCE = StabilitySettings(min_epochs=1)

# --- nonfinite ---------------------------------------------------------------------------------------------------


def test_a_loss_that_was_not_recorded_is_not_one_that_broke() -> None:
    curve = Curve("max", [Point(epoch, 0.5, None) for epoch in range(1, 9)])
    assert verdict(curve, 10, StabilitySettings(strict=True, oscillation_cv=0.2)) is None


@pytest.mark.parametrize("loss", [NAN, INF, -INF])
def test_two_losses_in_a_row_that_are_no_numbers_are_too_many(loss: float) -> None:
    decision = judged([1.0, 0.9, loss, loss])
    assert reason(decision) == "nonfinite"
    assert decision is not None
    assert "2 epochs in a row (up to epoch 4)" in decision.detail


def test_a_single_one_is_forgiven() -> None:
    assert judged([1.0, NAN]) is None
    assert judged([NAN]) is None
    assert judged([1.0, NAN, 0.9, NAN, 0.8]) is None


def test_how_many_are_too_many_can_be_set() -> None:
    assert reason(judged([NAN], settings=StabilitySettings(nonfinite_epochs=1))) == "nonfinite"
    assert judged([1.0, NAN, NAN], settings=StabilitySettings(nonfinite_epochs=3)) is None


def test_a_held_out_loss_that_is_no_number_is_never_a_reason() -> None:
    assert judged([1.0] * 20, held_out=[INF] * 20) is None
    assert judged([1.0] * 20, held_out=[NAN] * 20) is None


# --- diverging ---------------------------------------------------------------------------------------------------


def test_a_training_loss_above_twice_its_best_for_three_epochs_diverges() -> None:
    decision = judged([2.0, 1.0, 2.1, 2.5, 2.2], settings=AT_ONCE)
    assert reason(decision) == "diverging"
    assert decision is not None
    assert decision.numbers == {"best": 1.0, "lowest_since": 2.1, "factor": 2.0, "epochs": 3}


def test_twice_its_best_is_not_above_twice_its_best() -> None:
    assert judged([1.0, 2.0, 2.5, 2.5], settings=AT_ONCE) is None


@pytest.mark.parametrize(("max_epochs", "first"), [(5, 4), (8, 4), (12, 6), (20, 10), (300, 10)])
def test_a_training_loss_may_be_too_high_for_ten_epochs_or_half_of_a_short_training(
    max_epochs: int, first: int
) -> None:
    """A slow start of 30 epochs had its loss at twice its best in epochs 5 to 7, and learned after that."""
    curve = Curve("max", [Point(1, 0.5, 1.0)])
    for epoch in range(2, first + 1):
        assert verdict(curve, max_epochs, StabilitySettings()) is None
        curve.add(Point(epoch, 0.5, 3.0))
    assert reason(verdict(curve, max_epochs, StabilitySettings())) == "diverging"


def test_a_spike_that_comes_down_again_is_fine() -> None:
    assert judged([1.0, 9.0, 9.0, 1.5], settings=AT_ONCE) is None
    assert judged([1.0, 9.0, 1.5, 9.0, 9.0], settings=AT_ONCE) is None


def test_a_missing_loss_does_not_hide_a_divergence() -> None:
    assert reason(judged([1.0, 9.0, NAN, 9.0, 9.0], settings=AT_ONCE)) == "diverging"


def test_losses_around_zero_or_below_never_diverge() -> None:
    """A factor of a best that is not positive means nothing: likelihoods are negative in healthy runs."""
    assert judged([-1.0, -0.5, -0.2, -0.1], settings=AT_ONCE) is None
    assert judged([0.0, 5.0, 5.0, 5.0], settings=AT_ONCE) is None
    assert judged([-1.0, 5.0, 5.0, 5.0], settings=AT_ONCE) is None


def test_what_is_too_high_can_be_set() -> None:
    losses = [1.0, 1.6, 1.6]
    assert judged(losses, settings=AT_ONCE) is None
    sooner = StabilitySettings(train_factor=1.5, train_epochs=2, min_epochs=1)
    assert reason(judged(losses, settings=sooner)) == "diverging"


def raised_held_out(values: Sequence[float | None]) -> Decision | None:
    """A held-out loss that is twice its best in the last five epochs of `values`."""
    healthy = len(values) - 5
    return judged([1.0] * len(values), values, [1.0] * healthy + [2.0] * 5)


def test_a_raised_held_out_loss_without_a_new_best_metric_diverges() -> None:
    decision = raised_held_out([0.5] + [0.4] * 22)
    assert reason(decision) == "diverging"
    assert decision is not None
    assert "held-out loss" in decision.detail
    assert "no new best metric in 20" in decision.detail


def test_a_raised_held_out_loss_with_a_new_best_metric_is_fine() -> None:
    assert raised_held_out([0.4] * 6 + [0.5] + [0.4] * 19) is None


def test_a_raised_held_out_loss_of_a_young_training_is_fine() -> None:
    assert raised_held_out([None] * 19) is None


def test_a_raised_held_out_loss_of_a_training_that_was_never_evaluated_diverges() -> None:
    assert reason(raised_held_out([None] * 20)) == "diverging"


def test_for_a_metric_to_minimise_a_new_lowest_is_a_new_best() -> None:
    held_out = [1.0] * 18 + [2.0] * 5
    assert judged([1.0] * 23, [1.0] * 20 + [0.5] * 3, held_out, mode="min") is None
    assert reason(judged([1.0] * 23, [0.5] + [1.0] * 22, held_out, mode="min")) == "diverging"


# --- phases ------------------------------------------------------------------------------------------------------


def phased(losses: list[tuple[str, float]]) -> Decision | None:
    points = [Point(epoch, 0.5, loss, None, phase) for epoch, (phase, loss) in enumerate(losses, start=1)]
    return verdict(Curve("max", points), 100, AT_ONCE)


def test_a_training_loss_that_rises_with_a_new_phase_is_compared_within_that_phase() -> None:
    """Layers that thaw, or augmentation that begins, raise the loss of a sound training."""
    assert phased([("head", 1.0)] * 5 + [("all", 3.0)] * 5) is None
    assert reason(phased([("head", 1.0)] * 5 + [("all", 1.2)] + [("all", 3.0)] * 3)) == "diverging"


def test_the_end_of_the_warm_up_changes_nothing_about_the_loss() -> None:
    """A training that diverges as soon as its rate is full is compared with its warm-up."""
    assert reason(phased([("warmup", 2.0), ("warmup", 1.0)] + [("main", 3.0)] * 3)) == "diverging"


# --- oscillating: strict ------------------------------------------------------------------------------------------


def test_strict_stops_a_loss_that_varies_by_more_than_document_001_allows() -> None:
    swinging = [1.0, 1.4] * 6
    assert judged(swinging) is None
    decision = judged(swinging, settings=StabilitySettings(strict=True))
    assert reason(decision) == "oscillating"
    assert decision is not None
    assert "oscillated by" in decision.detail
    assert "of 12 epochs of one phase); strict_cv allows 5.0%" in decision.detail
    assert judged([1.0, 1.01] * 6, settings=StabilitySettings(strict=True)) is None


def strictly(losses: list[tuple[str, float]]) -> Decision | None:
    points = [Point(epoch, 0.5, loss, None, phase) for epoch, (phase, loss) in enumerate(losses, start=1)]
    return verdict(Curve("max", points), 100, StabilitySettings(strict=True))


def test_a_loss_that_falls_steadily_does_not_oscillate_however_strict() -> None:
    """Its CV is 33 %: document 001's own stable training was stopped for falling."""
    assert strictly([("main", 2.0 * 0.92**epoch) for epoch in range(14)]) is None


def test_a_new_phase_is_no_oscillation_however_strict() -> None:
    assert strictly([("main", 2.0)] * 12 + [("finetune", 1.0)] * 12) is None


def test_a_phase_that_oscillates_is_stopped_whatever_came_before() -> None:
    calm = [("warmup", 3.0), ("main", 2.0)] + [("main", 2.0)] * 12
    assert reason(strictly(calm + [("finetune", 1.0), ("finetune", 1.4)] * 4)) is None, "too few epochs to say"
    assert reason(strictly(calm + [("finetune", 1.0), ("finetune", 1.4)] * 5)) == "oscillating"


def test_a_warm_up_never_oscillates() -> None:
    assert strictly([("warmup", 1.0), ("warmup", 1.4)] * 8) is None
