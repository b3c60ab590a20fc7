from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from search.journal.events import Decided, Row, TrialStarted
from search.journal.segments import read
from search.pruning.rungs import milestones
from search.state.outcome import finalist_numbers, result
from tests.support.fakes import Curves, CurveSettings, plan_of
from tests.support.workers import Workers, confirmations, coordinator_of, done_of, ends, events, reasons, swept

# --- a whole sweep -----------------------------------------------------------------------------------------------


def test_every_trial_starts_once_and_ends_once(data: Path, journal: Path) -> None:
    coordinator = swept(plan_of(data, trials=8), journal)
    started = [event.trial for event in events(journal, TrialStarted)]
    assert started == list(range(len(started)))
    assert Counter(event.trial for event in events(journal, Decided) if event.action == "stop") == Counter(started)
    assert len(coordinator.state.trials.search) == 8
    assert not any(trial.running for trial in coordinator.state.trials.values())
    assert coordinator.next() is None


def test_the_baseline_runs_first(data: Path, journal: Path) -> None:
    baseline = swept(plan_of(data, trials=3, confirm_top=0), journal).state.trials[0]
    assert baseline.started.named == "steady"
    assert baseline.started.settings["quality"] == 0.6


def test_the_baseline_trains_to_its_end_even_behind_at_a_rung(data: Path, journal: Path) -> None:
    plan = plan_of(data, trials=2, preset="long", grace_epochs=3, enqueue=["good", "steady"], confirm_top=0)
    baseline = swept(plan, journal, Workers(places=1)).state.trials[1]
    assert [decision.reason for decision in baseline.decisions] == ["rung"] * 7 + ["done"]
    words = "ranked 2 of 2 at the epoch-3 rung: projected score 0.6687 (no rung stops the baseline)"
    assert baseline.decisions[0].detail == words


def test_a_baseline_outside_the_users_choices_is_still_run_as_it_is(data: Path, journal: Path) -> None:
    coordinator = swept(plan_of(data, trials=2, set={"shape": ["slow"]}, confirm_top=0), journal)
    assert coordinator.state.trials[0].started.settings["shape"] == "fast"
    assert coordinator.state.trials[1].started.settings["shape"] == "slow"


def test_the_search_learns_from_a_training_with_values_out_of_range_that_are_not_asked_for(
    data: Path, journal: Path
) -> None:
    """`noise` is asked for where depth > 1; what a training of depth 1 has there means nothing."""
    plan = plan_of(data, trials=1, enqueue=["shallow"], set={"noise": {"low": 0.05}}, confirm_top=0)
    started = swept(plan, journal).state.trials[0].started
    assert (started.settings["depth"], started.settings["noise"]) == (1, 0.0)
    assert started.drawn.keys() == {"quality", "shape", "depth"}


def test_a_trial_behind_at_a_rung_stops_there(data: Path, journal: Path) -> None:
    plan = plan_of(data, trials=9, preset="long", sampler="random", confirm_top=0, seed=3)
    coordinator = swept(plan, journal, Workers(places=3))
    rungs = milestones(3, plan.reduction_factor, 27)
    behind = [ending for ending in ends(journal).values() if ending.reason == "rung"]
    assert behind
    for decided in behind:
        assert decided.epoch in rungs
        assert decided.numbers["value"] < decided.numbers["cutoff"]
        assert coordinator.state.trials[decided.trial].curve.epoch == decided.epoch


def test_without_a_scheduler_every_trial_trains_to_its_end(data: Path, journal: Path) -> None:
    coordinator = swept(plan_of(data, trials=6, scheduler="none", confirm_top=0), journal)
    assert set(reasons(coordinator).values()) == {"done"}
    assert coordinator.state.epochs == 6 * 4


