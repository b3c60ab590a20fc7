"""A path of the weights that trainings start from is of the folder of the launch; workers have others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.sweep.sweep_file import spec_of

CURVES = "tests.support.fakes:Curves"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "old").mkdir()
    (tmp_path / "start.pt").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def weights(value: Any, recipe: str = CURVES) -> Any:
    fields = {"recipe": recipe, "preset": "short", "data": "data", "trials": 3, "set": {"weights": value}}
    return spec_of(fields, {}, "sweep.yaml").set["weights"]


@pytest.mark.parametrize("name", ["start.pt", "./old"])
def test_a_file_or_a_folder_here(here: Path, name: str) -> None:
    assert weights(name) == str(here / name)


@pytest.mark.parametrize("value", [["none", "start.pt"], {"choices": ["none", "start.pt"]}])
def test_among_choices(here: Path, value: Any) -> None:
    choices = value["choices"] if isinstance(value, dict) else value
    kept = weights(value)
    assert (kept["choices"] if isinstance(kept, dict) else kept) == [choices[0], str(here / "start.pt")]


@pytest.mark.parametrize("name", ["none", "old", "away.pt", "/elsewhere/start.pt"])
def test_what_is_no_path_of_a_file_here_stays(here: Path, name: str) -> None:
    """The folder "old" too: a recipe may know that name."""
    assert weights(name) == name


def test_an_unknown_recipe_is_left_to_those_who_say_so(here: Path) -> None:
    assert weights("start.pt", "no_such_recipe") == "start.pt"
