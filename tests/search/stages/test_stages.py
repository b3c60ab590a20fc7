"""The file of stages, and where they are written down."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from search.stages.stages import Stages, StagesFolder, read_file
from search.sweep.folder import SweepFolder
from search.sweep.spec import SweepSpec
from trainables.errors import SettingsError, SteadytuneError


def edited(file: Path, **fields: object) -> Path:
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | fields))
    return file


def test_each_stage_is_a_sweep_with_what_the_file_says_for_all_and_its_own_on_top(stages: Stages) -> None:
    first, second = stages.specs
    assert (first.name, second.name) == ("cattle-pretrain", "cattle-finetune")
    assert (first.trials, second.trials) == (3, 2)
    assert first.set == {"depth": 1, "weights": "none"}
    assert (first.starts_from, second.starts_from) == (None, "cattle-pretrain")


def test_where_the_first_stage_starts_says_nothing_about_the_others(stages: Stages) -> None:
    assert stages.specs[1].set == {"depth": 1, "noise": 0.0}


def test_options_are_for_all_stages(file: Path) -> None:
    described = read_file(file, {"trials": 7, "name": "goats"})
    assert isinstance(described, Stages)
    assert [(spec.name, spec.trials) for spec in described.specs] == [("goats-pretrain", 7), ("goats-finetune", 7)]


def test_a_file_without_stages_is_a_sweep(file: Path) -> None:
    content = yaml.safe_load(file.read_text())
    del content["stages"]
    file.write_text(yaml.safe_dump(content))
    assert isinstance(read_file(file, {}), SweepSpec)


@pytest.mark.parametrize(
    ("listed", "sentence"),
    [
        ("pretrain", "must be a list of at least two"),
        ([{"name": "only"}], "must be a list of at least two"),
        ([{"data": "x"}, {"name": "b"}], "stage 1: name is missing; its sweep is called cattle-NAME"),
        ([{"name": 1}, {"name": 2}], "stage 1: name is 1; it must be text, in quotes if it is a number"),
        ([{"name": "a"}, {"name": "b", "set": 5}], "stage 2 .b.: set is 5; it must be a mapping of names to values"),
        ([{"name": "a"}, {"name": "b", "set": ["lr"]}], "stage 2 .b.: set is .'lr'.; it must be a mapping"),
        ([{"name": "a"}, {"name": "b", "stability": True}], "stage 2 .b.: stability is True; it must be a mapping"),
        ([{"name": "a"}, {"name": "a"}], "two stages have the same name"),
        ([{"name": "a"}, {"name": "b", "recipe": "yolox"}], "stage 2 .b.: recipe cannot be a stage's own"),
        ([{"name": "a"}, {"name": "b", "starts_from": "x"}], "stage 2 .b.: starts_from cannot be a stage's own"),
        ([{"name": "a"}, {"name": "b", "trials": 0}], "stage 2 .b.: setting 'trials' is 0"),
        ([{"name": "a"}, {"name": "b c"}], "stage 2 .b c.: setting 'name' is 'cattle-b c'"),
    ],
)
def test_a_mistake_in_a_stage_is_named_with_the_stage(file: Path, listed: object, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        read_file(edited(file, stages=listed), {})


def test_they_are_written_down_and_read_again(stages: Stages, folder: StagesFolder) -> None:
    assert folder.exists()
    assert folder.read() == stages


def test_a_name_that_is_taken_is_refused_before_anything_is_written(stages: Stages, root: Path) -> None:
    SweepFolder.create(root, stages.specs[1])
    with pytest.raises(SteadytuneError, match=r"cattle-finetune, but .* exists, with a sweep"):
        StagesFolder(root, stages.name).create(stages)
    assert not (root / "cattle").exists()


def test_stages_of_the_same_name_are_refused_with_the_way_to_go_on(stages: Stages, folder: StagesFolder) -> None:
    with pytest.raises(SettingsError, match=r"with stages; .* `steadytune resume cattle --sweeps "):
        folder.create(stages)


def test_a_damaged_file_is_refused(folder: StagesFolder) -> None:
    folder.file.write_text("stages: 3\n")
    with pytest.raises(SettingsError, match="stages is missing or no list of mappings"):
        folder.read()


def test_an_empty_mapping_of_a_stage_changes_nothing(file: Path) -> None:
    described = read_file(edited(file, stages=[{"name": "a"}, {"name": "b", "set": None, "stability": None}]), {})
    assert isinstance(described, Stages)
    assert described.specs[1].set == {"depth": 1}


def test_the_name_of_the_whole_is_no_sweep_and_is_not_taken_by_one(stages: Stages, folder: StagesFolder) -> None:
    with pytest.raises(SteadytuneError, match="'cattle' is several sweeps in a row; give one of its stages: none has"):
        SweepFolder.existing(folder.root, "cattle")
    SweepFolder.create(folder.root, stages.specs[0])
    with pytest.raises(SteadytuneError, match="give one of its stages: cattle-pretrain"):
        SweepFolder.existing(folder.root, "cattle")
    with pytest.raises(SteadytuneError, match="with stages; give another name, or go on with them"):
        SweepFolder(folder.root, "cattle").check_free()
