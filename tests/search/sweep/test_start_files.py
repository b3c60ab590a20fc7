"""Paths in a sweep file are of the folder of the launch: workers have others, and so may a resume or an export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.journal.events import SweepOpened
from search.journal.segments import Journal
from search.sampling.warm_start import load_prior_sweeps
from search.sweep.folder import SweepFolder
from search.sweep.plan import make_plan
from search.sweep.sweep_file import spec_of
from tests.support.fakes import Curves

CURVES = "tests.support.fakes:Curves"


@pytest.fixture
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "old").mkdir()
    (tmp_path / "start.pt").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def weights(value: Any, recipe: str = CURVES) -> Any:
    fields = {"recipe": recipe, "preset": "short", "data": "data", "trials": 3, "set": {"weights": value}}
    return spec_of(fields, {}, "sweep.yaml").set["weights"]


@pytest.mark.parametrize("name", ["start.pt", "./old"])
def test_a_file_or_a_folder_here(working_folder: Path, name: str) -> None:
    assert weights(name) == str(working_folder / name)


@pytest.mark.parametrize("value", [["none", "start.pt"], {"choices": ["none", "start.pt"]}])
def test_among_choices(working_folder: Path, value: Any) -> None:
    choices = value["choices"] if isinstance(value, dict) else value
    completed = weights(value)
    assert (completed["choices"] if isinstance(completed, dict) else completed) == [
        choices[0],
        str(working_folder / "start.pt"),
    ]


@pytest.mark.parametrize("name", ["none", "old", "away.pt", "/elsewhere/start.pt"])
def test_what_is_no_path_of_a_file_here_stays(working_folder: Path, name: str) -> None:
    """The folder "old" too: a recipe may know that name."""
    assert weights(name) == name


def test_an_unknown_recipe_is_left_to_those_who_say_so(working_folder: Path) -> None:
    assert weights("start.pt", "no_such_recipe") == "start.pt"


def test_the_data_and_the_store_are_found_from_another_folder(
    working_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Curves().sample(working_folder / "cattle")
    fields = {"recipe": CURVES, "preset": "short", "data": "cattle", "store": "sqlite:///team.db", "trials": 3}
    spec = spec_of({**fields, "name": "mine"}, {}, "sweep.yaml")
    folder = SweepFolder.create(working_folder / "sweeps", make_plan(spec).spec)
    monkeypatch.chdir(working_folder / "old")
    plan = make_plan(folder.spec())
    assert (plan.spec.data, plan.spec.store) == (
        str(working_folder / "cattle"),
        f"sqlite:///{working_folder / 'team.db'}",
    )


def test_an_earlier_sweep_is_found_from_another_folder(working_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A launch that was killed before its first row is resumed without the earlier sweep's trials in its journal."""
    fields = {"recipe": CURVES, "preset": "short", "data": "data", "trials": 3}
    first = SweepFolder.create(working_folder / "old", spec_of({**fields, "name": "first"}, {}, "sweep.yaml"))
    journal = Journal(first.journal)
    journal.append(SweepOpened(1))
    journal.flush()
    spec = spec_of({**fields, "name": "second", "warm_start": ["old/first"]}, {}, "sweep.yaml")
    folder = SweepFolder.create(working_folder / "sweeps", spec)
    monkeypatch.chdir(working_folder / "old")
    (prior,) = load_prior_sweeps(make_plan(folder.spec(), training=False), folder.root)
    assert prior.sweep == "first"
    by_name = spec_of({**fields, "name": "third", "warm_start": ["second"]}, {}, "sweep.yaml")
    assert by_name.warm_start == ["second"], "it is looked up among the sweeps"


@pytest.mark.parametrize(
    "fields",
    [
        {"data": "coco8.yaml", "store": "http://127.0.0.1:5000"},
        {"data": "s3://bucket/old", "store": "postgresql://host/mlflow"},
        {"data": "/elsewhere/data", "store": "sqlite:////elsewhere/mlflow.db"},
    ],
)
def test_a_name_an_address_and_a_whole_path_stay(working_folder: Path, fields: dict[str, str]) -> None:
    spec = spec_of({"recipe": CURVES, "name": "mine", **fields}, {}, "sweep.yaml")
    assert {"data": spec.data, "store": spec.store} == fields
