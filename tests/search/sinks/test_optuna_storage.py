"""A sweep as Optuna reads it."""

from __future__ import annotations

from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from search.control.coordinator import Coordinator
from search.journal.segments import Journal
from search.sinks.optuna_storage import OptunaStorage
from search.state.follower import SweepFollower
from search.sweep.folder import SweepFolder
from tests.support.fakes import plan_of
from tests.support.terminal import Steadytune
from tests.support.workers import Workers


def study_in(file: Path) -> optuna.Study:
    return optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend(str(file))))


def test_optuna_finds_the_search_with_its_values_and_settings(steadytune: Steadytune, sweeps: Path) -> None:
    code, output, _ = steadytune("optuna", "sweep", "--sweeps", sweeps)
    file = sweeps / "sweep" / "optuna.log"
    assert (code, output) == (0, f"{file}: open it with `optuna-dashboard {file}`\n")
    state, study = SweepFollower(SweepFolder(sweeps, "sweep")).read(), study_in(file)
    assert study.study_name == "sweep"
    assert study.direction.name == "MAXIMIZE"
    assert len(study.trials) == len(state.trials.search)
    for trial, theirs in zip(state.trials.search, study.trials, strict=True):
        assert theirs.user_attrs["trial"] == trial.number
        assert trial.decision
        assert theirs.user_attrs["reason"] == trial.decision.reason
        assert theirs.intermediate_values == {point.epoch: point.value for point in trial.curve.evaluated}
        assert theirs.params.items() <= trial.started.settings.items()
        if trial.failed:
            assert theirs.state == TrialState.FAIL
        else:
            assert theirs.value == trial.curve.objective_value
    assert {trial.state for trial in study.trials} >= {TrialState.COMPLETE, TrialState.FAIL}


def test_a_sweep_that_runs_is_written_as_it_goes_on(tmp_path: Path, data: Path) -> None:
    plan = plan_of(data, trials=6, confirm_top=0)
    folder, workers = SweepFolder.create(tmp_path, plan.spec), Workers()
    journal = Journal(folder.journal)
    coordinator = Coordinator(plan, journal, delete=workers.disk.delete)
    coordinator.open(2)
    follower = SweepFollower(folder)
    file = tmp_path / "optuna.log"
    storage = OptunaStorage(file, "sweep", "max")
    states = []
    while not coordinator.over:
        workers.fill(coordinator)
        for trial in list(workers.running):
            workers.step(coordinator, trial)
        journal.flush()
        storage.update(follower.read())
        states += [trial.state for trial in study_in(file).trials]
    assert TrialState.RUNNING in states
    step_by_step = study_in(file).trials
    OptunaStorage(file, "sweep", "max").update(follower.read())
    at_once = study_in(file).trials
    assert len(at_once) == 6
    for stepped, whole in zip(step_by_step, at_once, strict=True):
        assert (stepped.state, stepped.values, stepped.params) == (whole.state, whole.values, whole.params)
        assert (stepped.intermediate_values, stepped.user_attrs) == (whole.intermediate_values, whole.user_attrs)
