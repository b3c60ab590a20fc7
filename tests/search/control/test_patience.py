from __future__ import annotations

import math
import random
import statistics
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.control.coordinator import Coordinator
from search.control.patience import enough, noise
from search.journal.events import Row, SearchEnded
from search.journal.segments import read
from search.state.outcome import finalist_numbers, result
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan
from search.sweep.spec import SweepSpec
from search.views.summary import summary
from tests.support.fakes import plan_of
from tests.support.workers import Disk, Killed, Workers, coordinator_of, swept
from trainables.errors import SettingsError

NOISES = [0.01, 0.01, 0.01]


# --- the rule ----------------------------------------------------------------------------------------------------


def test_a_search_ends_once_its_last_trials_gained_less_than_the_noise() -> None:
    ended = enough([0.2, 0.5, 0.6, 0.605, 0.3, 0.602], NOISES, 3)
    assert ended is not None
    assert ended.detail == "the last 3 finished trials gained 0.0050, less than the noise of the metric, 0.0100"
    assert ended.numbers == {"gain": pytest.approx(0.005), "noise": 0.01, "patience": 3.0}


def test_a_gain_above_the_noise_keeps_it_going() -> None:
    assert enough([0.2, 0.5, 0.6, 0.62, 0.3, 0.4], NOISES, 3) is None


def test_nothing_is_said_before_twice_the_patience() -> None:
    assert enough([0.6, 0.1, 0.1, 0.1, 0.1], NOISES, 3) is None


def test_nothing_is_said_while_the_noise_is_unknown() -> None:
    assert enough([0.6] * 6, [0.01, 0.01], 3) is None
    assert enough([0.6] * 6, [0.01, 0.01, 0.0], 3) is None


levels = st.lists(st.integers(0, 1000).map(float), max_size=40)
noises = st.lists(st.integers(0, 100).map(float), max_size=8)


@given(levels, noises, st.integers(1, 12))
def test_it_ends_only_where_the_best_has_stood_still(values: list[float], noise: list[float], patience: int) -> None:
    ended = enough(values, noise, patience)
    if ended is not None:
        assert 0 <= ended.numbers["gain"] < ended.numbers["noise"]
        assert max(values) - max(values[:-patience]) == ended.numbers["gain"]


@given(levels, noises, st.integers(1, 12), st.integers(1, 1000), st.integers(-1000, 1000))
def test_the_unit_of_the_metric_does_not_matter(
    values: list[float], noise: list[float], patience: int, factor: int, offset: int
) -> None:
    moved = [factor * value + offset for value in values]
    in_one_unit, in_another = (
        enough(values, noise, patience),
        enough(moved, [factor * deviation for deviation in noise], patience),
    )
    assert (in_one_unit is None) == (in_another is None)


@given(levels, noises, st.integers(1, 12))
def test_more_noise_never_keeps_it_going(values: list[float], noise: list[float], patience: int) -> None:
    if enough(values, noise, patience):
        assert enough(values, [2 * value for value in noise], patience)


def test_a_steady_rise_is_no_noise() -> None:
    assert noise([0.1 * epoch for epoch in range(20)]) == pytest.approx(0.0, abs=1e-12)


def test_the_noise_of_a_metric_is_found_under_its_rise() -> None:
    source = random.Random(0)
    scatters = [
        noise([1 - math.exp(-0.2 * epoch) + source.gauss(0, 0.01) for epoch in range(1, 28)]) for _ in range(200)
    ]
    assert statistics.median(scatters) == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.9, 0.1, 0.7]])
def test_a_short_curve_says_nothing_of_its_noise(values: list[float]) -> None:
    assert noise(values) == 0.0


# --- in a sweep --------------------------------------------------------------------------------------------------

SWEEP: dict[str, Any] = {"trials": 60, "patience": 6, "scheduler": "none", "confirm_top": 1, "confirm_seeds": 1}
CHOICES = {"epochs": 6, "noise": 0.02, "shape": "fast", "quality": {"low": 0.5, "high": 0.6}}


