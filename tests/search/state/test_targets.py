"""The trainings are `tests.support.fakes.Curves`: "score" rises to the trial's quality, "error" is 1 less the score."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.control.coordinator import Coordinator
from search.journal.segments import read
from search.state.follower import SweepFollower
from search.state.outcome import result
from search.state.sweep_state import SweepState
from search.state.targets import differences, target_results, value_of
from search.sweep.folder import SweepFolder
from search.views.markdown import headline
from search.views.summary import summary
from tests.support.fakes import Curves, plan_of
from tests.support.workers import Workers, coordinator_of, swept
from trainables.recipe import Epoch

QUALITY = {"epochs": 9, "quality": {"low": 0.01, "high": 0.99}}


def ended(data: Path, journal: Path, **fields: Any) -> Coordinator:
    """A sweep with its result; the winner's score is near .99."""
    coordinator = swept(plan_of(data, **{"trials": 30, "set": QUALITY} | fields), journal)
    coordinator.end(result(coordinator.state))
    return coordinator


def met(state: SweepState) -> dict[str, bool]:
    return {str(result.target): result.met for result in target_results(state)}


def test_each_target_is_compared_with_what_the_winner_reached(data: Path, tmp_path: Path) -> None:
    targets = ["score >= 0.7", "score >= 1.5", "error <= 0.3", "error <= 0.0", "val <= 1.0", "score >= steady + 0.1"]
    state = ended(data, tmp_path / "journal", targets=targets).state
    assert list(met(state).values()) == [True, False, True, False, True, True]


def test_another_metric_is_that_of_the_checkpoint_handed_back(data: Path, tmp_path: Path) -> None:
    state = ended(data, tmp_path / "journal", targets=["error <= 0.5"], objective="best").state
    for trial in state.trials.values():
        assert trial.curve.reached
        score = next(point.value for point in trial.curve.points if point.epoch == trial.curve.reached.epoch)
        assert value_of(trial, "error") == pytest.approx(1 - (score or 0.0))


def test_a_metric_that_no_epoch_reported_is_named(data: Path, tmp_path: Path) -> None:
    state = ended(data, tmp_path / "journal", targets=["scores >= 0.5"]).state
    assert met(state) == {"scores >= 0.5": False}
    assert any(
        "Target scores >= 0.5: unknown, as no epoch reported scores; `steadytune browse" in line
        for line in headline(state)
    )


def test_the_training_that_a_target_names_is_trained_to_its_end_and_on_the_same_fresh_seeds(
    data: Path, tmp_path: Path
) -> None:
    choices = {**QUALITY, "quality": {"low": 0.5, "high": 0.99}}  # all are better than the training "slow"
    fields = {"enqueue": ["steady", "slow"], "targets": ["score >= slow + 0.2"], "set": choices}
    state = ended(data, tmp_path / "journal", **fields).state
    slow = next(trial for trial in state.trials.search if trial.started.named == "slow")
    assert slow.finished
    assert len(state.trials.confirmations(slow.number)) == state.plan.spec.confirm_seeds
    assert met(state) == {"score >= slow + 0.2": True}


@pytest.fixture
def scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    """By day the trainings are as good as in all, by night less; of dusk nothing is reported."""
    in_all = Curves.epoch

    def by_scene(recipe: Curves, settings: Any, number: int) -> Epoch:
        epoch = in_all(recipe, settings, number)
        score = epoch.metrics["score"]
        return replace(epoch, metrics={**epoch.metrics, "day/score": score, "night/score": score**2})

    monkeypatch.setattr(Curves, "epoch", by_scene)
    monkeypatch.setattr(Curves, "held_out_parts", ("day", "night", "dusk"))


@pytest.mark.usefixtures("scenes")
@pytest.mark.parametrize("confirm_seeds", [3, 1])
def test_a_training_that_a_target_names_is_compared_by_part_of_the_data(
    data: Path, tmp_path: Path, confirm_seeds: int
) -> None:
    choices = {"epochs": 9, "shape": "fast", "quality": {"low": 0.5, "high": 0.99}, "noise": 0.01}
    fields = {"enqueue": ["steady", "slow"], "set": choices}
    targets = ["score >= slow + 0.2", "error <= 0.5"]
    plan = plan_of(data, trials=20, targets=targets, confirm_seeds=confirm_seeds, **fields)
    folder = SweepFolder.create(tmp_path, plan.spec)
    coordinator = swept(plan, folder.journal)
    coordinator.end(result(coordinator.state))
    state = coordinator.state
    compared = differences(state, state.plan.targets[0])
    assert [difference.metric for difference in compared] == ["day/score", "night/score"], (
        "nothing was reported of dusk"
    )
    day, night = compared
    assert len(day.by_seed) == confirm_seeds
    assert day.winner - day.reference == pytest.approx(sum(day.by_seed) / confirm_seeds)
    assert night.winner < day.winner
    assert night.std > 0 or confirm_seeds == 1
    assert differences(state, state.plan.targets[1]) == [], "it names no training"
    lines = "\n".join(map(str, summary(SweepFollower(folder).read(), folder)))
    assert "night/score is 0." in lines
    assert (f"above slow over {confirm_seeds} fresh seeds (" in lines) == (confirm_seeds > 1)


