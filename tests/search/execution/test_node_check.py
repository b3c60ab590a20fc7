from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search.execution.node_check import Difference, Question, Report, differences, look

DRIVER = Report("3.11.7", {"ray": "2.60.0", "torch": "2.13.0", "optuna": "5.0.0", "steadytune": "0.1.0"}, gpus=0)


@pytest.fixture
def question(tmp_path: Path) -> Question:
    (tmp_path / "data.yaml").touch()
    (tmp_path / "probe").write_text("word")
    return Question("resnet_yolo", str(tmp_path / "data.yaml"), tmp_path / "probe", "word")


def found(question: Question, there: Report, gpus: float = 0.0) -> list[Difference]:
    return list(differences("gpu7", DRIVER, there, question, gpus))


def test_a_node_that_shares_everything_has_nothing_wrong_and_leaves_its_name(question: Question) -> None:
    report = look(question, "gpu7")
    assert (report.data, report.folder, report.recipe) == ("", "", "")
    assert question.probe.with_name("gpu7").exists()


def test_a_folder_of_the_same_name_on_another_disk_is_another_folder(question: Question) -> None:
    question.probe.write_text("the word of another machine's folder")
    assert look(question, "gpu7").folder == "another folder than the driver's"


def test_data_and_recipe_that_a_node_lacks_are_named(question: Question) -> None:
    lacking = Question("cows:Cows", "/nowhere/data.yaml", question.probe, "word")
    report = look(lacking, "gpu7")
    assert report.data == "not there"
    assert report.recipe.startswith("cows cannot be imported")
    assert [one.what for one in found(lacking, report) if one.what.startswith(("data", "recipe"))] == [
        "data /nowhere/data.yaml",
        "recipe cows:Cows",
    ]


def test_packages_that_only_the_driver_needs_may_be_absent(question: Question) -> None:
    assert found(question, Report("3.11.7", {"ray": "2.60.0", "torch": "2.13.0"}, gpus=0)) == []


@pytest.mark.parametrize(
    ("there", "what", "fix"),
    [
        (Report("3.11.9", DRIVER.versions, 0), "python", ""),
        (Report("3.12.1", DRIVER.versions, 0), "python", "run Python 3.11 on every node"),
        (Report("3.11.7", {"ray": "2.60.0", "torch": "2.14.0"}, 0), "torch", ""),
        (Report("3.11.7", {"ray": "2.60.0"}, 0), "torch", "install torch==2.13.0 on every node"),
        (Report("3.11.7", {"ray": "2.60.1", "torch": "2.13.0"}, 0), "ray", "install ray==2.60.0 on every node"),
    ],
)
def test_other_versions_are_told_and_what_cannot_work_stops_the_sweep(
    question: Question, there: Report, what: str, fix: str
) -> None:
    [one] = found(question, there)
    assert (one.what, one.fix) == (what, fix)


def test_trials_on_gpus_need_nodes_that_see_one(question: Question) -> None:
    [one] = found(question, DRIVER, gpus=0.5)
    assert (one.what, one.there) == ("GPUs", "nvidia-smi sees none")
    assert one.fix
    assert found(question, Report("3.11.7", DRIVER.versions, gpus=2), gpus=0.5) == []


@pytest.fixture
def stored(question: Question, tmp_path: Path) -> Question:
    """The same, of a sweep with a storage: no folder is shared."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "probe").write_text("word")
    return replace(question, probe=Path("/no/shared/folder/probe"), storage=(tmp_path / "there").as_uri())


def test_a_node_that_reaches_the_storage_needs_no_shared_folder_and_leaves_nothing_there(
    stored: Question, tmp_path: Path
) -> None:
    assert look(stored, "gpu7").folder == ""
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["probe"]


def test_a_storage_that_a_node_does_not_reach_is_named_with_what_to_do(stored: Question, tmp_path: Path) -> None:
    other = replace(stored, storage=(tmp_path / "other").as_uri())
    report = look(other, "gpu7")
    assert report.folder == "another storage than the driver's"
    [one] = [one for one in found(other, report) if one.what.startswith("storage")]
    assert one.what == f"storage {other.storage}"
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are read where Ray was started" in one.fix
    nowhere = replace(stored, storage="/dev/null/sweeps")
    assert look(nowhere, "gpu7").folder.startswith("it cannot be used (")


def test_data_at_a_uri_are_looked_for_there(question: Question, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    there = replace(question, data=(tmp_path / "data").as_uri())
    assert look(there, "gpu7").data == ""
    report = look(replace(question, data="s4://bucket/data"), "gpu7")
    assert report.data.startswith("Unrecognized filesystem type")