def ending(data: Path, **fields: Any) -> Plan:
    """A sweep whose trials soon differ by less than their noise."""
    return plan_of(data, **SWEEP | {"set": CHOICES} | fields)


def ends(journal: Path) -> list[SearchEnded]:
    return [row.event for row in read(journal) if isinstance(row.event, SearchEnded)]


def test_a_sweep_ends_its_search_and_still_confirms(data: Path, tmp_path: Path) -> None:
    state = swept(ending(data), tmp_path / "journal").state
    assert 12 <= len(state.trials.search) < 60
    assert [state.search_ended] == ends(tmp_path / "journal")
    assert len(state.trials.confirmations(finalist_numbers(state)[0])) == 1
    assert not state.trials.running


def test_without_patience_every_trial_is_run(data: Path, tmp_path: Path) -> None:
    state = swept(ending(data, patience=None, trials=20), tmp_path / "journal").state
    assert len(state.trials.search) == 20
    assert ends(tmp_path / "journal") == []


def test_what_waits_may_still_go_on_after_the_search_has_ended(data: Path, tmp_path: Path) -> None:
    choices = {**CHOICES, "epochs": 9}
    plan = ending(data, trials=120, patience=3, scheduler="asha", reduction_factor=2.0, grace_epochs=1, set=choices)
    state = swept(plan, tmp_path / "journal").state
    assert state.search_ended is not None
    assert not state.trials.paused


def test_the_reason_is_in_the_last_words(data: Path, tmp_path: Path) -> None:
    plan = ending(data)
    folder = SweepFolder.create(tmp_path, plan.spec)
    coordinator = swept(plan, folder.journal)
    coordinator.end(result(coordinator.state))
    words = "\n".join(str(item) for item in summary(coordinator.state, folder))
    trials = len(coordinator.state.trials.search)
    assert f"The search ended early, after {trials} of 60 trials: the last 6 finished trials gained" in words


def test_killed_at_any_event_it_ends_once_and_draws_no_more(data: Path, tmp_path: Path) -> None:
    plan = ending(data, patience=3, confirm_top=0)
    uncut = tmp_path / "uncut"
    swept(plan, uncut)
    rows = list(read(uncut))
    number_of_end = next(number for number, row in enumerate(rows, 1) if isinstance(row.event, SearchEnded))
    for kill_after in range(number_of_end - 3, min(number_of_end + 3, len(rows))):
        journal, disk = tmp_path / f"killed-{kill_after}", Disk()
        killed(plan, journal, disk, kill_after)
        drawn = len({row.event.trial for row in read(journal) if row.event.event == "trial"})  # type: ignore[union-attr]
        over = bool(ends(journal))
        coordinator = coordinator_of(plan, journal, Workers(disk=disk))
        coordinator.restore(read(journal))
        assert (coordinator.state.search_ended is not None) == over
        coordinator.open(2)
        Workers(disk=disk).run(coordinator)
        assert len(ends(journal)) == 1
        assert not over or len(coordinator.state.trials.search) == drawn


def killed(plan: Plan, journal: Path, disk: Disk, kill_after: int) -> None:
    """Run a sweep and kill it after so many events, all of them on disk."""
    count = 0

    def listen(row: Row, state: SweepState) -> None:
        nonlocal count
        count += 1
        if count == kill_after:
            coordinator._journal.flush()
            raise Killed

    workers = Workers(disk=disk)
    coordinator: Coordinator = coordinator_of(plan, journal, workers, listen)
    coordinator.open(workers.places)
    with pytest.raises(Killed):
        workers.run(coordinator)


def test_a_patience_too_short_to_tell_anything_is_refused(data: Path) -> None:
    with pytest.raises(SettingsError, match="'patience' is 2; it must be greater than 2"):
        plan_of(data, patience=2)
    assert SweepSpec.model_fields["patience"].default is None
