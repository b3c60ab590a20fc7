"""What happened to one trial, as sentences and as values."""

from __future__ import annotations

import math
from pathlib import Path

from search.pruning.decision import REASONS
from search.state.sweep_state import SweepState
from search.views.explain import RUNG, explanation, explanation_json, sweep_json
from search.views.status_table import happened
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of, swept


def test_it_begins_with_the_settings_and_the_best_value(ended: SweepState) -> None:
    first, second, *_ = explanation(ended, ended.trials[2])
    assert first.startswith("Trial 2 good, seed ")
    assert ": quality=0.9 " in first
    best = ended.trials[2].curve.best
    assert best is not None
    reached = ended.trials[2].curve.reached
    assert reached is not None
    assert second == (
        f"27 of 27 epochs; score 0.9000 (best mean of 3 epochs: epochs {reached.first} to {reached.last}), "
        f"best 0.9000 at epoch {best.epoch}, 0.9000 in its last epochs."
    )


def test_every_epoch_has_a_line_with_its_value_and_loss(ended: SweepState) -> None:
    lines = [line for line in explanation(ended, ended.trials[2]) if line.startswith("  epoch ")]
    assert len(lines) == 27
    assert lines[1] == "  epoch   2  score 0.8835  training loss 0.5  held-out loss 0.5"


def test_of_a_long_training_the_epochs_that_decided_have_lines(data: Path, tmp_path: Path) -> None:
    plan = plan_of(data, trials=6, preset="long", enqueue=["good"], set={"epochs": 50}, confirm_top=0, audit=0.0)
    state = swept(plan, tmp_path / "journal").state
    trial = state.trials[0]
    lines = [line for line in explanation(state, trial) if line.startswith("  ")]
    epochs_shown = [int(line.split()[1]) for line in lines if line.startswith("  epoch ")]
    assert {1, 48, 49, 50, *(decision.epoch for decision in trial.decisions)} <= set(epochs_shown)
    assert len(epochs_shown) < 30
    gaps = [int(line.split()[1]) for line in lines if line.startswith("  … ")]
    assert min(gaps) > 1
    assert len(epochs_shown) + sum(gaps) == 50
    assert lines[-1] == f"  {sum(gaps)} of 50 epochs are left out; --every-epoch shows them."
    every_line = [line for line in explanation(state, trial, every_epoch=True) if line.startswith("  ")]
    assert [int(line.split()[1]) for line in every_line] == list(range(1, 51))


def test_every_decision_is_told_with_its_reason_and_its_numbers(ended: SweepState) -> None:
    trial = next(trial for trial in ended.trials.search if trial.decision and trial.decision.reason == "rung")
    lines = [line for line in explanation(ended, trial) if line.startswith("After epoch ")]
    assert len(lines) == len(trial.decisions)
    for line, before, decision in zip(lines, [None, *trial.decisions[:-1]], trial.decisions, strict=True):
        verb = happened(decision, before)
        demoted = decision.action == "pause" and decision.reason != "rung"
        reason = f" ({decision.reason}: {REASONS[decision.reason]})" if decision.action == "stop" or demoted else ""
        assert line == f"After epoch {decision.epoch} it {verb}{reason}: {decision.detail}."


def test_words_are_explained_where_they_are_used(ended: SweepState, data: Path, tmp_path: Path) -> None:
    assert RUNG in explanation(ended, ended.trials[2])
    assert any(line.startswith("Curve (CV: standard dev") for line in explanation(ended, ended.trials[2]))
    alone = swept(plan_of(data, trials=1, scheduler="none", confirm_top=0), tmp_path / "journal").state
    assert RUNG not in explanation(alone, alone.trials[0])


def test_a_trial_that_trained_to_its_end_ended(ended: SweepState) -> None:
    expected = "After epoch 27 it ended (done: trained to its last epoch): trained all 27 epochs."
    assert expected in explanation(ended, ended.trials[2])


def test_it_ends_with_what_comes_next_for_a_trial_that_has_not_ended(data: Path, tmp_path: Path) -> None:
    workers = Workers()
    coordinator = coordinator_of(plan_of(data, trials=12, preset="long", enqueue=[]), tmp_path / "journal", workers)
    coordinator.open(2)
    workers.fill(coordinator)
    state = coordinator.state
    trial = state.trials[0]
    assert explanation(state, trial)[1:] == [
        "0 of 27 epochs; no score so far.",
        "It is running, or continues when the sweep is resumed.",
    ]
    while not trial.paused:
        workers.step(coordinator, 0)
    last = "It is paused with its checkpoint, and may be promoted when more trials have arrived at the rung."
    assert explanation(state, trial)[-1] == last
    assert "The rung promotes no trial before 7 more have arrived." in explanation(state, trial)


def test_of_a_trial_that_has_ended_nothing_is_so_far(data: Path, tmp_path: Path) -> None:
    plan = plan_of(data, trials=1, enqueue=["steady"], confirm_top=0, set={"raise_at": 1})
    state = swept(plan, tmp_path / "journal").state
    assert explanation(state, state.trials[0])[1] == "0 of 4 epochs; no score."


def test_as_values_it_has_the_keys_that_programs_read(ended: SweepState) -> None:
    values = explanation_json(ended.trials[0])
    assert list(values) == [
        *("trial", "kind", "of", "named", "epochs", "level", "level_epoch", "best", "best_epoch", "status"),
        *("reason", "detail", "drawn", "gpu_bytes", "seed", "settings", "curve", "decisions"),
    ]
    assert values["level"] == ended.trials[0].curve.objective_value
    assert list(sweep_json(ended, "sweep")) == [
        *("name", "recipe", "metric", "state", "epochs", "best", "recalled", "search_ended", "front", "utilisation"),
        "data_share",
        "trials",
    ]


def test_numbers_that_are_not_finite_are_null(data: Path, tmp_path: Path) -> None:
    state = swept(plan_of(data, trials=1, enqueue=["lost"], confirm_top=0), tmp_path / "journal").state
    curve = explanation_json(state.trials[0])["curve"]
    assert math.isnan(state.trials[0].curve.points[0].loss or 0.0)
    assert [point["loss"] for point in curve] == [None, None]
