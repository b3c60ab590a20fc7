from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState

from search.control.coordinator import Coordinator
from search.journal.segments import Journal, read
from search.sampling.scale import Scale
from search.sampling.warm_start import feed, recall
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of
from trainables.errors import SteadytuneError


def launched(root: Path, data: Path, **fields: Any) -> Coordinator:
    """A sweep run to its end in `root`, with what it recalls."""
    made = plan_of(data, **{"trials": 12, "warm_start_with": "all", "preset": "long", "confirm_top": 0} | fields)
    folder = SweepFolder.create(root, made.spec)
    return taken_up(made, folder, root, Workers())


def taken_up(made: Plan, folder: SweepFolder, root: Path, workers: Workers) -> Coordinator:
    """As `run` begins a sweep: its journal first has what it recalls."""
    feed(Journal(folder.journal), recall(made, root))
    coordinator = coordinator_of(made, folder.journal, workers)
    coordinator.restore(read(folder.journal))
    coordinator.open(workers.places)
    workers.run(coordinator)
    return coordinator


@pytest.fixture
def root(tmp_path: Path, data: Path) -> Path:
    """A folder with the sweep "first" in it, twelve trials, one of them lost."""
    launched(tmp_path / "sweeps", data, name="first", enqueue=["steady", "lost"])
    return tmp_path / "sweeps"


def test_the_trials_of_an_earlier_sweep_are_in_the_study_with_what_became_of_them(root: Path, data: Path) -> None:
    made = plan_of(data, name="second", warm_start_with="all", preset="long", warm_start=["first"])
    (found,) = recall(made, root)
    assert len(found.trials) == 12
    assert found.left_out == {}
    assert str(found) == "Warm start from first: 12 of its 12 ended trials."
    second = launched(root, data, name="second", warm_start=["first"], trials=1)
    assert second.state.searcher is not None
    study = second.state.searcher.study.trials
    assert len(study) == 12 + 1
    by_reason = {"done": TrialState.COMPLETE}
    assert [one.state for one in study[:12]] == [by_reason.get(one.reason, TrialState.PRUNED) for one in found.trials]
    assert [sum(one.constraints.values()) > 0 for one in study[:12]] == [one.failed for one in found.trials]
    assert sum(one.failed for one in found.trials) == 1
    assert all(one.params.items() <= earlier.drawn.items() for one, earlier in zip(study, found.trials, strict=False))


def test_a_named_training_of_the_earlier_sweep_teaches_too(root: Path, data: Path) -> None:
    (found,) = recall(plan_of(data, name="second", warm_start_with="all", preset="long", warm_start=["first"]), root)
    baseline = found.trials[0]
    assert baseline.drawn == {"quality": 0.6, "shape": "fast", "depth": 2, "noise": 0.0}
    assert baseline.level == pytest.approx(0.6)


def test_what_cannot_be_drawn_any_more_is_left_out_and_told(root: Path, data: Path) -> None:
    choices = {"quality": {"low": 0.1}, "shape": "fast"}
    made = plan_of(data, name="second", warm_start_with="all", preset="long", warm_start=["first"], set=choices)
    (found,) = recall(made, root)
    assert set(found.left_out) <= {"quality", "shape"}
    assert len(found.trials) + sum(found.left_out.values()) == 12
    assert all(one.drawn["quality"] >= 0.1 and one.drawn["shape"] == "fast" for one in found.trials)
    words = ", ".join(f"{number} for {name}" for name, number in found.left_out.items())
    assert f"left out because a value cannot be drawn any more: {words}." in str(found)


def test_a_branch_that_is_closed_now_and_then_may_differ(root: Path, data: Path) -> None:
    """`noise` is only drawn where `depth` is above 1: pinning it leaves out those trials alone."""
    made = plan_of(data, name="second", warm_start_with="all", preset="long", warm_start=["first"], set={"noise": 0.05})
    (found,) = recall(made, root)
    assert [one.drawn["depth"] for one in found.trials] == [1] * len(found.trials)
    assert found.left_out == {"noise": 12 - len(found.trials)}


def test_an_end_is_told_as_the_share_of_a_training_that_it_was(root: Path, data: Path) -> None:
    (found,) = recall(plan_of(data, name="second", warm_start_with="all", preset="short", warm_start=["first"]), root)
    assert {one.epoch for one in found.trials if one.reason == "done"} == {4}
    assert {one.epoch for one in found.trials if one.reason == "rung"} <= {1, 2, 3}


def test_the_earlier_sweep_may_be_deleted_once_the_new_one_has_begun(root: Path, data: Path) -> None:
    first = launched(root, data, name="second", warm_start=["first"], trials=4)
    shutil.rmtree(root / "first")
    folder = SweepFolder.existing(root, "second")
    again = Coordinator(folder.plan(), Journal(folder.journal), delete=lambda trial, epoch: None)
    again.restore(read(folder.journal))
    assert again.state.earlier == first.state.earlier
    assert again.state.searcher is not None
    assert first.state.searcher is not None
    before, after = (one.state.searcher.study.trials for one in (first, again) if one.state.searcher)
    assert [(one.params, one.state, one.value, one.intermediate_values) for one in before] == [
        (one.params, one.state, one.value, one.intermediate_values) for one in after
    ]


