"""A sweep that has ended is given more to do, and continues as if it had never ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.control.coordinator import Coordinator
from search.control.reopen import extend
from search.journal.events import Decided, EpochDone, SweepEnded, SweepExtended, TrialStarted
from search.journal.segments import Journal, read
from search.state.extension import changes, taken_back
from search.state.follower import SweepFollower
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan
from tests.support.fakes import plan_of
from tests.support.workers import Disk, Killed, Workers, finish
from trainables.errors import SteadytuneError


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    return SweepFolder(tmp_path, "sweep")


def run(plan: Plan, folder: SweepFolder, workers: Workers, kill_after: int | None = None) -> Coordinator:
    """Run the sweep, or continue it, as `search.run` does."""
    rows = list(read(folder.journal)) if folder.journal.is_dir() else []
    count = 0

    def listen(row: object, state: object) -> None:
        nonlocal count
        count += 1
        if count == kill_after:
            raise Killed

    journal = Journal(folder.journal)
    coordinator = Coordinator(plan, journal, delete=workers.disk.delete, listen=listen, clock=workers.clock)
    finish(coordinator, rows, workers)
    return coordinator


def events(folder: SweepFolder, kind: type[Any]) -> list[Any]:
    return [row.event for row in read(folder.journal) if isinstance(row.event, kind)]


FIELDS: dict[str, Any] = {"preset": "short", "seed": 3, "confirm_top": 2, "confirm_seeds": 1, "audit": 0.2}


POLICIES: list[dict[str, Any]] = [
    {},
    {"scheduler": "freeze_thaw", "sampler": "tpe"},
    {"scheduler": "stopping"},
    {"scheduler": "none"},
    {"sampler": "gp"},
]


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_an_ended_sweep_starts_the_trials_that_it_was_given(
    data: Path, folder: SweepFolder, policy: dict[str, Any]
) -> None:
    disk = Disk()
    first = run(plan_of(data, trials=10, **FIELDS, **policy), folder, Workers(disk=disk))
    assert first.state.ended is not None
    more = plan_of(data, trials=22, **FIELDS, **policy)
    assert extend(more, folder).ended is None
    again = run(more, folder, Workers(disk=disk))
    state = again.state
    assert len(state.trials.search) == 22 or again.scheduler.over
    assert len(state.trials.search) > len(first.state.trials.search)
    assert state.ended is not None
    assert not state.trials.running
    assert not state.trials.paused
    epochs = [(event.trial, event.epoch) for event in events(folder, EpochDone)]
    assert len(epochs) == len(set(epochs)), "no epoch counts twice, also of trials that were trained again"
    numbers = [event.trial for event in events(folder, TrialStarted)]
    assert numbers == list(range(len(numbers))), "no number is used twice"
    assert [event.changes for event in events(folder, SweepExtended)] == [{"trials": [10, 22]}]
    assert len(events(folder, SweepEnded)) == 2
    best = max(trial.curve.smoothed_value or 0.0 for trial in state.trials.ranking)
    assert best >= max(trial.curve.smoothed_value or 0.0 for trial in first.state.trials.ranking)
    assert len(again.searcher.study.trials) == sum(trial.in_study for trial in state.trials.values())


def test_trials_that_were_paused_when_the_search_finished_take_part_again(data: Path, folder: SweepFolder) -> None:
    disk = Disk()
    run(plan_of(data, trials=12, **FIELDS), folder, Workers(disk=disk))
    closed = {
        event.trial for event in events(folder, Decided) if event.action == "stop" and "search finished" in event.detail
    }
    assert len(closed) > 2
    more = plan_of(data, trials=40, **FIELDS)
    extend(more, folder)
    state = SweepFollower(_stored(folder, more)).read()
    assert {trial.number for trial in state.trials.paused.values()} == closed
    run(more, folder, Workers(disk=disk))
    for number in closed:
        first, *later = [event for event in events(folder, Decided) if event.trial == number and event.action == "stop"]
        assert later, "it was compared again"
        assert all(event.numbers["peers"] > first.numbers["peers"] for event in later)


def _stored(folder: SweepFolder, plan: Plan) -> SweepFolder:
    folder.spec_file.write_text(plan.spec.dump())
    return folder


def test_the_state_read_back_is_the_driver_s(data: Path, folder: SweepFolder) -> None:
    disk = Disk()
    run(plan_of(data, trials=8, **FIELDS), folder, Workers(disk=disk))
    more = plan_of(data, trials=14, **FIELDS)
    extend(more, folder)
    driver = run(more, folder, Workers(disk=disk)).state
    reader = SweepFollower(_stored(folder, more)).read()
    for number, trial in driver.trials.items():
        assert reader.trials[number].decisions == trial.decisions
        assert reader.trials[number].status == trial.status
    assert reader.ended == driver.ended
    assert [event.changes for event in reader.extensions] == [{"trials": [8, 14]}]


def test_a_sweep_is_extended_twice_and_killed_in_between(data: Path, folder: SweepFolder) -> None:
    disk = Disk()
    run(plan_of(data, trials=6, **FIELDS), folder, Workers(disk=disk))
    for trials in (12, 18):
        more = plan_of(data, trials=trials, **FIELDS)
        extend(more, folder)
        for kill_after in (1, 2, 5, 17):
            with pytest.raises(Killed):
                run(more, folder, Workers(disk=disk), kill_after)
            extend(more, folder)
        state = run(more, folder, Workers(disk=disk)).state
        assert len(state.trials.search) == trials
        epochs = [(event.trial, event.epoch) for event in events(folder, EpochDone)]
        assert len(epochs) == len(set(epochs))
    assert len(events(folder, SweepExtended)) == 2, "a change is recorded once, however often the sweep is resumed"


def test_a_trial_that_the_budget_ended_is_trained_on(data: Path, folder: SweepFolder) -> None:
    disk = Disk()
    first = run(plan_of(data, trials=9, epochs=15, **FIELDS), folder, Workers(disk=disk))
    ended = [
        trial.number for trial in first.state.trials.search if trial.decision and trial.decision.reason == "budget"
    ]
    assert ended
    more = plan_of(data, trials=9, epochs=80, **FIELDS)
    extend(more, folder)
    state = run(more, folder, Workers(disk=disk)).state
    assert all((decision := state.trials[number].decision) and decision.reason != "budget" for number in ended)
    assert len(state.trials.search) == 9


def test_a_sweep_that_is_given_nothing_stays_ended(data: Path, folder: SweepFolder) -> None:
    plan = plan_of(data, trials=5, **FIELDS)
    run(plan, folder, Workers())
    assert extend(plan, folder).ended is not None
    assert extend(plan_of(data, trials=4, **FIELDS), folder).ended is not None
    assert extend(plan_of(data, trials=5, workers=7, **FIELDS), folder).ended is not None


def test_a_sweep_from_before_descriptions_were_recorded_is_given_more_trials(data: Path, folder: SweepFolder) -> None:
    plan = plan_of(data, trials=5, **FIELDS)
    run(plan, folder, Workers())
    rows = [row.event for row in read(folder.journal)]
    old = SweepFolder(folder.root, "old")
    journal = Journal(old.journal)
    for event in rows:
        journal.append(type(event)(2) if event.event == "opened" else event)  # type: ignore[call-arg,arg-type]
    journal.flush()
    assert extend(plan, old).ended is not None
    assert extend(plan_of(data, trials=9, **FIELDS), old).ended is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"seed": 4}, "seed is 4, but the sweep began with 3"),
        ({"set": {"diverge_at": 3}}, "diverge_at of sweep sweep is 3, but the sweep began with the preset's value"),
        ({"scheduler": "stopping"}, "scheduler is stopping, but the sweep began with asha"),
    ],
)
def test_what_decides_about_trials_cannot_be_changed(
    data: Path, folder: SweepFolder, fields: dict[str, Any], words: str
) -> None:
    run(plan_of(data, trials=4, **FIELDS), folder, Workers())
    with pytest.raises(SteadytuneError, match=f"{words}; .* set it back, or launch a new sweep"):
        extend(plan_of(data, **{"trials": 8} | FIELDS | fields), folder)


def test_hours_that_are_used_up_are_named(data: Path, folder: SweepFolder) -> None:
    plan = plan_of(data, trials=4, **FIELDS)
    run(plan, folder, Workers())
    journal = list(read(folder.journal))
    seconds = journal[-1].time - journal[0].time
    spent = plan_of(data, trials=9, hours=max(seconds, 1e-6) / 7200, **FIELDS)
    with pytest.raises(SteadytuneError, match=r"has used up its .* hours; give it more with --hours"):
        extend(spent, folder)
    assert not events(folder, SweepExtended)


def test_epochs_that_are_used_up_are_named(data: Path, folder: SweepFolder) -> None:
    """More trials would find none to train with: the sweep ended again at once, without a word."""
    run(plan_of(data, trials=4, total_epochs=6, **FIELDS), folder, Workers())
    with pytest.raises(SteadytuneError, match=r"has used up its 6 epochs; give it more with --total-epochs, counted"):
        extend(plan_of(data, trials=9, total_epochs=6, **FIELDS), folder)
    assert not events(folder, SweepExtended)
    assert extend(plan_of(data, trials=9, total_epochs=6, **FIELDS | {"confirm_seeds": 2}), folder).ended is None


def test_nothing_is_taken_back_without_an_extension(data: Path, folder: SweepFolder) -> None:
    plan = plan_of(data, trials=5, **FIELDS)
    run(plan, folder, Workers())
    assert taken_back(read(folder.journal)) == {}
    assert changes(plan.spec.model_dump(mode="json", exclude_none=True), plan.spec) == {}
