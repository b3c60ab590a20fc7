"""How a launch ends."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.text import Text

from search.journal.events import SweepEnded
from search.journal.segments import Journal
from search.run import shown, sweep_run
from search.state.outcome import result
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan
from tests.support.terminal import Steadytune
from tests.support.workers import swept

SWEEP = ["--recipe", "tests.support.fakes:Curves", "--preset", "short", "--trials", "3", "--name", "new"]


@pytest.fixture
def launched(tmp_path: Path, data: Path, steadytune: Steadytune, monkeypatch: pytest.MonkeyPatch) -> Steadytune:
    """The verb for a small sweep, whose trainings are taken in this process: no Ray, no MLflow."""

    def without_ray(plan: Plan, root: Path, *_: Any) -> sweep_run.Finished:
        folder = SweepFolder.create(root, plan.spec)
        coordinator = swept(plan, folder.journal)
        coordinator.end(result(coordinator.state))
        recorder: Any = SimpleNamespace(finish=lambda: True)
        return sweep_run.Finished(coordinator.state, recorder)

    monkeypatch.setattr(sweep_run, "launch", without_ray)
    return lambda *more: steadytune("launch", *SWEEP, "--data", data, "--sweeps", tmp_path / "sweeps", *more)


@pytest.mark.parametrize(("fields", "expected"), [(["--set", "nan_at=1"], 1), ([], 0)])
def test_a_sweep_in_which_every_training_is_lost_ends_with_1(
    fields: list[str], expected: int, launched: Steadytune
) -> None:
    code, output, _ = launched(*fields)
    assert code == expected
    assert ("No trial trained to its end" in output) == bool(expected), output


class Terminal(io.StringIO):
    """A terminal, in which someone has typed."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "expected"), [("n\n", 130), ("y\n", 0), (None, 0)])
def test_a_preset_for_gpus_on_a_machine_without_is_asked_about(
    typed: str | None, expected: int, launched: Steadytune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "machine_notes", lambda _: [Text("this machine has no GPU")])
    monkeypatch.setattr("sys.stdin", Terminal(typed) if typed else io.StringIO())
    code, output, problems = launched()
    assert (code, (tmp_path / "sweeps" / "new").exists()) == (expected, expected == 0)
    assert "this machine has no GPU" in output, "also where nobody is asked"
    assert ("Train all the same?" in output) == bool(typed)
    assert ("nothing was launched" in output) == (expected != 0)
    assert "interrupted" not in output + problems


def test_the_resume_of_a_sweep_that_has_ended_is_refused_before_anything_is_said(
    steadytune: Steadytune, sweeps: Path
) -> None:
    code, output, error = steadytune("resume", "sweep", "--sweeps", sweeps)
    assert (code, output) == (2, "")
    more = SweepFolder(sweeps, "sweep").command("resume", "--trials", "8")
    assert f"sweep sweep has ended; give it more to do, such as `{more}`" in error


def test_where_the_export_of_an_ended_sweep_is_missing_a_resume_says_what_writes_it(
    steadytune: Steadytune, sweeps: Path
) -> None:
    """As on another machine, which has fetched the sweep from its storage."""
    folder = SweepFolder(sweeps, "sweep")
    written = f"have its best written to this machine by `{folder.command('export')}`"
    assert written in steadytune("resume", "sweep", "--sweeps", sweeps)[2]
    folder.best.mkdir()
    assert written not in steadytune("resume", "sweep", "--sweeps", sweeps)[2]
    folder.best.rmdir()
    journal = Journal(folder.journal)
    journal.append(SweepEnded(-1, "no trial trained to its end"))
    journal.flush()
    assert written not in steadytune("resume", "sweep", "--sweeps", sweeps)[2], "it has no best"


def test_a_sweep_that_an_earlier_version_decided_in_another_way_is_not_resumed(
    steadytune: Steadytune, sweeps: Path
) -> None:
    """It was refused, until the call was lost when modules were divided."""
    file = SweepFolder(sweeps, "sweep").spec_file
    file.write_text(f"{file.read_text()}brackets: 3\n")
    before = file.read_text()
    for options in ([], ["--trials", "9"]):
        code, _, error = steadytune("resume", "sweep", *options, "--sweeps", sweeps)
        assert code == 2
        assert "was launched with brackets: 3, which was removed" in error
    assert file.read_text() == before
