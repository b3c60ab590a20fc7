"""Which rules may end which trial, and in which order they are asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.control.coordinator import Coordinator
from search.journal.segments import read
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of, reasons, swept

EARLY_OSCILLATION = {"strict": True, "oscillation_window": 5}
"""The training loss falls so fast that `strict` stops each trial after its fifth epoch."""


def test_the_baseline_and_the_confirmations_train_to_their_end_whatever_their_curve(data: Path, journal: Path) -> None:
    plan = plan_of(data, trials=2, enqueue=["steady", "good"], set={"epochs": 9, "diverge_at": 3}, confirm_seeds=2)
    coordinator = swept(plan, journal)
    assert reasons(coordinator) == {0: "done", 1: "diverging"} | dict.fromkeys(range(2, 6), "done")
    assert [trial.started.of for trial in coordinator.state.trials.values()][2:] == [1, 0, 1, 0], "the lost one too"


@pytest.mark.parametrize("scheduler", ["asha", "stopping"])
def test_a_training_that_the_recipe_knows_to_be_good_trains_to_its_end_and_is_confirmed_only_among_the_best(
    data: Path, journal: Path, scheduler: str
) -> None:
    """After few epochs it may look worse than random ones: one of 12 epochs was stopped at epoch 2, the best of all."""
    better = {"quality": {"low": 0.8, "high": 0.9}, "shape": "fast"}
    recipe = "tests.support.fakes:Late"
    plan = plan_of(data, recipe=recipe, trials=8, preset="long", set=better, scheduler=scheduler, confirm_top=1)
    coordinator = swept(plan, journal)
    _, slow, *_ = coordinator.state.trials.search
    assert slow.started.named == "slow"
    assert slow.finished
    assert any("no rung stops slow, which is known to be good" in decision.detail for decision in slow.decisions)
    assert {trial.started.of for trial in coordinator.state.trials.values() if not trial.is_search} & {1} == set()


@pytest.mark.parametrize(("fault", "epochs"), [({"nan_at": 3}, 4), ({"alarm_at": 3}, 3)])
def test_a_baseline_with_nothing_left_to_train_is_stopped(
    data: Path, journal: Path, fault: dict[str, int], epochs: int
) -> None:
    coordinator = swept(plan_of(data, trials=1, set={"epochs": 9, **fault}, confirm_top=0), journal)
    assert reasons(coordinator) == {0: "nonfinite"}
    assert coordinator.state.trials[0].curve.epoch == epochs


@pytest.mark.parametrize("scheduler", ["asha", "stopping", "freeze_thaw"])
def test_a_baseline_without_a_metric_at_a_rung_trains_on(data: Path, journal: Path, scheduler: str) -> None:
    late = {"first_value_at": 12}
    plan = plan_of(
        data, trials=2, preset="long", scheduler=scheduler, sampler="tpe", set=late, enqueue=["steady"], confirm_top=0
    )
    coordinator = swept(plan, journal)
    baseline, other = coordinator.state.trials.search
    assert baseline.finished
    assert baseline.decisions[0].detail == "no score by the epoch-3 rung (no rung stops the baseline)"
    assert other.decision is not None
    assert (other.decision.detail, other.curve.epoch) == ("no score by the epoch-3 rung", 3)


def test_a_trial_that_a_rule_would_end_early_in_its_last_epoch_is_done(data: Path, tmp_path: Path) -> None:
    for epochs, reason in ((6, "oscillating"), (5, "done")):
        plan = plan_of(data, trials=1, enqueue=["good"], set={"epochs": epochs}, stability=EARLY_OSCILLATION, audit=0.0)
        assert reasons(swept(plan, tmp_path / str(epochs)))[0] == reason


def test_a_trial_that_fails_in_its_last_epoch_has_failed(data: Path, journal: Path) -> None:
    lost = {"epochs": 5, "diverge_at": 3}
    coordinator = swept(plan_of(data, trials=1, enqueue=["good"], set=lost, confirm_top=0), journal)
    assert reasons(coordinator) == {0: "diverging"}
    assert coordinator.state.trials[0].curve.epoch == 5


# --- demotion ------------------------------------------------------------------------------------------------------


def demoting(data: Path, journal: Path, checkpoint_every: int = 1, **fields: Any) -> Coordinator:
    """A sweep whose trial 1 has a training loss that is too high from its third epoch on; the baseline's is, too."""
    enqueue = ["wild", "wild", "good", "slow"]
    plan = plan_of(
        data,
        preset="long",
        **{"trials": 4, "enqueue": enqueue, "confirm_top": 0, "audit": 0.0, "min_peers": 1} | fields,
    )
    return swept(plan, journal, Workers(checkpoint_every=checkpoint_every))


