"""What a sweep starts from: the export of an earlier sweep's winner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from search.journal.events import SweepOpened
from search.journal.segments import read
from search.stages.stages import Stages
from search.stages.start import check_start, started
from search.sweep.folder import SweepFolder
from search.views.markdown import headline
from tests.support.terminal import Steadytune
from trainables.errors import CheckpointError, SettingsError, SteadytuneError

if TYPE_CHECKING:
    from tests.search.stages.conftest import Trains


def test_every_training_of_the_next_stage_starts_from_the_winners_best_checkpoint(
    stages: Stages, train: Trains, root: Path
) -> None:
    first, second = (train(spec) for spec in stages.specs)
    best = SweepFolder(root, "cattle-pretrain").best
    assert {trial.started.settings["weights"] for trial in second.trials.values()} == {str(best / "checkpoint")}
    about = json.loads((best / "about.json").read_text())
    (stage,) = second.plan.spec.earlier_stages
    assert first.ended is not None
    assert (stage.sweep, stage.trial, stage.result) == ("cattle-pretrain", first.ended.trial, first.ended.detail)
    assert (stage.trained_by, stage.epoch) == (about["trial"], about["checkpoint_epoch"])


def test_the_journal_says_from_which_files_a_stage_started(stages: Stages, train: Trains, root: Path) -> None:
    for spec in stages.specs:
        train(spec)
    opened = next(row.event for row in read(SweepFolder(root, "cattle-finetune").journal))
    assert isinstance(opened, SweepOpened)
    assert opened.spec is not None
    (stage,) = opened.spec["earlier_stages"]
    assert len(stage["digest"]) == 64


def test_the_last_stages_report_names_the_stages_before_it_and_their_winners(stages: Stages, train: Trains) -> None:
    first, second = (train(spec) for spec in stages.specs)
    assert first.ended is not None
    sentences = [sentence for sentence in headline(second) if "stage 1" in sentence]
    assert len(sentences) == 1
    assert f"cattle-pretrain (data tmp_path/my données): winner trial {first.ended.trial}, score " in sentences[
        0
    ].replace(Path(first.plan.spec.data).parent.name, "tmp_path")


def test_what_a_sweep_started_from_is_still_the_same_or_it_does_not_go_on(
    stages: Stages, train: Trains, root: Path
) -> None:
    states = [train(spec) for spec in stages.specs]
    spec = states[1].plan.spec
    check_start(spec, root)
    check_start(spec, root / ".." / root.name)
    link = root.parent / "link"
    link.symlink_to(root)
    check_start(spec, link)
    state = SweepFolder(root, "cattle-pretrain").best / "checkpoint" / "state.json"
    state.write_text(state.read_text() + " ")
    with pytest.raises(CheckpointError, match=r"is not what sweep cattle-finetune started from .trial"):
        check_start(spec, root)
    state.unlink()
    state.parent.rmdir()
    with pytest.raises(CheckpointError, match="is missing, so no training can start from it"):
        check_start(spec, root)


def test_a_sweep_that_has_not_ended_has_nothing_to_start_from(stages: Stages, root: Path) -> None:
    folder = SweepFolder.create(root, stages.specs[0])
    with pytest.raises(SteadytuneError, match=f"has not ended; first `{folder.command('resume')}`"):
        started(stages.specs[1], root)


def test_a_sweep_cannot_start_in_two_places(stages: Stages, train: Trains, root: Path) -> None:
    train(stages.specs[0])
    spec = stages.specs[1].model_copy(update={"set": {"weights": "none"}})
    with pytest.raises(SettingsError, match=r"set.weights of sweep cattle-finetune says where trainings start, and so"):
        started(spec, root)


def test_a_start_that_not_all_nodes_can_read_is_refused(stages: Stages, train: Trains, root: Path) -> None:
    train(stages.specs[0])
    with pytest.raises(SettingsError, match="leave storage out"):
        started(stages.specs[1].model_copy(update={"storage": "s3://bucket"}), root)


def test_a_sweep_of_another_recipe_is_refused(stages: Stages, train: Trains, root: Path) -> None:
    train(stages.specs[0])
    with pytest.raises(SettingsError, match=r"which trained tests.support.fakes:Curves; it must have trained"):
        started(stages.specs[1].model_copy(update={"recipe": "tests.support.fakes:Errors"}), root)


def test_the_export_says_what_its_training_started_from(stages: Stages, train: Trains, root: Path) -> None:
    for spec in stages.specs:
        train(spec)
    best = SweepFolder(root, "cattle-finetune").best
    assert "Started from cattle-pretrain" in (best / "README.md").read_text()
    assert json.loads((best / "about.json").read_text())["earlier_stages"][0].startswith("cattle-pretrain")


def test_a_single_sweep_may_start_from_another_one(
    stages: Stages, train: Trains, root: Path, steadytune: Steadytune
) -> None:
    spec = train(stages.specs[0]).plan.spec
    fields = ["--recipe", spec.recipe, "--preset", "short", "--data", spec.data, "--sweeps", root]
    code, _, complaint = steadytune("launch", *fields, "--starts-from", "cattle-pretrian")
    assert code == 2
    assert "no sweep 'cattle-pretrian'" in complaint
    assert "did you mean 'cattle-pretrain'" in complaint
    once = spec.model_copy(update={"name": "once", "starts_from": "cattle-pretrain", "set": {}})
    assert [stage.sweep for stage in train(once).plan.spec.earlier_stages] == ["cattle-pretrain"]


def test_a_sweep_that_still_runs_is_waited_for_and_one_that_was_interrupted_is_resumed(
    stages: Stages, root: Path
) -> None:
    first, second = stages.specs
    folder = SweepFolder.create(root, first)
    with pytest.raises(SteadytuneError, match=r"has not ended; first `steadytune resume cattle-pretrain"):
        started(second, root)
    with folder.locked(), pytest.raises(SteadytuneError, match=r"has not ended; launch this one when it has$"):
        started(second, root)
