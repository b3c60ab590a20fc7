"""How far stages have come is known from their sweeps alone; edits that would change what others started from."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from search.next_step import command
from search.python_api import load
from search.stages.progress import check_unedited, refuse_renaming, refuse_reopening, stage_state
from search.stages.stages import Stages, StagesFolder
from search.state.outcome import finalists
from search.sweep.folder import SweepFolder
from search.views.verdict import next_step
from tests.support.terminal import Steadytune
from trainables.errors import SteadytuneError

if TYPE_CHECKING:
    from tests.search.stages.conftest import Trains


def test_a_stage_has_no_state_before_it_begins(stages: Stages, folder: StagesFolder, train: Trains) -> None:
    train(stages.specs[0])
    states = [stage_state(folder.root, spec) for spec in stages.specs]
    assert states[0] is not None
    assert states[0].ended is not None
    assert states[1] is None


def replaced(before: str, after: str) -> Callable[[Path], None]:
    def edit(file: Path) -> None:
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after, 1))

    return edit


def test_stages_that_have_begun_stay_as_they_were(stages: Stages, folder: StagesFolder, train: Trains) -> None:
    train(stages.specs[0])
    check_unedited(folder.read(), folder)
    replaced("trials: 3", "trials: 30")(folder.file)
    with pytest.raises(
        SteadytuneError, match="trials of stage pretrain is 30, but the stage began with 3; set it"
    ) as refused:
        check_unedited(folder.read(), folder)
    resume = SweepFolder(folder.root, "cattle-pretrain").command("resume", "--trials", "30")
    assert f"change the stage by `{resume}`" in str(refused.value)
    replaced("trials: 30", "trials: 2")(folder.file)
    with pytest.raises(
        SteadytuneError, match=r"trials of stage pretrain is 2, but the stage began with 3; set it back$"
    ):
        check_unedited(folder.read(), folder)  # it has ended, so a resume with fewer is refused
    replaced("trials: 2", "trials: 3")(folder.file)
    replaced("depth: 1", "depth: 2")(folder.file)
    with pytest.raises(SteadytuneError, match=r"resume cattle-pretrain .*--trials 6 --set NAME.high=VALUE`$"):
        check_unedited(folder.read(), folder)
    replaced("depth: 2", "depth: 1")(folder.file)
    replaced("seed: 0", "seed: 1")(folder.file)
    with pytest.raises(SteadytuneError, match=r"seed of stage pretrain is 1, but the stage began with 0; set it back$"):
        check_unedited(folder.read(), folder)


def test_an_edited_stage_that_another_one_started_from_can_only_be_set_back(
    stages: Stages, folder: StagesFolder, train: Trains
) -> None:
    for spec in stages.specs:
        train(spec)
    replaced("trials: 3", "trials: 30")(folder.file)
    with pytest.raises(SteadytuneError, match=r"but the stage began with 3; set it back$"):
        check_unedited(folder.read(), folder)


def test_a_stage_that_has_not_begun_may_be_edited(stages: Stages, folder: StagesFolder, train: Trains) -> None:
    train(stages.specs[0])
    replaced("trials: 2", "trials: 20")(folder.file)
    check_unedited(folder.read(), folder)
    assert folder.read().specs[1].trials == 20


def test_the_own_file_of_a_stage_that_another_one_started_from_stays_as_it_was(
    stages: Stages, folder: StagesFolder, train: Trains
) -> None:
    for spec in stages.specs:
        train(spec)
    check_unedited(folder.read(), folder)
    replaced("trials: 3", "trials: 30")(SweepFolder(folder.root, "cattle-pretrain").spec_file)
    with pytest.raises(SteadytuneError, match="trials is 30, but the stage ended with 3, and a later stage of cattle"):
        check_unedited(folder.read(), folder)


def test_a_sweep_is_not_reopened_once_another_one_started_from_it(
    stages: Stages, folder: StagesFolder, train: Trains
) -> None:
    train(stages.specs[0])
    first = SweepFolder(folder.root, "cattle-pretrain")
    refuse_reopening(first)
    train(stages.specs[1])
    with pytest.raises(SteadytuneError, match="cattle-finetune started from its winner, which must stay the same"):
        refuse_reopening(first)
    refuse_reopening(SweepFolder(folder.root, "cattle-finetune"))


def test_the_summary_of_a_stage_advises_no_resume_which_would_be_refused(
    stages: Stages, folder: StagesFolder, train: Trains
) -> None:
    first, last = (SweepFolder(folder.root, spec.name) for spec in stages.specs)
    state = train(stages.specs[0])  # its baseline has won, so a sweep by itself would be searched on
    resume = command("resume", "cattle", folder.root)
    assert list(next_step(state, finalists(state), "", first)) == [
        f"Next: stage cattle-finetune, which starts from this winner; if it does not begin by itself, {resume}"
    ]
    of_last = train(stages.specs[1])
    assert list(next_step(state, finalists(state), "", first)) == [
        f"Next: sweep cattle-finetune, which started from this winner, {last.command('status')}"
    ]
    (last.root / "damaged").mkdir()
    (last.root / "damaged" / "sweep.yaml").write_text("[")
    advice = f"search on, {last.command('resume', '--trials', '4')}"
    assert any(advice in sentence for sentence in next_step(of_last, finalists(of_last), "", last))


def test_a_stage_that_is_gone_is_not_trained_again_behind_the_back_of_those_after_it(
    stages: Stages, folder: StagesFolder, train: Trains
) -> None:
    for spec in stages.specs:
        train(spec)
    shutil.rmtree(folder.root / "cattle-pretrain")
    with pytest.raises(SteadytuneError, match="sweep cattle-pretrain is gone, but later stages started from it"):
        check_unedited(folder.read(), folder)


def test_a_sweep_that_others_know_by_its_name_is_not_renamed(
    stages: Stages, folder: StagesFolder, train: Trains
) -> None:
    train(stages.specs[0])
    with pytest.raises(SteadytuneError, match="sweep cattle-pretrain is a stage of cattle"):
        refuse_renaming(SweepFolder(folder.root, "cattle-pretrain"))
    folder.remove()
    refuse_renaming(SweepFolder(folder.root, "cattle-pretrain"))
    train(stages.specs[1])
    with pytest.raises(SteadytuneError, match="sweep cattle-finetune started from cattle-pretrain"):
        refuse_renaming(SweepFolder(folder.root, "cattle-pretrain"))


def test_a_sweep_is_not_deleted_while_another_one_needs_it(
    stages: Stages, folder: StagesFolder, train: Trains, steadytune: Steadytune
) -> None:
    for spec in stages.specs:
        train(spec)
    remove = ["rm", "--yes", "--keep-runs", "--sweeps", folder.root]
    code, _, complaint = steadytune(*remove, "cattle-pretrain")
    assert code == 2
    assert "cattle-finetune started from cattle-pretrain, and cannot go on without it; delete both" in complaint
    assert SweepFolder(folder.root, "cattle-pretrain").spec_file.is_file()
    assert steadytune(*remove, "cattle-pretrain", "cattle-finetune")[0] == 0


def test_all_that_cannot_go_on_without_a_sweep_are_named_at_once(
    stages: Stages, folder: StagesFolder, train: Trains, steadytune: Steadytune
) -> None:
    """Else the command that is advised was refused because of the next one."""
    last = stages.specs[1]
    for spec in (*stages.specs, last.model_copy(update={"name": "cattle-last", "starts_from": last.name})):
        train(spec)
    _, _, complaint = steadytune("rm", "--sweeps", folder.root, "cattle-pretrain")
    delete = SweepFolder(folder.root, "cattle-pretrain").command("rm", "cattle-finetune", "cattle-last")
    assert f"cannot go on without it; delete all 3: `{delete}`" in complaint
    assert steadytune("rm", "--yes", "--keep-runs", *shlex.split(delete)[2:])[0] == 0


def test_no_way_leads_to_more_trials_of_a_sweep_that_another_one_started_from(
    stages: Stages, folder: StagesFolder, train: Trains, steadytune: Steadytune
) -> None:
    for spec in stages.specs:
        train(spec)
    file = SweepFolder(folder.root, "cattle-pretrain").spec_file
    before = file.read_text()
    for verb, *options in (["resume", "--trials", "9"], ["resume"], ["add", "quality=0.5"]):
        code, _, complaint = steadytune(verb, "cattle-pretrain", *options, "--sweeps", folder.root)
        assert code == 2
        assert "cattle-finetune started from its winner" in complaint
    with pytest.raises(SteadytuneError, match="cattle-finetune started from its winner"):
        load("cattle-pretrain", folder.root).resume(trials=9)
    assert file.read_text() == before