def test_a_sweep_that_is_read_back_says_the_same(data: Path, tmp_path: Path) -> None:
    plan = plan_of(data, trials=12, set=QUALITY, targets=["error <= 0.3", "val <= 0.2", "score >= steady"])
    folder = SweepFolder.create(tmp_path, plan.spec)
    coordinator = swept(plan, folder.journal)
    coordinator.end(result(coordinator.state))
    state = SweepFollower(folder).read()
    assert target_results(state) == target_results(coordinator.state)
    lines = "\n".join(map(str, summary(state, folder)))
    assert "Target error <= 0.3: met with 0." in lines
    assert "Target score >= steady: met with 0.8415" in lines
    assert "(0.6000)" in lines


def test_the_search_ends_with_the_first_trial_that_meets_all_targets(data: Path, tmp_path: Path) -> None:
    targets = ["score >= 0.7", "error <= 0.3"]
    state = ended(data, tmp_path / "journal", targets=targets, stop_at_targets=True, trials=200).state
    assert state.search_ended is not None
    assert "meets all 2 targets after epoch" in state.search_ended.detail
    assert len(state.trials.search) < 200
    assert met(state) == dict.fromkeys(targets, True)
    assert state.trials.confirmations(state.trials.ranking[0].number), "the winner is still confirmed"


def test_a_search_whose_targets_nobody_meets_uses_its_budget(data: Path, tmp_path: Path) -> None:
    state = ended(data, tmp_path / "journal", targets=["score >= 1.5"], stop_at_targets=True).state
    assert state.search_ended is None
    assert len(state.trials.search) == 30


def test_no_trial_is_compared_with_a_training_that_has_epochs_before_it(data: Path, tmp_path: Path) -> None:
    """The baseline rises slowly to .6, and has an epoch when the others have three."""
    choices = {"shape": "slow", "quality": {"low": 0.3, "high": 0.99}}
    targets = ["score >= baseline + 0.05"]
    plan = plan_of(data, preset="long", trials=12, set=choices, targets=targets, stop_at_targets=True, confirm_top=0)
    workers = Workers()
    coordinator = coordinator_of(plan, tmp_path / "journal", workers)
    coordinator.open(workers.places)
    rounds = 0
    while not coordinator.over:
        workers.fill(coordinator)
        for trial in [trial for trial in workers.running if trial or rounds % 3 == 0]:
            workers.step(coordinator, trial)
        rounds += 1
    state = coordinator.state
    assert state.trials[0].is_baseline
    assert state.trials[0].finished
    value = state.trials[0].curve.objective_value or 0.0
    best = [trial.number for trial in state.trials.ranking if (trial.curve.objective_value or 0.0) >= value + 0.05]
    assert best, "one that ended before the baseline meets it all the same"
    assert state.search_ended is not None
    assert state.search_ended.detail.startswith(f"trial {min(best)} meets the target")


def test_a_trial_that_breaks_a_limit_meets_no_target(data: Path, tmp_path: Path) -> None:
    limits = {"epoch_seconds": {"high": 0.5}}  # each epoch takes a second
    state = ended(data, tmp_path / "journal", targets=["score >= 0.1"], stop_at_targets=True, limits=limits).state
    assert state.search_ended is None


def test_killed_right_after_the_targets_were_met_it_draws_no_more(data: Path, tmp_path: Path) -> None:
    plan = plan_of(data, trials=200, set=QUALITY, targets=["score >= 0.7"], stop_at_targets=True, confirm_top=0)
    uncut = swept(plan, tmp_path / "uncut").state
    rows = list(read(tmp_path / "uncut"))
    until = next(number for number, row in enumerate(rows, 1) if row.event.event == "enough")
    workers = Workers()
    coordinator = coordinator_of(plan, tmp_path / "resumed", workers)
    coordinator.restore(rows[:until])
    coordinator.open(2)
    workers.run(coordinator)
    assert len(coordinator.state.trials.search) == len(uncut.trials.search)
