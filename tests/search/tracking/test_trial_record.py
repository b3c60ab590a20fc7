"""What MLflow is told of a trial."""

from __future__ import annotations

from search.journal.events import Decided
from search.pruning.curve import Curve, Point
from search.pruning.curve_statistics import curve_statistics
from search.tracking.trial_record import last_tags


def test_a_trial_that_has_losses_ends_with_the_numbers_of_its_curve() -> None:
    curve = Curve("max", [Point(epoch, 0.1 * epoch, 1.0 / epoch, None, "main") for epoch in range(1, 9)])
    decision = Decided(0, 8, "stop", "done", "trained all 8 epochs", {})
    tags = last_tags(decision, curve, curve_statistics(curve), {})
    assert float(tags["steadiness.loss_cv"]) > 0
    assert tags["steadiness.spikes"] == ""
    assert tags["reason"] == "done"