def test_recalled_trials_count_in_no_budget_and_win_nothing(root: Path, data: Path) -> None:
    second = launched(root, data, name="second", warm_start=["first"], trials=3, confirm_top=1, confirm_seeds=1)
    assert len(second.state.search) == 3
    assert set(second.state.finalists()) <= {0, 1, 2}
    assert second.state.active_seconds < 60


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"warm_start": ["frist"]}, "no sweep 'frist' in"),
        (
            {"warm_start": ["first"], "recipe": "tests.support.fakes:Errors"},
            "trained tests.support.fakes:Curves; it must have trained tests.support.fakes:Errors",
        ),
    ],
)
def test_an_earlier_sweep_that_is_of_no_use_is_refused(
    root: Path, data: Path, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(SteadytuneError, match=words):
        recall(plan_of(data, name="second", warm_start_with="all", **fields), root)


def test_a_folder_elsewhere_may_be_named(root: Path, data: Path, tmp_path: Path) -> None:
    shutil.move(root / "first", tmp_path / "kept")
    made = plan_of(data, name="second", warm_start_with="all", preset="long", warm_start=[str(tmp_path / "kept")])
    assert len(recall(made, root)[0].trials) == 12


def test_a_search_begins_where_the_earlier_one_was_good(root: Path, data: Path) -> None:
    """Random search knows nothing; TPE on twelve earlier trials draws better from its first trial on."""
    warm = launched(root, data, name="warm", warm_start=["first"], sampler="tpe", enqueue=[], trials=8, seed=5)
    cold = launched(root, data, name="cold", sampler="tpe", enqueue=[], trials=8, seed=5)
    reached = [
        sum(trial.started.drawn["quality"] for trial in one.state.search) / len(one.state.search)
        for one in (warm, cold)
    ]
    assert reached[0] > reached[1]


def test_the_best_are_trained_first_after_the_named_trainings(root: Path, data: Path) -> None:
    second = launched(root, data, name="second", warm_start=["first"], warm_start_with="best", trials=6)
    first = SweepFolder.existing(root, "first")
    every = recall(plan_of(data, name="x", preset="long", warm_start=["first"], warm_start_with="all"), root)[0].trials
    finished = [one for one in every if one.reason == "done" and one.drawn["quality"] != 0.6]
    best = sorted(finished, key=lambda one: -(one.level or 0.0))[:3]
    assert first.name == "first"
    assert [one.trial for one in second.state.earlier] == [one.trial for one in best]
    assert second.state.search[0].started.named == "steady"
    drawn = [trial.started.drawn for trial in second.state.search[1 : 1 + len(best)]]
    assert drawn == [one.drawn for one in best]
    assert second.state.searcher is not None
    assert len(second.state.searcher.study.trials) == 6


def test_the_best_of_an_earlier_sweep_are_trained_first_after_a_resume_too(root: Path, data: Path) -> None:
    made = plan_of(data, name="second", preset="long", warm_start=["first"], confirm_top=0, trials=5)
    folder = SweepFolder.create(root, made.spec)
    feed(Journal(folder.journal), recall(made, root))
    shutil.rmtree(root / "first")
    for _ in range(2):
        coordinator = Coordinator(made, Journal(folder.journal), delete=lambda trial, epoch: None)
        coordinator.restore(read(folder.journal))
        coordinator.open(1)
        assert coordinator.next() is not None
        assert coordinator.next() is not None
    drawn = [trial.started.drawn for trial in coordinator.state.search[1:]]
    assert drawn == [one.drawn for one in coordinator.state.earlier][: len(drawn)]


# --- scales ------------------------------------------------------------------------------------------------------

numbers = st.lists(st.floats(-1e6, 1e6), max_size=20)


@given(numbers, numbers, st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_scale_keeps_the_order_of_values(
    finished: list[float], partial: list[float], one: float, other: float
) -> None:
    scale = Scale.of(finished, partial)
    assert (scale(one) <= scale(other)) or one > other


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=20), st.integers(1, 100), st.integers(-100, 100))
def test_the_same_sweep_in_another_unit_is_the_same(values: list[int], factor: int, offset: int) -> None:
    moved = [factor * value + offset for value in values]
    one, other = Scale.of(values, []), Scale.of(moved, [])
    if one.spread != 1.0:  # equal values keep their unit
        assert [one(value) for value in values] == pytest.approx([other(value) for value in moved], abs=1e-6)


def test_numbers_that_are_none_do_not_count() -> None:
    assert Scale.of([1.0, 3.0, float("nan")], [float("inf")]) == Scale(2.0, 1.0)
    assert Scale.of([], [float("nan")]) == Scale(0.0, 1.0)