@pytest.mark.parametrize(
    ("settings", "reason", "epoch", "words"),
    [
        ({"nan_at": 2}, "nonfinite", 3, "not finite in 2 epochs in a row"),
        ({"diverge_at": 3}, "diverging", 5, "training loss was at least 10"),
        ({"alarm_at": 2}, "nonfinite", 2, "weights of head are no longer finite"),
        ({"raise_at": 3}, "failed", 2, "out of luck"),
    ],
)
def test_a_lost_training_stops_with_its_reason(
    data: Path, journal: Path, settings: dict[str, int], reason: str, epoch: int, words: str
) -> None:
    coordinator = swept(plan_of(data, trials=1, enqueue=["good"], set={"epochs": 9, **settings}), journal)
    trial = coordinator.state.trials[0]
    assert trial.failed
    assert trial.decision is not None
    assert (trial.decision.reason, trial.decision.epoch) == (reason, epoch)
    assert words in trial.decision.detail


@pytest.mark.parametrize(("objective", "winner"), [("best_mean", 0), ("best", 0), ("last", -1)])
def test_a_lost_training_is_a_result_by_what_it_had_reached_but_not_by_its_end(
    data: Path, journal: Path, objective: str, winner: int
) -> None:
    lost = {"epochs": 9, "diverge_at": 3}
    coordinator = swept(plan_of(data, trials=1, enqueue=["good"], set=lost, objective=objective), journal)
    assert coordinator.state.trials[0].failed
    assert result(coordinator.state).trial == winner


def test_a_training_lost_in_its_last_epoch_is_lost(data: Path, journal: Path) -> None:
    coordinator = swept(plan_of(data, trials=1, set={"alarm_at": 4}, confirm_top=0), journal)
    assert reasons(coordinator) == {0: "nonfinite"}


def test_for_a_metric_to_minimise_the_lowest_go_on(data: Path, journal: Path) -> None:
    plan = plan_of(
        data, recipe="tests.support.fakes:Errors", trials=9, set={"noise": 0.0, "shape": "fast"}, confirm_top=1
    )
    coordinator = swept(plan, journal)
    finished = [trial for trial in coordinator.state.trials.search if trial.finished]
    best = coordinator.state.trials.ranking[0]
    assert best.curve.objective_value == min(
        trial.curve.objective_value for trial in finished if trial.curve.objective_value is not None
    )
    assert best.started.settings["quality"] == max(
        searched.started.settings["quality"] for searched in coordinator.state.trials.search
    )
    for decided in ends(journal).values():
        if decided.reason == "rung":
            assert decided.numbers["value"] > decided.numbers["cutoff"] > 0


def test_a_sweep_in_which_nothing_is_searched_runs(data: Path, journal: Path) -> None:
    coordinator = swept(plan_of(data, recipe="tests.support.fakes:Fixed", trials=3), journal)
    assert len(coordinator.state.trials.search) == 3
    seeds = [trial.started.seed for trial in coordinator.state.trials.search]
    assert len(set(seeds)) == 3


def test_each_trial_has_its_own_seed_unless_it_is_pinned(data: Path, tmp_path: Path) -> None:
    free = swept(plan_of(data, trials=4, confirm_top=0), tmp_path / "free").state.trials.search
    pinned = swept(plan_of(data, trials=4, confirm_top=0, set={"seed": 5}), tmp_path / "pinned").state.trials.search
    assert len({trial.started.settings["seed"] for trial in free}) == 4
    assert {trial.started.settings["seed"] for trial in pinned} == {5}


def test_the_same_seed_gives_the_same_sweep(data: Path, tmp_path: Path) -> None:
    plan = plan_of(data, trials=6, sampler="tpe")
    first, second = (swept(plan, tmp_path / name, Workers(places=1)) for name in ("first", "second"))
    assert [trial.started for trial in first.state.trials.values()] == [
        trial.started for trial in second.state.trials.values()
    ]
    assert reasons(first) == reasons(second)


def test_epochs_reported_for_a_trial_that_has_ended_are_not_taken(data: Path, journal: Path) -> None:
    coordinator = swept(plan_of(data, trials=1, confirm_top=0), journal)
    before = list(read(journal))
    assert not coordinator.report(done_of(0, Curves().epoch(CurveSettings(), 5)))
    coordinator.fail(0, "its process died")
    assert list(read(journal)) == before


