from __future__ import annotations

import math
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.control.coordinator import Coordinator
from search.journal.events import TrialStarted
from search.journal.segments import read
from search.pruning.curve import Curve, Point
from search.sampling.searcher import FAILURE_CONSTRAINT
from search.state.cost import limit_exceeded, measure_cost, violation
from search.state.outcome import result
from search.state.started import CommonSettings
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.folder import SweepFolder
from search.sweep.measure import Limit
from search.views.explain import explanation, sweep_json
from search.views.pareto import non_dominated, pareto_front
from search.views.summary import summary
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of, done_of
from trainables.errors import SettingsError


class Costly(Workers):
    """Workers on whom a trial costs the more the better it is: its quality in seconds an epoch, and in MB.

    Args:
        second_epoch: at most how many seconds each trial's second epoch takes.
    """

    def __init__(self, second_epoch: float = math.inf) -> None:
        super().__init__()
        self.second_epoch = second_epoch

    def step(self, coordinator: Any, trial: int) -> None:
        epochs, assignment = self.running[trial]
        epoch = next(epochs)
        quality = assignment.settings["quality"]
        seconds = min(quality, self.second_epoch) if epoch.epoch == 2 else quality
        more = {"checkpoint": f"epoch-{epoch.epoch:04d}", "bytes": round(1e6 * quality)}
        if not coordinator.report(done_of(trial, epoch, seconds={"train": seconds}, **more)):
            del self.running[trial]


def costly_sweep(data: Path, journal: Path, **fields: Any) -> Coordinator:
    """A whole sweep of ten trials on such workers."""
    choices = {"noise": 0.0, "shape": "fast"}
    plan = plan_of(data, **{"trials": 10, "scheduler": "none", "confirm_top": 0, "set": choices} | fields)
    workers = Costly()
    coordinator = coordinator_of(plan, journal, workers)
    coordinator.open(2)
    workers.run(coordinator)
    coordinator.end(result(coordinator.state))
    return coordinator


def costly(data: Path, journal: Path, **fields: Any) -> SweepState:
    """The state of such a sweep at its end."""
    return costly_sweep(data, journal, **fields).state


def trial_with(seconds: list[float], size: int = 0, values: tuple[float, ...] = ()) -> TrialState:
    """A trial that cost so much and reached such values."""
    curve = Curve("max", [Point(epoch, value, 1.0) for epoch, value in enumerate(values, 1)])
    started = CommonSettings().of(TrialStarted(0, "search", 0, "", 0, {}, {}))
    return TrialState(started, curve, seconds=array("d", seconds), largest_bytes=size)


# --- limits ------------------------------------------------------------------------------------------------------


def test_an_epoch_is_measured_by_its_median_so_that_a_slow_first_one_does_not_count() -> None:
    assert measure_cost(trial_with([90.0, 2.0, 3.0]), "epoch_seconds") == 3.0
    assert measure_cost(trial_with([]), "epoch_seconds") is None


def test_a_checkpoint_is_measured_in_millions_of_bytes() -> None:
    assert measure_cost(trial_with([], 2_500_000), "checkpoint_mb") == 2.5
    assert measure_cost(trial_with([]), "checkpoint_mb") is None


def test_the_limit_that_is_broken_most_counts() -> None:
    limits: Any = {"epoch_seconds": Limit(high=2.0), "checkpoint_mb": Limit(high=1.0)}
    assert violation(trial_with([3.0], 4_000_000), limits) == pytest.approx(3.0)
    assert violation(trial_with([1.0], 500_000), limits) == 0.0
    assert violation(trial_with([]), limits) == 0.0


def test_a_limit_is_exceeded_once_no_later_epoch_can_bring_the_trial_below_it() -> None:
    seconds: Any = {"epoch_seconds": Limit(high=2.0)}
    assert limit_exceeded(trial_with([9.0]), seconds) is None, "a first epoch also loads and compiles"
    assert limit_exceeded(trial_with([9.0, 1.9, 3.0]), seconds) is None, "the median may still fall"
    assert limit_exceeded(trial_with([9.0, 2.5]), seconds) == ("epoch_seconds", 2.5)
    size: Any = {"checkpoint_mb": Limit(high=1.0)}
    assert limit_exceeded(trial_with([], 2_000_000), size) == ("checkpoint_mb", 2.0)
    assert limit_exceeded(trial_with([], 1_000_000), size) is None


@pytest.mark.parametrize("scheduler", ["asha", "stopping"])
@pytest.mark.parametrize("measure", ["epoch_seconds", "checkpoint_mb"])
def test_a_trial_over_a_limit_ends_at_its_first_rung_and_those_that_can_win_are_promoted(
    data: Path, tmp_path: Path, measure: str, scheduler: str
) -> None:
    limits = {measure: {"high": 0.3}}
    state = costly(data, tmp_path / "journal", trials=30, preset="long", scheduler=scheduler, limits=limits)
    over = [trial for trial in state.trials.search if trial.started.settings["quality"] > 0.3]
    over = [trial for trial in over if not trial.is_reference]
    within = [trial for trial in state.trials.search if trial.started.settings["quality"] <= 0.3]
    assert len(over) >= 8
    for trial in over:
        assert trial.decision is not None
        assert trial.decision.reason == "over_limit"
        assert trial.curve.epoch <= 3
    assert scheduler == "stopping" or any(trial.finished for trial in within if not trial.is_reference)
    words = explanation(state, over[0])
    assert any("over_limit" in line and f"the limit of {measure} is 0.3" in line for line in words)
    assert any("would have continued with a limit of" in line for line in words)


