from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.control.coordinator import Coordinator
from search.control.reopen import extend
from search.journal.events import Decided
from search.journal.segments import Journal, read
from search.sampling.warm_start import CONFIGURATIONS, PriorSweep, append_prior_trials, load_prior_sweeps
from search.state.outcome import finalist_numbers, result
from search.sweep.data_identity import DataIdentity
from search.sweep.environment import write_environment
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of, events
from trainables.errors import SteadytuneError
from trainables.manifest import Manifest


def swept(root: Path, data: Path, **fields: Any) -> Coordinator:
    """A sweep in `root`, run to its end, its journal begun with its prior trials as `run` begins it."""
    plan = plan_of(data, **{"trials": 12, "preset": "long", "confirm_top": 0} | fields)
    folder = SweepFolder.create(root, plan.spec)
    append_prior_trials(Journal(folder.journal), load_prior_sweeps(plan, root))
    workers = Workers()
    coordinator = coordinator_of(plan, folder.journal, workers)
    coordinator.restore(read(folder.journal))
    coordinator.open(workers.places)
    workers.run(coordinator)
    return coordinator


@pytest.fixture
def root(tmp_path: Path, data: Path) -> Path:
    """A folder with the sweep "first": twelve trials, all trained to completion but one, which failed."""
    swept(tmp_path / "sweeps", data, name="first", enqueue=["steady", "lost"], scheduler="none")
    return tmp_path / "sweeps"


def second_plan(data: Path, **fields: Any) -> Plan:
    return plan_of(data, **{"name": "second", "preset": "long", "warm_start": ["first"], "confirm_top": 0} | fields)


def prior_sweep(root: Path, data: Path, **fields: Any) -> PriorSweep:
    """What a second sweep takes from the first."""
    (prior,) = load_prior_sweeps(second_plan(data, **fields), root)
    return prior


def test_the_best_finished_trials_are_taken_but_for_the_named_trainings(root: Path, data: Path) -> None:
    first = Coordinator(SweepFolder.existing(root, "first").plan(), Journal(root / "x"), delete=lambda *_: None)
    first.restore(read(root / "first" / "journal"))
    ranked = [trial for trial in first.state.trials.ranking if not trial.is_baseline]
    prior = prior_sweep(root, data)
    assert [trial.trial for trial in prior.trials] == [trial.number for trial in ranked[:CONFIGURATIONS]]
    assert [trial.numbers["level"] for trial in prior.trials] == [
        trial.curve.objective_value for trial in ranked[:CONFIGURATIONS]
    ]
    assert {(trial.sweep, trial.reason) for trial in prior.trials} == {("first", "done")}
    assert str(prior) == "Warm start from first: 3 of its 12 ended trials."


def test_a_trial_that_ended_twice_is_taken_once(tmp_path: Path, data: Path) -> None:
    """Paused trials end with the search, and again if the sweep is given more to do."""
    first = swept(tmp_path, data, name="first", trials=4, audit=0.0)
    first.end(result(first.state))
    folder = SweepFolder.existing(tmp_path, "first")
    folder.change(trials=8)
    extend(folder.plan(), folder)
    workers = Workers()
    resumed = coordinator_of(folder.plan(), folder.journal, workers)
    resumed.restore(read(folder.journal))
    resumed.open(workers.places)
    workers.run(resumed)
    ends = [event.trial for event in events(folder.journal, Decided) if event.action == "stop"]
    assert len(ends) > len(set(ends)) == 8
    prior = prior_sweep(tmp_path, data)
    assert prior.ended == 8
    assert len({trial.trial for trial in prior.trials}) == CONFIGURATIONS


def test_a_configuration_that_two_earlier_sweeps_have_is_trained_once(root: Path, data: Path) -> None:
    swept(root, data, name="second", warm_start=["first"], scheduler="none", enqueue=["steady"], trials=8)
    first, second = load_prior_sweeps(second_plan(data, name="third", warm_start=["first", "second"]), root)
    assert len(first.trials) == len(second.trials) == CONFIGURATIONS
    drawn = [trial.drawn for trial in (*first.trials, *second.trials)]
    assert all(drawn.count(values) == 1 for values in drawn)


def test_trials_that_cannot_be_drawn_any_more_are_left_out_and_counted(root: Path, data: Path) -> None:
    prior = prior_sweep(root, data, set={"quality": {"low": 0.1}, "shape": "fast"})
    assert prior.left_out
    assert set(prior.left_out) <= {"quality", "shape"}
    assert all(trial.drawn["quality"] >= 0.1 and trial.drawn["shape"] == "fast" for trial in prior.trials)
    counts = ", ".join(f"{count} for {name}" for name, count in prior.left_out.items())
    assert f"left out because they cannot be drawn or compared any more: {counts}." in str(prior)