def test_what_was_journalled_is_what_the_listener_saw(data: Path, journal: Path) -> None:
    seen: list[Row] = []
    workers = Workers()
    coordinator = coordinator_of(plan_of(data, trials=3), journal, workers, lambda row, state: seen.append(row))
    coordinator.open(2)
    workers.run(coordinator)
    assert seen == list(read(journal))


def test_a_trial_whose_process_died_before_it_began_is_handed_out_again(data: Path, journal: Path) -> None:
    coordinator = coordinator_of(plan_of(data, trials=2, confirm_top=0), journal, Workers())
    coordinator.open(1)
    first = coordinator.next()
    assert first is not None
    coordinator.hand_out_again(first.trial)
    assert coordinator.next() == first
    coordinator.fail(first.trial, "its process died before it began, again and again")
    coordinator.hand_out_again(first.trial)
    other = coordinator.next()
    assert other is not None
    assert other.trial == 1


def test_a_trial_that_ran_out_of_a_shared_gpus_memory_has_one_to_itself_from_then_on(data: Path, journal: Path) -> None:
    coordinator = coordinator_of(plan_of(data, trials=2, confirm_top=0), journal, Workers())
    coordinator.open(2)
    first, other = coordinator.next(), coordinator.next()
    assert first is not None
    assert other is not None
    coordinator.hand_out_again(first.trial, exclusive=True)
    assert coordinator.next() == replace(first, exclusive=True)
    coordinator.hand_out_again(first.trial)
    coordinator.hand_out_again(other.trial)
    assert [coordinator.next(), coordinator.next()] == [replace(first, exclusive=True), other]


# --- confirmation ------------------------------------------------------------------------------------------------


def test_the_best_and_the_baseline_are_trained_again_on_the_same_fresh_seeds(data: Path, journal: Path) -> None:
    plan = plan_of(data, trials=9, confirm_top=2, confirm_seeds=3, scheduler="none")
    coordinator = swept(plan, journal)
    confirmed = confirmations(coordinator)
    assert set(confirmed) == {trial.started.trial for trial in coordinator.state.trials.ranking[:2]} | {0}
    assert len({tuple(seeds) for seeds in confirmed.values()}) == 1
    (seeds, *_) = confirmed.values()
    assert len(set(seeds)) == 3
    assert not set(seeds) & {trial.started.seed for trial in coordinator.state.trials.search}


def test_a_confirmation_trains_the_same_settings_but_for_the_seed(data: Path, journal: Path) -> None:
    coordinator = swept(plan_of(data, trials=5, confirm_top=1, confirm_seeds=1), journal)
    finalists = finalist_numbers(coordinator.state)
    assert finalists
    for of in finalists:
        (again,) = coordinator.state.trials.confirmations(of)
        original = coordinator.state.trials[of].started
        assert again.started.settings == original.settings | {"seed": again.started.seed}
        assert again.started.drawn == original.drawn


def test_a_confirmation_is_not_compared_at_rungs_and_takes_nothing_from_the_search(data: Path, journal: Path) -> None:
    coordinator = swept(plan_of(data, trials=5, preset="long"), journal)
    again = [trial for trial in coordinator.state.trials.values() if trial.started.kind == "confirm"]
    assert again
    assert all(trial.finished for trial in again)
    assert all(decision.reason == "done" for trial in again for decision in trial.decisions)
    assert coordinator.state.epochs == sum(trial.curve.epoch for trial in coordinator.state.trials.search)
    assert len(coordinator.searcher.study.trials) == 5


def test_nothing_is_confirmed_if_nothing_is_to_be(data: Path, journal: Path) -> None:
    coordinator = swept(plan_of(data, trials=4, confirm_top=0), journal)
    assert len(coordinator.state.trials) == 4
    assert finalist_numbers(coordinator.state) == []


def test_nothing_is_confirmed_if_nothing_has_a_result(data: Path, journal: Path) -> None:
    coordinator = swept(plan_of(data, trials=3, set={"nan_at": 1, "first_value_at": 9}, scheduler="none"), journal)
    assert set(reasons(coordinator).values()) == {"nonfinite"}
    assert len(coordinator.state.trials) == 3
