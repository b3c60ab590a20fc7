"""The command line becomes `steadytune resume NAME` when Ray dies, as long as epochs are recorded in between."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from search.execution.succession import SUCCESSION, VARIABLE, goes_on
from tests.support import journals
from trainables.errors import SteadytuneError

WHAT = "Ray's process gcs_server on this machine has died"


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What this process would have been replaced by: a program, its arguments and environment."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(os, "execve", lambda *call: calls.append(call))
    return calls


def die_in_block(sweep: Path, session: Path, interrupted: bool = False) -> None:
    with goes_on(sweep.name, sweep.parent, lambda: interrupted):
        os.environ["RAY_OF_THE_BLOCK"] = "1"
        succeed = SUCCESSION.get()
        assert succeed
        succeed(WHAT, sweep, session)


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep of two epochs; the environment is restored afterwards."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    folder = tmp_path / "sweeps" / "cattle"
    journals.write(folder / "journal", range(1, 3))
    return folder


def test_the_process_becomes_a_resume(sweep: Path, tmp_path: Path, replaced: list[Any]) -> None:
    die_in_block(sweep, tmp_path / "session")
    program, words, environment = replaced[0]
    assert (program, words[0]) == (sys.executable, sys.executable)
    assert words[1:] == ["-m", "search", "resume", "cattle", "--sweeps", str(sweep.parent)]
    assert "RAY_OF_THE_BLOCK" not in environment
    assert json.loads(environment[VARIABLE])["sweep"] == str(sweep)
    assert SUCCESSION.get() is None, "after the block, and in a program that imports steadytune, nothing goes on"


def test_an_interrupted_sweep_does_not_go_on(sweep: Path, tmp_path: Path, replaced: list[Any]) -> None:
    die_in_block(sweep, tmp_path / "session", interrupted=True)
    assert replaced == []


def test_it_goes_on_again_only_after_another_epoch(
    sweep: Path, tmp_path: Path, replaced: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    session = tmp_path / "session"
    (session / "logs").mkdir(parents=True)
    die_in_block(sweep, session)
    os.environ[VARIABLE] = replaced[-1][2][VARIABLE]
    die_in_block(sweep, tmp_path / "second")
    assert not session.exists()
    assert len(replaced) == 2
    assert capsys.readouterr().err == f"{WHAT}; the sweep goes on by itself, from what it has recorded.\n"

    os.environ[VARIABLE] = again = replaced[-1][2][VARIABLE]
    with (
        pytest.raises(SteadytuneError, match=f"^{WHAT} again, before another epoch was recorded; nothing is lost"),
        goes_on("cattle", sweep.parent, lambda: False),
    ):
        raise AssertionError("the block has begun")
    assert capsys.readouterr().err == ""
    assert VARIABLE not in os.environ, "no process that is started later believes that it goes on"

    journals.write(sweep / "journal", range(3, 4))
    os.environ[VARIABLE] = again
    die_in_block(sweep, tmp_path / "third")
    assert json.loads(replaced[-1][2][VARIABLE])["epochs"] == 3


def test_it_goes_on_once_from_a_journal_that_has_not_begun(tmp_path: Path, sweep: Path, replaced: list[Any]) -> None:
    new = tmp_path / "sweeps" / "new"
    for _ in range(2):
        die_in_block(new, tmp_path / "session")
        os.environ[VARIABLE] = replaced[-1][2][VARIABLE]
    with pytest.raises(SteadytuneError, match="before another epoch was recorded"):
        die_in_block(new, tmp_path / "session")
