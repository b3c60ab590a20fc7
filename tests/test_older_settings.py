"""What version 0.1.0 wrote still opens and continues after a recipe got another setting: with what was in effect then.

The recipe is `tests.support.newer`: `resnet_yolo` with the setting `clip_norm`, which is 0 in older trainings and 10 in
the presets.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import spaces.registry
import trainables.registry
from search.export.prove import prove
from search.journal.segments import read
from search.sampling.warm_start import load_prior_sweeps
from search.state.follower import SweepFollower
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan, make_plan
from tests.support.newer import NewerSettings
from tests.support.workers import Workers, coordinator_of
from trainables.errors import CheckpointError, SettingsError
from trainables.loop_recipe import resumable, settings_digest
from trainables.settings import earlier_values, parse, read_settings, read_yaml

WRITTEN = Path(__file__).parent / "fixtures" / "version_0_1_0"
CHECKPOINT = WRITTEN / "finished" / "trials" / "0000" / "checkpoints" / "epoch-0006"


@pytest.fixture(autouse=True)
def newer_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(trainables.registry.BUILT_IN, "resnet_yolo", "tests.support.newer:NewerResnetYolo")
    monkeypatch.setitem(spaces.registry.MAKERS, "resnet_yolo", "tests.support.newer:space_for")
    monkeypatch.chdir(WRITTEN)  # the sweeps name their data from there


def plan_of(name: str) -> Plan:
    return make_plan(SweepFolder(WRITTEN, name).spec())


def clip_norms(state: SweepState) -> set[float]:
    return {trial.started.settings["clip_norm"] for trial in state.trials.values()}


def test_the_trials_of_a_journal_have_the_older_value() -> None:
    state = SweepFollower(SweepFolder(WRITTEN, "finished")).read()
    assert state.plan.named[0][1]["clip_norm"] == 10.0
    assert clip_norms(state) == {0.0}


def test_a_resumed_sweep_continues_its_trials_with_the_older_value(tmp_path: Path) -> None:
    coordinator = coordinator_of(plan_of("interrupted"), tmp_path / "journal", Workers())
    coordinator.restore(read(WRITTEN / "interrupted" / "journal"))
    coordinator.open(2)
    unfinished = [assignment for _ in range(2) if (assignment := coordinator.next())]
    assert {assignment.trial: assignment.settings["clip_norm"] for assignment in unfinished} == {0: 0.0, 3: 0.0}
    sampled = [trial.params for trial in coordinator.searcher.study.trials]
    assert len(sampled) == 4
    assert {params["clip_norm"] for params in sampled} == {0.0}, "the sampler learns what was in effect"


def test_a_sweep_may_learn_from_an_older_one() -> None:
    spec = SweepFolder(WRITTEN, "finished").spec()
    plan = make_plan(spec.model_copy(update={"name": "next", "warm_start": ["finished"]}))
    (prior,) = load_prior_sweeps(plan, WRITTEN)
    assert prior.trials
    assert {trial.drawn["clip_norm"] for trial in prior.trials} == {0.0}


def test_a_complete_settings_file_is_read_as_stored_and_a_users_own_is_not(tmp_path: Path) -> None:
    assert read_settings(WRITTEN / "export" / "settings.yaml", NewerSettings)["clip_norm"] == 0.0
    (tmp_path / "mine.yaml").write_text("lr: 1e-3\n")
    assert read_settings(tmp_path / "mine.yaml", NewerSettings) == {"lr": 1e-3}
    written = read_yaml(WRITTEN / "export" / "settings.yaml")
    others = {name: value for name, value in earlier_values(NewerSettings).items() if name != "clip_norm"}
    with pytest.raises(SettingsError, match="setting 'clip_norm' is missing and has no default; add it"):
        parse(NewerSettings, others | written, "a new file")


def test_an_older_checkpoint_continues_with_the_older_value_and_no_other() -> None:
    stored = read_settings(CHECKPOINT / "settings.yaml", NewerSettings)
    resumable(parse(NewerSettings, stored, "resume"), CHECKPOINT)
    other = parse(NewerSettings, stored | {"clip_norm": 10.0, "lr": 0.5}, "resume")
    with pytest.raises(CheckpointError, match=r"other settings: lr was 0\.00\d+ and is 0\.5, clip_norm was 0\.0 and"):
        resumable(other, CHECKPOINT)


def test_a_proof_leaves_out_the_native_files_of_an_older_export() -> None:
    first = next(prove(WRITTEN / "export", 1))
    names = ", ".join(sorted(earlier_values(NewerSettings)))
    assert "clip_norm" in names
    assert first == f"settings are those of the trial; native files not compared: they are older than {names}"


def test_the_settings_of_an_older_checkpoint_have_the_digest_that_it_was_written_with() -> None:
    from trainables.loop import read as read_checkpoint

    stored = parse(NewerSettings, read_settings(CHECKPOINT / "settings.yaml", NewerSettings), "resume")
    identity = read_checkpoint(CHECKPOINT)["identity"]
    assert identity.startswith(f"resnet_yolo (settings {settings_digest(stored)[:8]}, ")
    clipped = stored.model_copy(update={"clip_norm": 10.0})
    assert settings_digest(clipped)[:8] not in identity


@pytest.mark.e2e
def test_an_older_checkpoint_is_trained_on(tmp_path: Path) -> None:
    recipe = trainables.registry.find("resnet_yolo")
    stored = parse(NewerSettings, read_settings(CHECKPOINT / "settings.yaml", NewerSettings), "resume")
    epochs = recipe.train(stored, recipe.open(WRITTEN / "digits" / "data.yaml"), tmp_path, CHECKPOINT)
    assert next(epochs).epoch == 7


@pytest.mark.e2e
def test_an_older_registered_model_loads() -> None:
    from search.tracking.predictor import load

    (prediction,) = load(WRITTEN / "model" / "registered" / "data" / "best")([WRITTEN / "model" / "picture.png"])
    assert len(prediction["labels"])
