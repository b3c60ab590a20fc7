"""Commands that messages suggest work where they are pasted."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from search.cli.verbs import VERBS
from search.next_step import command
from search.sweep.folder import SweepFolder
from tests.test_architecture import modules


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of its own, and no other folder of sweeps in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STEADYTUNE_SWEEPS", raising=False)
    return tmp_path


def test_the_default_folder_is_left_out(working_folder: Path) -> None:
    assert command("resume", "cattle", Path("sweeps")) == "steadytune resume cattle"
    assert (
        command("resume", "cattle", working_folder / "sweeps", "--trials", "30")
        == "steadytune resume cattle --trials 30"
    )


def test_another_folder_is_named_as_short_as_it_can_be(working_folder: Path) -> None:
    assert command("resume", "cattle", working_folder / "team") == "steadytune resume cattle --sweeps team"
    assert command("status", "cattle", Path("/data/sweeps")) == "steadytune status cattle --sweeps /data/sweeps"


def test_a_folder_from_the_environment_is_named_and_so_is_the_default_beside_it(
    working_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEADYTUNE_SWEEPS", "/data/sweeps")
    assert command("resume", "cattle", Path("/data/sweeps")) == "steadytune resume cattle --sweeps /data/sweeps"
    assert command("resume", "cattle", Path("sweeps")) == "steadytune resume cattle --sweeps sweeps"


def test_a_shell_reads_what_was_meant(working_folder: Path) -> None:
    folder = SweepFolder(working_folder / "my sweeps; rm", "cattle")
    words = ["steadytune", "resume", "cattle", "--sweeps", "my sweeps; rm", "--set", "batch=[8, 16]"]
    assert shlex.split(folder.command("resume", "--set", "batch=[8, 16]")) == words


def verbs_of_a_sweep() -> Iterator[str]:
    """The verbs that look for a sweep in a folder of sweeps."""
    for name, verb in VERBS.items():
        function = getattr(import_module(f"search.cli.{verb.module}"), name.replace("-", "_"))
        if {"name", "names"} & inspect.signature(function).parameters.keys():
            yield name


def test_no_message_makes_up_a_sweeps_command_by_itself() -> None:
    """It would forget the folder of the sweeps."""
    begins = re.compile(rf"steadytune ({'|'.join(verbs_of_a_sweep())}) '?$")
    by_hand = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for text, value in zip(node.values, node.values[1:], strict=False)
        if isinstance(text, ast.Constant) and isinstance(value, ast.FormattedValue) and begins.search(str(text.value))
    ]
    assert by_hand == []