@pytest.mark.parametrize("measure", ["epoch_seconds", "checkpoint_mb"])
def test_the_best_within_the_limits_wins(data: Path, tmp_path: Path, measure: str) -> None:
    state = costly(data, tmp_path / "journal", limits={measure: {"high": 0.3}})
    within = [trial for trial in state.trials.search if trial.started.settings["quality"] <= 0.3]
    assert 0 < len(within) < 10
    assert state.ended is not None
    assert state.ended.trial == max(within, key=lambda trial: trial.curve.smoothed_value or 0.0).started.trial


def test_optuna_hears_by_how_much_a_limit_was_broken(data: Path, tmp_path: Path) -> None:
    coordinator = costly_sweep(data, tmp_path / "journal", limits={"epoch_seconds": {"high": 0.3}})
    for trial, study_trial in zip(coordinator.state.trials.search, coordinator.searcher.study.trials, strict=True):
        over = max(0.0, trial.started.settings["quality"] / 0.3 - 1)
        assert study_trial.constraints[FAILURE_CONSTRAINT] == pytest.approx(over / (1 + over))
        assert study_trial.constraints[FAILURE_CONSTRAINT] < 1


def test_the_sampler_ranks_a_trial_over_the_limits_last_while_it_waits_and_while_it_trains_on(
    data: Path, journal: Path
) -> None:
    plan = plan_of(data, trials=12, preset="long", set={"noise": 0.0}, limits={"epoch_seconds": {"high": 0.3}})
    workers, promoted = Costly(second_epoch=0.2999), set[int]()  # within the limit: none is sure to exceed it
    coordinator = coordinator_of(plan, journal, workers)
    coordinator.open(2)
    while len(coordinator.state.trials.paused) < 7 or not promoted:
        workers.fill(coordinator)
        workers.step(coordinator, min(workers.running))
        running = coordinator.state.trials.running.values()
        promoted |= {trial.number for trial in running if len(trial.decisions) > 1}
    restored = coordinator_of(plan, journal, Costly())
    coordinator._journal.flush()
    restored.restore(read(journal))
    for searcher in (coordinator.searcher, restored.searcher):
        scores = [scored.score for scored in searcher._storage.scored()]
        over = [trial.started.settings["quality"] > 0.3 for trial in coordinator.state.trials.search]
        outside = [score for score, is_over in zip(scores, over, strict=True) if is_over and score is not None]
        inside = [score for score, is_over in zip(scores, over, strict=True) if not is_over and score is not None]
        assert max(outside) < min(inside)


def test_where_nothing_keeps_the_limits_there_is_no_winner(data: Path, tmp_path: Path) -> None:
    state = costly(data, tmp_path / "journal", limits={"epoch_seconds": {"high": 1e-3}})
    assert state.ended is not None
    assert state.ended.trial == -1


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"epoch_second": {"high": 1}}, "must be 'epoch_seconds' or 'checkpoint_mb'"),
        ({"epoch_seconds": {"low": 1}}, "high"),
        ({"epoch_seconds": {"high": 0}}, "must be greater than 0"),
    ],
)
def test_a_limit_that_is_none_is_refused(data: Path, limits: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        plan_of(data, limits=limits)


# --- trade-offs --------------------------------------------------------------------------------------------------


def test_where_the_better_is_the_dearer_every_trial_is_a_trade_off(data: Path, tmp_path: Path) -> None:
    state = costly(data, tmp_path / "journal", also="epoch_seconds")
    front = pareto_front(state)
    assert [value.trial for value in front] == state.trials.ranking
    assert [value.cost for value in front] == sorted((value.cost for value in front), reverse=True)


def test_without_a_second_measure_there_are_none(data: Path, tmp_path: Path) -> None:
    assert pareto_front(costly(data, tmp_path / "journal")) == []


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), max_size=12))
def test_no_trial_on_the_front_is_beaten_and_every_other_is(points: list[tuple[int, int]]) -> None:
    trials = [trial_with([float(cost)], values=(float(level),)) for level, cost in points]
    front = {(point.value, point.cost) for point in non_dominated(trials, "epoch_seconds")}
    assert front == {
        point
        for point in points
        if not any(other != point and other[0] >= point[0] and other[1] <= point[1] for other in points)
    }


def test_the_trade_offs_are_in_the_last_words_and_for_machines(data: Path, tmp_path: Path) -> None:
    plan = plan_of(data, trials=4, scheduler="none", confirm_top=0, also="checkpoint_mb")
    folder = SweepFolder.create(tmp_path, plan.spec)
    state = costly(data, folder.journal, trials=4, also="checkpoint_mb")
    words = [item for item in summary(state, folder) if not isinstance(item, str)]
    assert any("Best trade-offs between score and checkpoint_mb" in str(getattr(word, "title", "")) for word in words)
    front = sweep_json(state, "sweep")["front"]
    assert [value["trial"] for value in front] == [point.trial.number for point in pareto_front(state)]
    assert all(value["checkpoint_mb"] > 0 for value in front)


def test_a_restored_sweep_measures_the_same(data: Path, tmp_path: Path) -> None:
    state = costly(data, tmp_path / "journal", also="checkpoint_mb", limits={"epoch_seconds": {"high": 0.5}})
    again = SweepState(state.plan)
    for row in read(tmp_path / "journal"):
        again.apply(row)
    assert [(point.value, point.cost) for point in pareto_front(again)] == [
        (point.value, point.cost) for point in pareto_front(state)
    ]
