"""Whole sweeps: listed with size and age, renamed, deleted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from search.sweep.folder import SweepFolder, age, file_size
from tests.support.terminal import Steadytune


@pytest.fixture
def root(sweeps: Path, tmp_path: Path) -> Path:
    """A folder with a copy of the ended sweep `sweep`."""
    root = tmp_path / "own"
    shutil.copytree(sweeps / "sweep", root / "sweep")
    return root


def test_the_list_has_each_sweep_with_its_size_and_age(steadytune: Steadytune, root: Path) -> None:
    code, out, _ = steadytune("ls", "--sweeps", root)
    assert code == 0
    assert out.startswith("sweep: ")
    assert out.rstrip().endswith(" ago)")
    assert steadytune("status", "--sweeps", root)[1] == out
    (listed,) = json.loads(steadytune("ls", "--json", "--sweeps", root)[1])
    assert listed["name"] == "sweep"
    assert listed["bytes"] == sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def test_a_sweep_is_renamed_and_everything_finds_it(steadytune: Steadytune, root: Path) -> None:
    before = json.loads(steadytune("status", "sweep", "--json", "--sweeps", root)[1])
    assert steadytune("rename", "sweep", "new", "--sweeps", root)[:2] == (0, "sweep is new now\n")
    assert json.loads(steadytune("status", "new", "--json", "--sweeps", root)[1]) == before | {"name": "new"}
    assert SweepFolder(root, "new").spec().name == "new"
    assert not (root / "sweep").exists()


def test_the_folder_names_the_sweep_if_a_rename_was_cut_short(root: Path) -> None:
    (root / "sweep").rename(root / "new")
    assert SweepFolder(root, "new").spec().name == "new"


def test_a_deleted_sweep_leaves_nothing(steadytune: Steadytune, root: Path) -> None:
    code, out, _ = steadytune("rm", "sweep", "--yes", "--keep-runs", "--sweeps", root)
    assert code == 0
    assert out.splitlines()[-1] == "sweep is deleted"
    assert [*root.iterdir()] == []
    assert steadytune("ls", "--sweeps", root)[1] == f"No sweeps in {root}\n"


@pytest.mark.parametrize("words", [("rm", "--yes"), ("rename", "new")])
def test_a_sweep_that_runs_is_left_alone(steadytune: Steadytune, root: Path, words: tuple[str, str]) -> None:
    with SweepFolder(root, "sweep").locked():
        code, _, error = steadytune(words[0], "sweep", words[1], "--sweeps", root)
    assert code == 2
    assert f"sweep sweep is running; first `steadytune pause sweep --sweeps {root}`" in error
    assert (root / "sweep" / "sweep.yaml").is_file()


def test_sizes_and_ages_are_for_people() -> None:
    assert [file_size(size) for size in (7, 1500, 2_000_000, 3_200_000_000_000)] == [
        "7 B",
        "1.5 kB",
        "2.0 MB",
        "3200.0 GB",
    ]
    assert [age(seconds) for seconds in (5, 60, 7200, 90000)] == ["a moment", "1 minute", "2 hours", "1 day"]


@pytest.mark.parametrize("json_", [[], ["--json"]])
def test_a_sweep_that_is_deleted_while_it_is_listed_is_left_out(
    steadytune: Steadytune, sweeps: Path, monkeypatch: pytest.MonkeyPatch, json_: list[str]
) -> None:
    monkeypatch.setattr("search.cli.status.names", lambda root: ["deleted", "sweep"])
    code, output, _ = steadytune("ls", *json_, "--sweeps", sweeps)
    assert code == 0
    assert "deleted" not in output
    assert "sweep" in output