def test_pinning_a_value_leaves_out_only_the_trials_that_drew_it(root: Path, data: Path) -> None:
    """`noise` is only drawn where `depth` is above 1."""
    prior = prior_sweep(root, data, set={"noise": 0.05})
    assert {trial.drawn["depth"] for trial in prior.trials} <= {1}
    assert list(prior.left_out) == ["noise"]


def test_an_epoch_is_converted_by_its_share_of_a_training(root: Path, data: Path) -> None:
    assert {trial.epoch for trial in prior_sweep(root, data, preset="short").trials} == {4}


def test_the_earlier_sweep_may_be_deleted_once_the_new_one_has_begun(root: Path, data: Path) -> None:
    second = swept(root, data, name="second", warm_start=["first"], trials=4)
    shutil.rmtree(root / "first")
    folder = SweepFolder.existing(root, "second")
    resumed = Coordinator(folder.plan(), Journal(folder.journal), delete=lambda trial, epoch: None)
    resumed.restore(read(folder.journal))
    assert resumed.state.prior_trials == second.state.prior_trials
    assert [(trial.params, trial.state, trial.value) for trial in resumed.searcher.study.trials] == [
        (trial.params, trial.state, trial.value) for trial in second.searcher.study.trials
    ]


def test_prior_trials_count_in_no_budget_and_win_nothing(root: Path, data: Path) -> None:
    second = swept(root, data, name="second", warm_start=["first"], trials=3, confirm_top=1, confirm_seeds=1)
    assert len(second.state.prior_trials) == 3
    assert len(second.state.trials.search) == 3
    assert finalist_numbers(second.state)
    assert set(finalist_numbers(second.state)) <= {0, 1, 2}
    assert second.state.active_seconds < 60


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"warm_start": ["frist"]}, "no sweep 'frist' in"),
        (
            {"recipe": "tests.support.fakes:Errors"},
            "trained tests.support.fakes:Curves; it must have trained tests.support.fakes:Errors",
        ),
    ],
)
def test_an_unknown_sweep_and_one_of_another_recipe_are_refused(
    root: Path, data: Path, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(SteadytuneError, match=words):
        load_prior_sweeps(second_plan(data, **fields), root)


def test_an_earlier_sweep_may_be_named_by_its_folder(root: Path, data: Path, tmp_path: Path) -> None:
    shutil.move(root / "first", tmp_path / "elsewhere")
    assert prior_sweep(root, data, warm_start=[str(tmp_path / "elsewhere")]).ended == 12


def test_the_best_configurations_are_trained_first_after_the_named_trainings(root: Path, data: Path) -> None:
    second = swept(root, data, name="second", warm_start=["first"], trials=6)
    best = second.state.prior_trials
    assert len(best) == CONFIGURATIONS
    assert second.state.trials.search[0].started.named == "steady"
    drawn = [trial.started.drawn for trial in second.state.trials.search[1 : 1 + len(best)]]
    assert drawn == [trial.drawn for trial in best]
    assert len(second.searcher.study.trials) == 6


def test_the_best_configurations_are_trained_first_after_a_resume_too(root: Path, data: Path) -> None:
    plan = second_plan(data, trials=5)
    folder = SweepFolder.create(root, plan.spec)
    append_prior_trials(Journal(folder.journal), load_prior_sweeps(plan, root))
    shutil.rmtree(root / "first")
    for assignments in (2, 4):  # after the resume the first two are handed out again
        coordinator = Coordinator(plan, Journal(folder.journal), delete=lambda trial, epoch: None)
        coordinator.restore(read(folder.journal))
        coordinator.open(1)
        assert None not in [coordinator.next() for _ in range(assignments)]
        coordinator.halt(RuntimeError())
    drawn = [trial.started.drawn for trial in coordinator.state.trials.search[1:]]
    assert len(drawn) == 3
    assert drawn == [trial.drawn for trial in coordinator.state.prior_trials]


BEGAN = DataIdentity("data", Manifest({}, {"a.png": "1"}))
CHANGED = DataIdentity("data", Manifest({}, {"a.png": "2"}), (BEGAN.manifest.fingerprint,))


def test_that_the_earlier_sweep_had_other_data_is_said(root: Path, data: Path) -> None:
    BEGAN.write(root / "first")
    (prior,) = load_prior_sweeps(replace(second_plan(data), data=BEGAN), root)
    assert str(prior) == "Warm start from first: 3 of its 12 ended trials."
    (other,) = load_prior_sweeps(replace(second_plan(data), data=CHANGED), root)
    assert str(other).endswith(" It trained on other data (1 changed (a.png)), so its values are not compared.")


def test_of_a_sweep_that_went_on_with_changed_data_only_trials_on_the_last_are_compared(root: Path, data: Path) -> None:
    CHANGED.write(root / "first")
    for number in range(12):
        folder = root / "first" / "trials" / f"{number:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        write_environment(folder, {}, (CHANGED if number > 9 else BEGAN).manifest.fingerprint)
    prior = prior_sweep(root, data)
    assert {trial.trial for trial in prior.trials} <= {10, 11}
    assert prior.left_out["the data, which changed"] == 10
