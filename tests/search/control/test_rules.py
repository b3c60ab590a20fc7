"""Which rules may end which trial, and in which order they are asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fakes import plan_of
from tests.support.workers import reasons, swept

EARLY_OSCILLATION = {"strict": True, "oscillation_window": 5}
"""The training loss falls so fast that `strict` stops each trial after its fifth epoch."""


def test_the_baseline_and_the_confirmations_train_to_their_end_whatever_their_curve(data: Path, journal: Path) -> None:
    made = plan_of(data, trials=2, enqueue=["steady", "good"], set={"epochs": 9, "diverge_at": 3}, confirm_seeds=2)
    coordinator = swept(made, journal)
    assert reasons(coordinator) == {0: "done", 1: "diverging", 2: "done", 3: "done"}
    assert [trial.started.of for trial in coordinator.state.trials.confirmations(0)] == [0, 0]


@pytest.mark.parametrize(("fault", "epochs"), [({"nan_at": 3}, 4), ({"alarm_at": 3}, 3)])
def test_a_baseline_with_nothing_left_to_train_is_stopped(
    data: Path, journal: Path, fault: dict[str, int], epochs: int
) -> None:
    coordinator = swept(plan_of(data, trials=1, set={"epochs": 9, **fault}), journal)
    assert reasons(coordinator) == {0: "nonfinite"}
    assert coordinator.state.trials[0].curve.epoch == epochs


@pytest.mark.parametrize("scheduler", ["asha", "stopping", "freeze_thaw"])
def test_a_baseline_without_a_metric_at_a_rung_trains_on(data: Path, journal: Path, scheduler: str) -> None:
    late = {"first_value_at": 12}
    made = plan_of(
        data, trials=2, preset="long", scheduler=scheduler, sampler="tpe", set=late, enqueue=["steady"], confirm_top=0
    )
    coordinator = swept(made, journal)
    baseline, other = coordinator.state.trials.search
    assert baseline.finished
    assert baseline.decisions[0].detail == "no score by the epoch-3 rung (no rung stops the baseline)"
    assert other.decision is not None
    assert (other.decision.detail, other.curve.epoch) == ("no score by the epoch-3 rung", 3)


def test_a_trial_that_a_rule_would_end_early_in_its_last_epoch_is_done(data: Path, tmp_path: Path) -> None:
    for epochs, reason in ((6, "oscillating"), (5, "done")):
        made = plan_of(data, trials=1, enqueue=["good"], set={"epochs": epochs}, stability=EARLY_OSCILLATION, audit=0.0)
        assert reasons(swept(made, tmp_path / str(epochs)))[0] == reason


def test_a_trial_that_fails_in_its_last_epoch_has_failed(data: Path, journal: Path) -> None:
    coordinator = swept(plan_of(data, trials=1, enqueue=["good"], set={"epochs": 5, "diverge_at": 3}), journal)
    assert reasons(coordinator) == {0: "diverging"}
    assert coordinator.state.trials[0].curve.epoch == 5
