"""Trials that wait at a rung: what they hear, how they go on, and what becomes of them at the end."""

from __future__ import annotations

from pathlib import Path

from optuna.trial import TrialState as StudyState

from search.journal.events import Decided, EpochDone
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of, ends, events, swept


def resumptions(journal: Path) -> list[Decided]:
    """The decisions that let a waiting trial go on."""
    resumed: list[Decided] = []
    waiting: set[int] = set()
    for decided in events(journal, Decided):
        if decided.action == "continue" and decided.trial in waiting:
            resumed.append(decided)
        waiting = waiting - {decided.trial} | ({decided.trial} if decided.action == "pause" else set())
    return resumed


def test_a_trial_that_waited_goes_on_from_its_checkpoint(data: Path, journal: Path) -> None:
    workers = Workers(places=2, checkpoint_every=100)
    coordinator = swept(plan_of(data, trials=20, preset="long", confirm_top=0, seed=1), journal, workers)
    again = resumptions(journal)
    assert again
    for decided in again:
        epochs = [done.epoch for done in events(journal, EpochDone) if done.trial == decided.trial]
        assert epochs == list(range(1, coordinator.state.trials[decided.trial].curve.epoch + 1))
        assert epochs[-1] > decided.epoch


def test_a_trial_at_a_rung_that_has_not_opened_hears_how_many_arrivals_it_waits_for(data: Path, journal: Path) -> None:
    plan = plan_of(data, trials=20, preset="long", grace_epochs=3, confirm_top=0, seed=1, enqueue=[])
    swept(plan, journal, Workers(places=1))
    first, second = [event for event in events(journal, Decided) if event.action == "pause"][:2]
    assert first.detail.startswith("ranked 1 of 1 at the epoch-3 rung: projected score ")
    assert first.detail.endswith("; the rung waits for 7 more arrivals")
    assert second.detail.endswith("; the rung waits for 6 more arrivals")
    assert first.numbers["awaits"] == 7
    assert "cutoff" not in first.numbers, "none has been promoted, so there is none"


def test_a_trial_below_the_cutoff_hears_the_cutoff(data: Path, journal: Path) -> None:
    swept(plan_of(data, trials=20, preset="long", confirm_top=0, seed=1), journal)
    stopped = [ending for ending in ends(journal).values() if ending.reason == "rung"]
    below = [ending for ending in stopped if ending.numbers["value"] < ending.numbers["cutoff"]]
    assert below
    for decided in below:
        rung, rank, peers = (int(decided.numbers[name]) for name in ("rung", "rank", "peers"))
        value, cutoff = (f"{decided.numbers[name]:.4f}" for name in ("value", "cutoff"))
        head = f"ranked {rank} of {peers} at the epoch-{rung} rung: "
        assert decided.detail == f"{head}projected score {value}, cutoff {cutoff} (search finished)"


def test_with_the_stopping_kind_nobody_waits(data: Path, journal: Path) -> None:
    swept(plan_of(data, trials=20, preset="long", confirm_top=0, seed=1, scheduler="stopping"), journal)
    assert "pause" not in {event.action for event in events(journal, Decided)}


def test_at_the_end_of_the_search_no_trial_waits_any_more(data: Path, journal: Path) -> None:
    coordinator = swept(plan_of(data, trials=20, preset="long", confirm_top=1, seed=1), journal)
    closed = [ending for ending in ends(journal).values() if ending.detail.endswith("(search finished)")]
    assert closed
    assert not coordinator.state.trials.paused
    assert all(ending.numbers["value"] <= ending.numbers["cutoff"] for ending in closed)
    # Each is told how it stands now, not how it stood when it came.
    at_the_first = [ending for ending in closed if ending.numbers["rung"] == 3]
    assert {ending.numbers["peers"] for ending in at_the_first} == {20}
    assert len({ending.numbers["rank"] for ending in at_the_first}) == len(at_the_first) > 1
    assert coordinator.state.trials.ranking, "somebody trained to the end"


def test_waiting_trials_whose_checkpoints_take_too_much_disk_are_given_up_worst_first(
    data: Path, journal: Path
) -> None:
    plan = plan_of(data, trials=20, preset="long", confirm_top=0, seed=2, max_checkpoint_gb=3e-7)
    coordinator = swept(plan, journal, Workers(places=2))
    given_up = [ending for ending in ends(journal).values() if "would exceed max_checkpoint_gb" in ending.detail]
    assert given_up
    assert coordinator.state.trials.ranking
    best = max(trial.curve.smoothed_value or 0.0 for trial in coordinator.state.trials.ranking)
    assert all(ending.numbers["value"] < best for ending in given_up)


def test_samplers_learn_from_a_trial_that_waits_as_from_a_pruned_one(data: Path, journal: Path) -> None:
    workers = Workers(places=1)
    coordinator = coordinator_of(plan_of(data, trials=9, preset="long", enqueue=[], confirm_top=0), journal, workers)
    coordinator.open(1)
    while not coordinator.state.trials.paused:
        workers.fill(coordinator)
        for trial in list(workers.running):
            workers.step(coordinator, trial)
    (number,) = coordinator.state.trials.paused
    assert coordinator.searcher.study.trials[number].state is StudyState.PRUNED
    workers.run(coordinator)
    assert {trial.state for trial in coordinator.searcher.study.trials} == {StudyState.PRUNED, StudyState.COMPLETE}
