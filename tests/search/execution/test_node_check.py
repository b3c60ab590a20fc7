from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search.execution.node_check import Difference, NodeReport, Question, compare, inspect_node

DRIVER = NodeReport("3.11.7", {"ray": "2.60.0", "torch": "2.13.0", "optuna": "5.0.0", "steadytune": "0.1.0"}, gpus=0)


@pytest.fixture
def question(tmp_path: Path) -> Question:
    (tmp_path / "data.yaml").touch()
    (tmp_path / "probe").write_text("word")
    return Question("resnet_yolo", str(tmp_path / "data.yaml"), tmp_path / "probe", "word")


def differences(question: Question, report: NodeReport, gpus: float = 0.0) -> list[Difference]:
    return list(compare("gpu7", DRIVER, report, question, gpus))


def test_a_node_that_shares_everything_has_nothing_wrong_and_leaves_its_name(question: Question) -> None:
    report = inspect_node(question, "gpu7")
    assert (report.data, report.folder, report.recipe) == ("", "", "")
    assert question.probe.with_name("gpu7").exists()


def test_a_folder_of_the_same_name_on_another_disk_is_another_folder(question: Question) -> None:
    question.probe.write_text("the word of another machine's folder")
    assert inspect_node(question, "gpu7").folder == "another folder than the driver's"


def test_data_and_recipe_that_a_node_lacks_are_named(question: Question) -> None:
    lacking = Question("cows:Cows", "/nowhere/data.yaml", question.probe, "word")
    report = inspect_node(lacking, "gpu7")
    assert report.data == "not there"
    assert report.recipe.startswith("cows cannot be imported")
    assert [
        difference.subject
        for difference in differences(lacking, report)
        if difference.subject.startswith(("data", "recipe"))
    ] == [
        "data /nowhere/data.yaml",
        "recipe cows:Cows",
    ]


def test_a_script_that_a_node_lacks_is_named(question: Question, tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    asked = replace(question, script=[tmp_path, tmp_path / "train.py"])
    assert inspect_node(asked, "gpu7").script == ""
    (tmp_path / "train.py").unlink()
    report = inspect_node(asked, "gpu7")
    assert report.script == f"{tmp_path / 'train.py'} is not there"
    (difference,) = (difference for difference in differences(asked, report) if difference.subject == "the script")
    assert "put its folder under this path on every node" in difference.fix


def test_packages_that_only_the_driver_needs_may_be_absent(question: Question) -> None:
    assert differences(question, NodeReport("3.11.7", {"ray": "2.60.0", "torch": "2.13.0"}, gpus=0)) == []


@pytest.mark.parametrize(
    ("report", "subject", "fix"),
    [
        (NodeReport("3.11.9", DRIVER.versions, 0), "python", ""),
        (NodeReport("3.12.1", DRIVER.versions, 0), "python", "run Python 3.11 on every node"),
        (NodeReport("3.11.7", {"ray": "2.60.0", "torch": "2.14.0"}, 0), "torch", ""),
        (NodeReport("3.11.7", {"ray": "2.60.0"}, 0), "torch", "install torch==2.13.0 on every node"),
        (NodeReport("3.11.7", {"ray": "2.60.1", "torch": "2.13.0"}, 0), "ray", "install ray==2.60.0 on every node"),
    ],
)
def test_other_versions_are_reported_and_those_that_cannot_work_stop_the_sweep(
    question: Question, report: NodeReport, subject: str, fix: str
) -> None:
    [difference] = differences(question, report)
    assert (difference.subject, difference.fix) == (subject, fix)


def test_trials_on_gpus_need_nodes_that_see_one(question: Question) -> None:
    [difference] = differences(question, DRIVER, gpus=0.5)
    assert (difference.subject, difference.on_node) == ("GPUs", "nvidia-smi sees none")
    assert difference.fix
    assert differences(question, NodeReport("3.11.7", DRIVER.versions, gpus=2), gpus=0.5) == []


@pytest.fixture
def stored(question: Question, tmp_path: Path) -> Question:
    """The same, of a sweep with a storage: no folder is shared."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "probe").write_text("word")
    return replace(question, probe=Path("/no/shared/folder/probe"), storage=(tmp_path / "there").as_uri())


def test_a_node_that_reaches_the_storage_needs_no_shared_folder_and_leaves_nothing_there(
    stored: Question, tmp_path: Path
) -> None:
    assert inspect_node(stored, "gpu7").folder == ""
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["probe"]


def test_a_storage_that_a_node_does_not_reach_is_named_with_what_to_do(stored: Question, tmp_path: Path) -> None:
    other = replace(stored, storage=(tmp_path / "other").as_uri())
    report = inspect_node(other, "gpu7")
    assert report.folder == "another storage than the driver's"
    [difference] = [difference for difference in differences(other, report) if difference.subject.startswith("storage")]
    assert difference.subject == f"storage {other.storage}"
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are read where Ray was started" in difference.fix
    nowhere = replace(stored, storage="/dev/null/sweeps")
    assert inspect_node(nowhere, "gpu7").folder.startswith("it cannot be used (")


def test_data_at_a_uri_are_looked_for_there(question: Question, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    at_uri = replace(question, data=(tmp_path / "data").as_uri())
    assert inspect_node(at_uri, "gpu7").data == ""
    report = inspect_node(replace(question, data="s4://bucket/data"), "gpu7")
    assert report.data.startswith("Unrecognized filesystem type")
