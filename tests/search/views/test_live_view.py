"""A sweep on a terminal while it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from search.control.coordinator import Coordinator
from search.state.sweep_state import SweepState
from search.views.live_view import best_line, head_lines, live_view, progress_line, stage
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of


@pytest.fixture
def running(data: Path, tmp_path: Path) -> Coordinator:
    """A sweep whose baseline has ended and is surpassed; others run or are paused."""
    workers = Workers()
    plan = plan_of(data, trials=30, preset="long", enqueue=["steady", "good"], audit=0.0)
    coordinator = coordinator_of(plan, tmp_path / "journal", workers)
    coordinator.open(2)
    while coordinator.state.trials.finished < 2 or len(coordinator.state.trials.search) < 20:
        workers.fill(coordinator)
        workers.step(coordinator, min(workers.running))
    workers.fill(coordinator)
    return coordinator


def shown(state: SweepState, width: int, height: int = 30) -> list[str]:
    console = Console(width=width, height=height, no_color=True, highlight=False, legacy_windows=False)
    with console.capture() as capture:
        console.print(live_view(state, "mine: curves, long preset", console))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_it_says_how_far_the_sweep_is(running: Coordinator) -> None:
    title, clock, rates, best, now, *_ = shown(running.state, 100)
    assert title == "mine: curves, long preset"
    assert "% " in clock
    assert " so far, about " in clock
    assert clock.endswith(" left")
    assert rates.startswith("search: trial ")
    assert " epochs and " in rates
    assert rates.endswith(" trials an hour")
    assert best.startswith("best so far: score 0.")
    assert " against the baseline" in best
    numbers = [str(number) for number in running.state.trials.running]
    assert now.startswith("now training: ")
    assert all(number in now for number in numbers)


@pytest.mark.parametrize(("width", "height"), [(60, 24), (70, 24), (80, 24), (140, 24), (140, 50)])
def test_it_fits_on_its_terminal(running: Coordinator, width: int, height: int) -> None:
    lines = shown(running.state, width, height)
    assert len(lines) < height
    assert max(map(len, lines)) <= width


def test_where_there_is_room_each_trial_has_its_settings(running: Coordinator) -> None:
    assert "settings" not in "\n".join(shown(running.state, 80))
    wide = "\n".join(shown(running.state, 140))
    assert "settings" in wide
    assert "quality=0.6" in wide


def test_the_best_is_the_baseline_until_another_is_better(data: Path) -> None:
    assert best_line(SweepState(plan_of(data))) == "best so far: no score yet"


def test_a_log_has_the_same_on_one_line(running: Coordinator, ended: SweepState) -> None:
    line = progress_line(running.state)
    assert " so far, about " in line
    assert line.endswith(best_line(running.state))
    assert stage(running.state) in line
    assert next(iter(head_lines(ended))).startswith("search: trial 12 of 12 · ")


def test_a_confirmation_is_called_that(data: Path, tmp_path: Path) -> None:
    stages: list[str] = []
    workers = Workers()
    plan = plan_of(data, trials=4, confirm_top=1, audit=0.0)
    coordinator = coordinator_of(plan, tmp_path / "journal", workers, lambda row, state: stages.append(stage(state)))
    coordinator.open(1)
    workers.run(coordinator)
    assert stages[0] == "search: trial 0 of 4"
    assert "confirmation: training 1 on fresh seeds" in stages
