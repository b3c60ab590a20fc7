"""How fast a sweep runs, and how long it will still take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from search.journal.events import EpochDone
from search.journal.segments import read
from search.state.sweep_state import SweepState
from search.sweep.plan import Plan
from search.views.pace import confirmations, pace
from tests.support.fakes import plan_of
from tests.support.workers import swept


def test_an_ended_sweep_has_nothing_left(ended: SweepState) -> None:
    speed = pace(ended)
    assert (speed.remaining, speed.share) == (0.0, 1.0)
    epochs = sum(trial.curve.epoch for trial in ended.trials.values())
    assert speed.epochs_an_hour == pytest.approx(epochs / ended.active_seconds * 3600)
    assert speed.trials_an_hour == pytest.approx(12 / ended.active_seconds * 3600)


def test_before_the_first_epoch_nothing_is_known(data: Path) -> None:
    speed = pace(SweepState(plan_of(data)))
    assert (speed.remaining, speed.share, speed.epochs_an_hour) == (None, 0.0, 0.0)


def replayed(plan: Plan, folder: Path, rows: int | None = None) -> Iterator[SweepState]:
    """The state of a sweep after each of its first `rows` events, if its two workers were always busy."""
    swept(plan, folder)
    state, time = SweepState(plan), 0.0
    for row in list(read(folder))[:rows]:
        time += sum(row.event.seconds.values()) / 2 if isinstance(row.event, EpochDone) else 0.0
        state.apply(replace(row, time=time))
        yield state


@pytest.mark.parametrize("scheduler", ["asha", "none"])
def test_the_time_left_becomes_what_it_takes(data: Path, tmp_path: Path, scheduler: str) -> None:
    plan = plan_of(data, trials=30, preset="long", audit=0.0, scheduler=scheduler)
    paces = list(map(pace, replayed(plan, tmp_path / "journal")))
    total = paces[-1].elapsed
    guesses = [
        speed.elapsed + (speed.remaining or 0.0) for speed in paces if 0.2 * total <= speed.elapsed <= 0.95 * total
    ]
    assert min(guesses) > 0.7 * total
    assert max(guesses) < 1.4 * total


@pytest.mark.parametrize("limit", [{"hours": 0.05}, {"epochs": 360, "confirm_top": 0}])
def test_the_hours_and_the_epochs_limit_the_time_left(data: Path, tmp_path: Path, limit: dict[str, float]) -> None:
    *_, state = replayed(plan_of(data, trials=100, preset="long", audit=0.0, **limit), tmp_path / "journal", rows=100)
    speed = pace(state)
    assert speed.remaining is not None
    assert speed.elapsed + speed.remaining == pytest.approx(180, rel=0.1)


def test_the_confirmation_has_a_training_for_each_seed_of_each_finalist(data: Path) -> None:
    assert confirmations(plan_of(data, trials=20)) == 2 * (3 + 1)
    assert confirmations(plan_of(data, trials=20, enqueue=[])) == 2 * 3, "there is no baseline to confirm"
    assert confirmations(plan_of(data, trials=20, confirm_top=0)) == 0
    plan = plan_of(data, trials=20, confirm_top=2, confirm_seeds=3, audit=0.0)
    assert confirmations(plan) == 9
