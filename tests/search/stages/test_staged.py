"""Stages run one after the other, each once, wherever the process is killed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from search.control.reopen import change
from search.run.ahead import as_checked, check_ahead
from search.run.staged import launch_stages, resume_stages
from search.stages.stages import Stages, StagesFolder, read_file
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.sweep.spec import SweepSpec
from tests.support.fakes import spec_of
from tests.support.terminal import Steadytune
from tests.support.workers import Killed
from trainables.errors import SteadytuneError

if TYPE_CHECKING:
    from tests.search.stages.conftest import Trains


class Runs:
    """Runs sweeps, and is killed before or after the sweep of a name."""

    def __init__(self, train: Trains, *, dies_before: str = "", dies_after: str = "") -> None:
        self.names: list[str] = []
        self._train, self._dies_before, self._dies_after = train, dies_before, dies_after

    def __call__(self, name: str, new: SweepSpec | None) -> SweepState:
        if name == self._dies_before:
            raise Killed
        assert new is not None
        self.names.append(name)
        state = self._train(new)
        if name == self._dies_after:
            raise Killed
        return state


def silent(sentence: str) -> None:
    pass


def test_they_run_in_their_order(stages: Stages, root: Path, train: Trains) -> None:
    runs = Runs(train)
    lines: list[str] = []
    state = launch_stages(stages, root, runs, lines.append)
    assert runs.names == ["cattle-pretrain", "cattle-finetune"]
    assert state.plan.spec.name == "cattle-finetune"
    note, *lines = lines
    assert note.startswith("note: confirm_top of stage pretrain is 0, so stage finetune starts from a winner that was")
    assert lines == [
        "Stage 1 of 2, pretrain: sweep cattle-pretrain",
        "Stage 2 of 2, finetune: sweep cattle-finetune",
    ]


@pytest.mark.parametrize(
    ("killed", "left"),
    [
        ({"dies_before": "cattle-pretrain"}, ["cattle-pretrain", "cattle-finetune"]),
        ({"dies_after": "cattle-pretrain"}, ["cattle-finetune"]),
        ({"dies_before": "cattle-finetune"}, ["cattle-finetune"]),
    ],
)
def test_killed_between_stages_they_go_on_with_what_is_left(
    stages: Stages, root: Path, train: Trains, killed: dict[str, str], left: list[str]
) -> None:
    with pytest.raises(Killed):
        launch_stages(stages, root, Runs(train, **killed), silent)
    runs = Runs(train)
    state = resume_stages(StagesFolder(root, "cattle"), runs, silent)
    assert runs.names == left
    assert state.ended is not None


def test_when_all_have_ended_there_is_nothing_to_resume(stages: Stages, root: Path, train: Trains) -> None:
    launch_stages(stages, root, Runs(train), silent)
    with pytest.raises(SteadytuneError, match=r"all stages of cattle have ended; .*`steadytune resume cattle-finetune"):
        resume_stages(StagesFolder(root, "cattle"), Runs(train), silent)


def test_what_is_advised_once_all_have_ended_is_not_refused(stages: Stages, root: Path, train: Trains) -> None:
    """Where the last one's epochs are used up, more trials alone are refused."""
    first, last = stages.specs
    bounded = last.model_copy(update={"total_epochs": 4, "hours": 1.0})
    launch_stages(Stages(stages.name, (first, bounded)), root, Runs(train), silent)
    with pytest.raises(SteadytuneError) as refused:
        resume_stages(StagesFolder(root, "cattle"), Runs(train), silent)
    advice = re.search(r"`steadytune resume cattle-finetune (?:--sweeps \S+ )?(.*)`", str(refused.value))
    assert advice is not None
    assert advice[1].startswith("--trials 4 --hours 2 --total-epochs ")
    options = re.findall(r"--(\S+) (\S+)", advice[1])
    change(SweepFolder(root, last.name), {name.replace("-", "_"): yaml.safe_load(value) for name, value in options})


