"""What is skipped is said at the end, with the command that installs what is missing."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support import REPOSITORY, skipped
from tests.support.programs import CEPH, CHROMIUM, PROGRAMS, Program, packages

ABSENT = Program("Nowhere", "nothing", ("nowhere",), (("no-such-program",),))
PYTHON = Program("Python", "everything", ("python3",), (("no-such-program", Path(sys.executable).name),))


def test_a_program_is_found_under_any_of_its_names_and_outside_of_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert PYTHON.require() == Path(sys.executable)
    monkeypatch.setenv("PATH", "")
    assert PYTHON.path is None
    folder = str(Path(sys.executable).parent.relative_to("/"))
    assert Program("Python", "", (), PYTHON.commands, folder).path == Path(sys.executable)


def test_a_test_whose_program_is_missing_is_skipped_with_a_reason() -> None:
    with pytest.raises(pytest.skip.Exception, match=r"^Nowhere is not installed \(nothing\)$"):
        ABSENT.require()


def test_the_list_has_a_line_for_each_reason_and_one_command_for_all_that_is_missing() -> None:
    reasons = Counter({CEPH.reason: 7, CHROMIUM.reason: 2, "only root may mount a disk": 1})
    assert list(skipped.lines(reasons)) == [
        "7 skipped: Ceph is not installed (sweeps on an S3 server)",
        "2 skipped: Chromium is not installed (pages as a browser shows them)",
        "1 skipped: only root may mount a disk",
        "To run them: apt-get install --no-install-recommends chromium ceph-mon ceph-osd radosgw",
    ]
    assert list(skipped.lines(Counter({"only root may mount a disk": 1}))) == ["1 skipped: only root may mount a disk"]
    assert list(skipped.lines(Counter())) == []


def test_runs_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(skipped.VARIABLE, str(tmp_path / "skipped"))
    monkeypatch.setattr(sys, "argv", ["skipped", str(tmp_path / "skipped")])
    skipped.main()
    skipped.remember(Counter({CEPH.reason: 7}))
    skipped.remember(Counter({CEPH.reason: 1}))
    skipped.main()
    assert capsys.readouterr().out.splitlines()[:2] == ["No test was skipped.", f"8 skipped: {CEPH.reason}"]


def test_the_missing_packages_are_listed_before_anything_is_installed() -> None:
    """By Python alone, as on a bare machine, and whatever is installed here."""
    command = [sys.executable, "-S", "-m", "tests.support.programs"]
    done = subprocess.run(command, cwd=REPOSITORY, env={"PATH": ""}, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= set(packages(PROGRAMS).split())
    assert "chromium" in done.stdout
