"""With several workers the order of arrival is free; each decision still follows from the events before it."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.control.coordinator import Coordinator
from search.journal.events import Decided, EpochDone, Row
from search.journal.segments import read
from search.state.sweep_state import SweepState
from search.sweep.plan import Plan
from tests.support.explained import unexplained
from tests.support.fakes import plan_of
from tests.support.workers import Killed, Workers, coordinator_of, finish


class FreeOrder(Workers):
    """Its trials report in any order, as processes do."""

    chance = random.Random(0)

    def run(self, coordinator: Coordinator) -> None:
        while not coordinator.over:
            self.fill(coordinator)
            for trial in self.chance.sample(sorted(self.running), self.chance.randint(0, len(self.running))):
                self.step(coordinator, trial)
            self.clock.seconds += self.epoch_seconds


def plan_with(data: Path, **fields: Any) -> Plan:
    return plan_of(data, trials=12, preset="long", confirm_top=1, confirm_seeds=2, **fields)


def swept_with_kills(plan: Plan, journal: Path, workers: int, seed: int) -> list[Row]:
    """The journal of a sweep whose driver was killed three times, with or without its last events on disk."""
    places = FreeOrder(workers)
    places.chance = random.Random(seed)
    kill_at = [places.chance.randrange(10, 60) for _ in range(3)]
    while True:
        count = iter(range(10**6))

        def listen(row: Row, state: SweepState, count: Any = count) -> None:
            if kill_at and next(count) == kill_at[-1]:
                kill_at.pop()
                raise Killed

        past = list(read(journal)) if journal.is_dir() else []
        try:
            finish(coordinator_of(plan, journal, places, listen), past, places)
            return list(read(journal))
        except Killed:
            places.running.clear()


@pytest.mark.parametrize("scheduler", ["asha", "stopping"])
@pytest.mark.parametrize("workers", [2, 4])
def test_each_decision_follows_from_the_events_before_it_whoever_arrives_first_and_whenever_it_is_killed(
    data: Path, tmp_path: Path, scheduler: str, workers: int
) -> None:
    plan = plan_with(data, scheduler=scheduler)
    for seed in range(2):
        rows = swept_with_kills(plan, tmp_path / f"journal-{seed}", workers, seed)
        assert sum(isinstance(row.event, Decided) for row in rows) > 12
        assert unexplained(plan, rows) == []


def test_a_trial_that_ends_over_a_limit_does_so_for_what_it_cost_before(data: Path, journal: Path) -> None:
    plan = plan_with(data, limits={"epoch_seconds": {"high": 0.3}})
    rows = swept_with_kills(plan, journal, 4, 0)
    assert any(isinstance(row.event, Decided) and row.event.reason == "over_limit" for row in rows)
    assert unexplained(plan, rows) == []


def test_a_decision_that_does_not_follow_is_found(data: Path, journal: Path) -> None:
    plan = plan_with(data, scheduler="asha")
    rows = swept_with_kills(plan, journal, 2, 0)
    ranked = next(row for row in reversed(rows) if isinstance(row.event, Decided) and row.event.reason == "rung")
    ended = next(row for row in reversed(rows) if isinstance(row.event, Decided) and row.event.reason == "done")
    trained = next(row for row in rows if isinstance(row.event, EpochDone) and row.event.epoch == 2)
    assert isinstance(ranked.event, Decided)
    assert isinstance(trained.event, EpochDone)
    other_rank = replace(ranked, event=replace(ranked.event, numbers=ranked.event.numbers | {"rank": 99}))
    other_score = replace(trained, event=replace(trained.event, metrics={"score": 0.0}))
    for journal_row, instead in ((ranked, [other_rank]), (ended, []), (trained, [other_score])):
        tampered = [replacement for row in rows for replacement in (instead if row is journal_row else [row])]
        assert unexplained(plan, tampered)