def test_what_is_refused_before_the_first_trial_leaves_no_files(stages: Stages, root: Path, data: Path) -> None:
    def refuse(name: str, new: SweepSpec | None) -> SweepState:
        raise SteadytuneError("no")

    with pytest.raises(SteadytuneError, match="no"):
        launch_stages(stages, root, refuse, silent)
    assert not (root / "cattle").exists()
    (data / "data.txt").unlink()
    with pytest.raises(SteadytuneError, match=r"^stage pretrain: .*no such file"):
        launch_stages(stages, root, refuse, silent)
    assert not (root / "cattle").exists()


def test_status_lists_them_and_rm_deletes_them_all(
    stages: Stages, root: Path, train: Trains, steadytune: Steadytune
) -> None:
    with pytest.raises(Killed):
        launch_stages(stages, root, Runs(train, dies_after="cattle-pretrain"), silent)
    code, output, _ = steadytune("status", "cattle", "--sweeps", root)
    assert code == 0
    first, second = output.splitlines()
    assert first.startswith("cattle-pretrain: ")
    assert "ended" in first
    assert second == "cattle-finetune: not begun"
    assert steadytune("rm", "cattle", "--yes", "--sweeps", root)[0] == 0
    assert not SweepFolder(root, "cattle-pretrain").path.exists()
    assert not (root / "cattle").exists()


def test_stages_that_are_named_twice_are_deleted_once(folder: StagesFolder, steadytune: Steadytune) -> None:
    code, output, _ = steadytune("rm", "cattle", "cattle", "--yes", "--sweeps", folder.root)
    assert (code, output) == (0, "cattle is deleted\n")


def test_options_of_a_resume_are_for_one_stage(folder: StagesFolder, steadytune: Steadytune) -> None:
    code, _, complaint = steadytune("resume", "cattle", "--trials", "9", "--sweeps", folder.root)
    assert code == 2
    assert "cattle has stages, so options of a resume are for one of them" in complaint


@pytest.mark.parametrize("option", ["--background", "--detach"])
def test_stages_run_in_a_terminal(file: Path, root: Path, steadytune: Steadytune, option: str) -> None:
    code, _, complaint = steadytune("launch", file, option, "--sweeps", root)
    assert code == 2
    assert "stages run in this terminal" in complaint


def test_the_sweep_that_the_first_stage_starts_from_is_looked_for_first(
    file: Path, root: Path, train: Trains, data: Path
) -> None:
    described = read_file(file, {"starts_from": "sheep"})
    assert isinstance(described, Stages)
    assert [spec.starts_from for spec in described.specs] == ["sheep", "cattle-pretrain"]
    with pytest.raises(SteadytuneError, match=r"^stage pretrain: starts_from: no sweep 'sheep' in "):
        check_ahead(described, root)
    train(spec_of(data, name="sheep", trials=2, confirm_top=0))
    without_start = described.specs[0].model_copy(update={"set": {"depth": 1}})
    stages = Stages(described.name, (without_start, *described.specs[1:]))
    plans, _ = check_ahead(stages, root)
    assert plans[0].spec.set["weights"] == str(SweepFolder(root, "sheep").best / "checkpoint")
    assert as_checked(stages, plans).specs[0].set == {"depth": 1}, "its launch fills the start in"
    assert launch_stages(stages, root, Runs(train), silent).ended


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ({"grace_epochs": 99}, "stage finetune: grace_epochs is 99; it must be at most"),
        (
            {"storage": "/nowhere"},
            "stage finetune: sweep cattle-finetune starts from cattle-pretrain, whose checkpoint",
        ),
        ({"set": {"weights": "x"}}, "stage finetune: set.weights of sweep cattle-finetune says where trainings start"),
    ],
)
def test_a_mistake_of_a_later_stage_is_said_of_it(
    stages: Stages, root: Path, field: dict[str, Any], sentence: str
) -> None:
    first, second = stages.specs
    with pytest.raises(SteadytuneError, match=f"^{sentence}"):
        check_ahead(Stages("cattle", (first, second.model_copy(update=field))), root)
