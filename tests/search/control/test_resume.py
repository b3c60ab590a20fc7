"""A sweep that is halted or killed, and goes on: from the journal alone, with nothing lost and nothing twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState as StudyState

from search.control.coordinator import Coordinator
from search.journal.events import Decided, EpochDone, Row, TrialStarted
from search.journal.segments import Journal, read
from search.state.outcome import finalist_numbers, result
from search.state.sweep_state import SweepState
from search.sweep.plan import Plan
from search.views.live_view import best_line
from tests.support.fakes import Curves, CurveSettings, plan_of
from tests.support.workers import Disk, Killed, Workers, coordinator_of, done_of, events, finish, rungs_of
from trainables.recipe import Epoch


def test_a_halted_sweep_hands_out_nothing_and_stops_every_trial(data: Path, journal: Path) -> None:
    workers = Workers()
    happened: list[Row] = []
    coordinator = coordinator_of(plan_of(data, trials=5), journal, workers, lambda row, state: happened.append(row))
    coordinator.open(2)
    workers.fill(coordinator)
    full, later = OSError("disk is full"), OSError("something else")
    coordinator.halt(full)
    coordinator.halt(later)
    assert coordinator.halted is full
    assert coordinator.over
    assert coordinator.next() is None
    before = list(happened)
    workers.step(coordinator, 0)
    coordinator.fail(1, "its process died")
    coordinator.tick()
    assert workers.running.keys() == {1}
    assert happened == before


def test_a_halted_sweep_goes_on_when_it_is_resumed(data: Path, journal: Path) -> None:
    plan = plan_of(data, trials=3)
    workers = Workers()
    coordinator = coordinator_of(plan, journal, workers)
    coordinator.open(2)
    workers.fill(coordinator)
    coordinator.halt(OSError("disk is full"))
    resumed = coordinator_of(plan, journal, Workers(disk=workers.disk))
    resumed.restore(read(journal))
    resumed.open(2)
    assert not resumed.over
    assert [resumed.next().trial for _ in range(2)] == [0, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize("places", [1, 2])
def test_named_trainings_that_failed_before_any_epoch_start_again_once_they_are_mended(
    data: Path, journal: Path, monkeypatch: pytest.MonkeyPatch, places: int
) -> None:
    """Else a sweep that was resumed, as its message says, would have no baseline to compare its result with."""
    names = ["steady", "good", "shallow", "slow", "wild"]
    plan = plan_of(data, trials=12, enqueue=names, confirm_top=0, audit=0.0)

    def broken(recipe: Curves, settings: CurveSettings, number: int) -> Epoch:
        raise RuntimeError("no such file")

    with monkeypatch.context() as patched:
        patched.setattr(Curves, "epoch", broken)
        workers, written = Workers(places=places), Journal(journal)
        first = Coordinator(plan, written, delete=workers.disk.delete, clock=workers.clock)
        first.open(places)
        workers.run(first)
        written.flush()
    assert "failed alike" in str(first.halted)
    workers = Workers(places=places)
    resumed = coordinator_of(plan, journal, workers)
    resumed.restore(read(journal))
    resumed.open(places)
    assert resumed.state.to_repeat == names[:3]
    workers.run(resumed)
    trained = [trial.started.named for trial in resumed.state.trials.search if trial.curve.epoch]
    assert sorted(filter(None, trained)) == sorted(names)
    assert resumed.state.trials.ranking
    assert "the baseline" in best_line(resumed.state)
    assert len(resumed.state.trials.search) == 12
    again = coordinator_of(plan, journal, Workers())
    again.restore(read(journal))
    assert (again.state.to_repeat, again.state.repeated) == ([], 3)


def test_epochs_trained_again_after_a_restart_are_not_journalled_again(data: Path, journal: Path) -> None:
    plan = plan_of(data, trials=1, confirm_top=0)
    workers = Workers(checkpoint_every=3)
    written = Journal(journal)
    coordinator = Coordinator(plan, written, delete=workers.disk.delete, clock=workers.clock)
    coordinator.open(1)
    workers.fill(coordinator)
    workers.step(coordinator, 0)
    workers.step(coordinator, 0)
    workers.running.clear()  # its process dies: Ray gives the trial to another, which begins at the last checkpoint
    again = (
        done_of(0, Curves().epoch(CurveSettings(**coordinator.state.trials[0].started.settings), epoch))
        for epoch in (1, 2)
    )
    assert all(coordinator.report(done) for done in again)
    written.flush()
    assert [done.epoch for done in events(journal, EpochDone)] == [1, 2]
    assert coordinator.state.trials[0].curve.epoch == 2


def picture(coordinator: Coordinator) -> dict[str, Any]:
    """The whole state of a sweep, with its rungs and its study, but for wall-clock times."""
    state = coordinator.state
    return {
        "trials": {
            number: (trial.started, list(trial.curve.points), trial.status, list(trial.decisions))
            for number, trial in state.trials.items()
        },
        "rungs": rungs_of(coordinator),
        "running": list(state.trials.running),
        "waiting": list(state.trials.paused),
        "promotable": coordinator.scheduler.promotable(0),
        "epochs": state.epochs,
        "ended": state.ended,
        "finalists": finalist_numbers(state),
        "study": [
            (trial.state, trial.params, trial.intermediate_values, trial.values, trial.constraints)
            for trial in coordinator.searcher.study.trials
        ],
    }


SWEEP = {"trials": 5, "preset": "short", "confirm_top": 1, "confirm_seeds": 1, "sampler": "tpe", "seed": 11}
"""Ends its trials in every way: the baseline, a divergence, a rung, a budget, a confirmation."""


def whole(data: Path, **fields: Any) -> Plan:
    return plan_of(data, **SWEEP | fields, enqueue=["steady", "wild"], set={"epochs": 5})


def run_until(
    plan: Plan, journal: Path, workers: Workers, kill_after: int | None = None, flushed: bool = False
) -> Coordinator | None:
    """Run or go on with a sweep to its end; or kill it after so many events, with or without them on disk."""
    count = 0

    def listen(row: Row, state: SweepState) -> None:
        nonlocal count
        count += 1
        if count == kill_after:
            if flushed:  # Ctrl-C: `run` flushes on its way out
                written.flush()
            raise Killed

    past = list(read(journal)) if journal.is_dir() else []
    written = Journal(journal)
    coordinator = Coordinator(plan, written, delete=workers.disk.delete, listen=listen, clock=workers.clock)
    try:
        finish(coordinator, past, workers)
    except Killed:
        return None
    return coordinator


def check_whole(plan: Plan, journal: Path, coordinator: Coordinator) -> None:
    """What holds for a sweep that has ended, whatever happened on the way."""
    state = coordinator.state
    happened = [row.event for row in read(journal)]
    started = [event.trial for event in happened if isinstance(event, TrialStarted)]
    decided = [event for event in happened if isinstance(event, Decided)]
    epochs = [(event.trial, event.epoch) for event in happened if isinstance(event, EpochDone)]
    compared = [
        (decision.trial, decision.numbers["rung"], decision.numbers["peers"], decision.action)
        for decision in decided
        if decision.reason == "rung"
    ]
    assert started == list(range(len(started)))
    assert Counter(decision.trial for decision in decided if decision.action == "stop") == Counter(started)
    assert len(compared) == len(set(compared))
    assert len(epochs) == len(set(epochs))
    for number, trial in state.trials.items():
        assert [epoch for of, epoch in epochs if of == number] == list(range(1, trial.curve.epoch + 1))
    assert len(state.trials.search) == plan.spec.trials
    assert state.trials[0].started.named == "steady"
    assert state.trials[0].finished
    assert not [decision.detail for decision in decided if decision.reason == "failed"]
    for of in finalist_numbers(state):
        assert len(state.trials.confirmations(of)) == plan.spec.confirm_seeds
    study = coordinator.searcher.study.trials
    assert len(study) == plan.spec.trials
    assert not [study_trial for study_trial in study if study_trial.state is StudyState.RUNNING]
    assert state.ended is not None
    assert state.ended.trial >= 0


@pytest.mark.parametrize("policy", [{}, {"scheduler": "freeze_thaw", "sampler": "tpe"}], ids=str)
def test_the_journal_alone_gives_back_the_state_at_every_event(
    data: Path, journal: Path, policy: dict[str, Any]
) -> None:
    """Rungs, study and trials are the same whether events happen or are read back: the journal is the truth."""
    plan = whole(data, **policy)
    pictures: list[dict[str, Any]] = []
    workers = Workers(places=2)
    coordinator = coordinator_of(plan, journal, workers, lambda row, state: pictures.append(picture(coordinator)))
    coordinator.open(2)
    workers.run(coordinator)
    coordinator.end(result(coordinator.state))
    rows = list(read(journal))
    assert len(rows) == len(pictures)
    assert {trial.decision.reason for trial in coordinator.state.trials.values() if trial.decision} >= {
        "done",
        "rung",
        "diverging",
    }
    for cut in range(1, len(rows) + 1):
        resumed = coordinator_of(plan, journal.with_name(f"cut-{cut}"), Workers())
        resumed.restore(rows[:cut])
        assert picture(resumed) == pictures[cut - 1], f"after event {cut}: {rows[cut - 1].event}"


@pytest.mark.parametrize("flushed", [True, False], ids=["nothing-lost", "unflushed-lost"])
def test_a_sweep_killed_at_any_event_goes_on_and_ends_as_it_should(data: Path, tmp_path: Path, flushed: bool) -> None:
    plan = whole(data)
    uncut = run_until(plan, tmp_path / "uncut", Workers())
    assert uncut is not None
    check_whole(plan, tmp_path / "uncut", uncut)
    for kill_after in range(1, len(list(read(tmp_path / "uncut"))) + 1, 1 if flushed else 3):
        journal = tmp_path / f"killed-{kill_after}"
        disk = Disk()
        assert run_until(plan, journal, Workers(disk=disk, checkpoint_every=2), kill_after, flushed) is None
        resumed = run_until(plan, journal, Workers(disk=disk, checkpoint_every=2))
        assert resumed is not None
        check_whole(plan, journal, resumed)


@pytest.mark.parametrize(
    "policy", [{}, {"sampler": "rank_gp"}, {"sampler": "gp"}, {"scheduler": "freeze_thaw", "sampler": "tpe"}], ids=str
)
def test_a_killed_sweep_draws_and_decides_as_the_unbroken_one_does(
    data: Path, tmp_path: Path, policy: dict[str, Any]
) -> None:
    """One trial at a time: with several, what a kill changes is who arrives first at a rung."""
    plan = plan_of(data, trials=14, preset="short", seed=3, confirm_top=1, confirm_seeds=1, **policy)

    def log(coordinator: Coordinator) -> list[Any]:
        trials = coordinator.state.trials.values()
        return [(trial.started, [replace(decision, numbers={}) for decision in trial.decisions]) for trial in trials]

    uncut = run_until(plan, tmp_path / "uncut", Workers(places=1))
    assert uncut is not None
    assert {decision.reason for trial in uncut.state.trials.values() for decision in trial.decisions} >= {
        "rung",
        "done",
    }
    events_there = len(list(read(tmp_path / "uncut")))
    for kill_after in range(2, events_there, 50 if "sampler" in policy else 23):
        journal, disk = tmp_path / f"killed-{kill_after}", Disk()
        assert run_until(plan, journal, Workers(places=1, disk=disk, checkpoint_every=2), kill_after) is None
        resumed = run_until(plan, journal, Workers(places=1, disk=disk, checkpoint_every=2))
        assert resumed is not None
        assert log(resumed) == log(uncut), f"killed after event {kill_after}"


def test_a_sweep_killed_over_and_over_comes_to_its_end(data: Path, journal: Path) -> None:
    plan = whole(data)
    disk = Disk()
    for _ in range(200):
        coordinator = run_until(plan, journal, Workers(disk=disk), kill_after=4, flushed=True)
        if coordinator is not None:
            check_whole(plan, journal, coordinator)
            return
    pytest.fail("no progress")


def test_after_a_resume_the_search_does_not_repeat_its_first_draws(data: Path, journal: Path) -> None:
    plan = plan_of(data, trials=8, sampler="random", scheduler="none", confirm_top=0)
    disk = Disk()
    run_until(plan, journal, Workers(places=1, disk=disk), kill_after=14, flushed=True)
    coordinator = run_until(plan, journal, Workers(places=1, disk=disk))
    assert coordinator is not None
    drawn = [trial.started.drawn["quality"] for trial in coordinator.state.trials.search]
    assert len(set(drawn)) == 8