def test_a_doubtful_trial_is_paused_at_once_behind_all_others_and_ends_with_the_search(
    data: Path, journal: Path
) -> None:
    coordinator = demoting(data, journal, enqueue=["good", "wild", "good", "slow"])
    trial = coordinator.state.trials[1]
    demotion = next(decision for decision in trial.decisions if decision.reason == "diverging")
    assert (demotion.action, demotion.epoch) == ("pause", 4)
    assert demotion.detail.endswith("above 2 x its best 1; behind all others at the epoch-4 rung")
    assert demotion.numbers["rank"] == demotion.numbers["peers"]
    assert trial.decision is not None
    assert (trial.decision.reason, trial.failed) == ("rung", False), "it may have recovered: its training did not fail"
    assert trial.decision.detail.endswith("(demoted as diverging; search finished)")


def test_the_baseline_is_not_demoted(data: Path, journal: Path) -> None:
    coordinator = demoting(data, journal, enqueue=["steady", "good"], set={"diverge_at": 2})
    assert coordinator.state.trials[0].finished
    actions = [[decision.action for decision in trial.decisions] for trial in coordinator.state.trials.search]
    assert "pause" not in actions[0]
    assert all("pause" in of_trial for of_trial in actions[1:])


def test_a_demotion_waits_for_a_checkpoint_to_continue_from(data: Path, journal: Path) -> None:
    enqueue = ["good", "wild", "good", "good", "good", "good"]
    coordinator = demoting(data, journal, checkpoint_every=5, enqueue=enqueue, trials=6, grace_epochs=3)
    for trial in coordinator.state.trials.search:
        for decision in trial.decisions:
            if decision.action == "pause":
                assert decision.epoch % 5 == 0 or decision.epoch in coordinator.scheduler.rungs


@pytest.mark.parametrize("scheduler", ["stopping", "freeze_thaw", "none"])
def test_where_no_trial_is_paused_behind_others_none_is_demoted(data: Path, journal: Path, scheduler: str) -> None:
    coordinator = demoting(data, journal, scheduler=scheduler, sampler="tpe")
    decisions = [decision for trial in coordinator.state.trials.search for decision in trial.decisions]
    assert not any(decision.action == "pause" and decision.reason != "rung" for decision in decisions)


def test_a_resumed_sweep_has_the_same_demotions(data: Path, journal: Path) -> None:
    coordinator = demoting(data, journal, enqueue=["good", "wild", "good", "slow"])
    again = coordinator_of(coordinator.plan, journal.with_name("again"), Workers())
    again.restore(read(journal))
    assert again.scheduler.rung_result(1, 4) == coordinator.scheduler.rung_result(1, 4)
    assert [trial.decisions for trial in again.state.trials.search] == [
        trial.decisions for trial in coordinator.state.trials.search
    ]


# --- next to nothing -----------------------------------------------------------------------------------------------


def test_a_rung_where_most_have_reached_next_to_nothing_promotes_all(data: Path, journal: Path) -> None:
    """With first values of 0.0001 and 0.0003, four of twelve trials were left at the first rung of a real sweep."""
    plan = plan_of(
        data,
        preset="long",
        trials=6,
        enqueue=["steady"],
        set={"quality": {"high": 0.0102, "low": 0.01}, "shape": "slow"},
        confirm_top=0,
        min_peers=1,
        stability={"collapse_value": 0.9, "collapse_after": 1.0, "demote": False},
    )
    coordinator = swept(plan, journal)
    assert len(coordinator.state.trials.search) == 6
    for trial in coordinator.state.trials.search:
        last_at = {decision.numbers["rung"]: decision for decision in trial.decisions if "rung" in decision.numbers}
        early = [decision for rung, decision in last_at.items() if 3 <= rung <= 0.3 * 27]
        assert len(early) == 4
        assert {decision.action for decision in early} == {"continue"}
        assert trial.is_baseline or "most are next to nothing there, so all are promoted" in early[0].detail
