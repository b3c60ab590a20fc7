from __future__ import annotations

import dataclasses
import inspect
import time
from heapq import heappop, heappush
from pathlib import Path

import pytest

from search.control.budget import seconds_for
from search.control.coordinator import Coordinator
from search.journal.segments import read
from search.state.outcome import result
from tests.support.fakes import plan_of
from tests.support.workers import Clock, Workers, confirmations, coordinator_of, ends, reasons, swept


def test_the_search_ends_with_its_epochs(data: Path, journal: Path) -> None:
    workers = Workers(places=2)
    coordinator = swept(plan_of(data, trials=100, epochs=21, confirm_top=1, confirm_seeds=1), journal, workers)
    assert 21 <= coordinator.state.epochs < 21 + workers.places
    stopped = [ending for ending in ends(journal).values() if ending.reason == "budget"]
    assert all(ending.detail == "the sweep's 21 epochs are used up" for ending in stopped)
    assert len(stopped) <= workers.places
    again = [trial for trial in coordinator.state.trials.values() if trial.started.kind == "confirm"]
    assert again
    assert all(trial.finished for trial in again)


@pytest.mark.parametrize("places", [1, 2, 4])
def test_the_sweep_ends_within_its_hours_with_its_confirmation(data: Path, journal: Path, places: int) -> None:
    clock = Clock()
    workers = Workers(places=places, clock=clock, epoch_seconds=60.0)
    coordinator = swept(plan_of(data, trials=1000, hours=1.5, confirm_top=2, confirm_seeds=2), journal, workers)
    assert clock.seconds - 1000 <= 1.5 * 3600 + 60
    assert len(coordinator.state.trials.search) > 10
    confirmed = confirmations(coordinator)
    assert all(len(seeds) == 2 for seeds in confirmed.values())
    assert all(trial.finished for of in confirmed for trial in coordinator.state.trials.confirmations(of))


class Uneven(Workers):
    """Workers on whom a better trial's epochs take longer, as a larger model's do: up to four times as long."""

    def run(self, coordinator: Coordinator) -> None:
        ends: list[tuple[float, int]] = []  # when the epoch of a running trial ends
        while not coordinator.over:
            before = set(self.running)
            self.fill(coordinator)
            for trial in self.running.keys() - before:
                heappush(ends, (self.clock.seconds + self._pace(trial), trial))
            self.clock.seconds, trial = heappop(ends)
            self.step(coordinator, trial)
            if trial in self.running:
                heappush(ends, (self.clock.seconds + self._pace(trial), trial))

    def step(self, coordinator: Coordinator, trial: int) -> None:
        self.epoch_seconds = self._pace(trial)
        super().step(coordinator, trial)

    def _pace(self, trial: int) -> float:
        return 20.0 * float(4 ** self.running[trial][1].settings["quality"])


@pytest.mark.parametrize("places", [1, 4])
def test_finalists_that_are_slower_than_the_other_trials_are_confirmed_within_the_hours(
    data: Path, journal: Path, places: int
) -> None:
    workers = Uneven(places=places, clock=(clock := Clock()))
    coordinator = swept(plan_of(data, trials=1000, hours=2.0, confirm_top=2, confirm_seeds=3), journal, workers)
    assert clock.seconds - 1000 <= 2 * 3600 + 80
    confirmed = confirmations(coordinator)
    assert confirmed
    assert all(len(seeds) == 3 for seeds in confirmed.values())
    assert all(trial.finished for of in confirmed for trial in coordinator.state.trials.confirmations(of))


def test_trainings_start_in_turn_as_soon_as_a_worker_is_free() -> None:
    assert seconds_for([3.0, 1.0, 1.0, 1.0], workers=2) == 3.0
    assert seconds_for([1.0, 1.0, 3.0], workers=2) == 4.0
    assert seconds_for([2.0] * 5, workers=2) == 6.0
    assert seconds_for([], workers=2) == 0.0


def test_a_sweep_whose_hours_are_too_few_ends_all_the_same(data: Path, journal: Path) -> None:
    workers = Workers(epoch_seconds=3600.0)
    coordinator = swept(plan_of(data, trials=10, hours=0.5, scheduler="none"), journal, workers)
    assert set(reasons(coordinator).values()) == {"budget"}
    assert result(coordinator.state).trial == -1


def test_what_trainings_had_reached_when_the_hours_ended_is_the_result(data: Path, journal: Path) -> None:
    workers = Workers(epoch_seconds=900.0)
    plan = plan_of(data, trials=10, hours=0.9, scheduler="none", confirm_top=0, set={"epochs": 9})
    coordinator = swept(plan, journal, workers)
    assert set(reasons(coordinator).values()) == {"budget"}
    assert result(coordinator.state).trial == coordinator.state.trials.ranking[0].number


def test_hours_too_few_for_the_confirmation_are_shared_with_it(data: Path, journal: Path) -> None:
    """Six more trainings would take nearly three times these hours: the search has two thirds."""
    clock = Clock()
    workers = Workers(places=2, clock=clock, epoch_seconds=40.0)
    few = {"hours": 0.1, "confirm_top": 2, "confirm_seeds": 2, "set": {"epochs": 8}}
    coordinator = swept(plan_of(data, scheduler="none", **few), journal, workers)
    assert clock.seconds - 1000 <= 360 + 40
    baseline, other = coordinator.state.trials.search
    assert baseline.finished
    assert other.curve.epoch == 7  # reported after 240 of the 360 s
    details = {number: end.detail for number, end in ends(journal).items() if end.reason == "budget"}
    assert details.pop(1) == "the sweep's 0.1 hours are used up (the rest is reserved for the confirmation)"
    assert set(details.values()) == {"the sweep's 0.1 hours are used up"}


def test_a_slow_start_does_not_use_up_the_hours(data: Path, journal: Path) -> None:
    """The first epoch of a sweep comes late: workers start cold, and the other seven have not reported yet."""
    clock = Clock()
    workers = Workers(places=8, clock=clock, epoch_seconds=10.0)
    plan = plan_of(data, trials=1000, hours=0.1, set={"epochs": 8})
    coordinator = coordinator_of(plan, journal, workers)
    coordinator.open(8)
    clock.seconds += 60.0
    workers.run(coordinator)
    assert coordinator.state.trials[0].finished
    assert len(coordinator.state.trials.search) > 16


def test_hours_before_an_interruption_count_and_the_pause_does_not(data: Path, journal: Path) -> None:
    plan = plan_of(data, trials=1000, hours=1.0, confirm_top=0)
    coordinator = coordinator_of(plan, journal, Workers())
    coordinator.open(1)
    coordinator.next()
    coordinator.end(result(coordinator.state))
    rows = [
        dataclasses.replace(row, time=100.0 + 1200 * number, event=row.event)
        for number, row in enumerate(read(journal))
    ][:2]  # 1200 s between them; the third says that it ended
    clock = Clock(seconds=1e6)
    resumed = coordinator_of(plan, journal, Workers(clock=clock))
    resumed.restore(rows)
    clock.seconds += 2399
    assert resumed.next() is not None
    clock.seconds += 2
    assert resumed.next() is None


def test_hours_are_counted_by_a_clock_that_nobody_sets() -> None:
    assert inspect.signature(Coordinator).parameters["clock"].default is time.monotonic
