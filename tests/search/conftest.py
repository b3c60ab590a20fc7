from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.terminal import Said, Steadytune


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The sample data set of the fake recipes, in a folder with a space and an accent in its name."""
    folder = tmp_path / "my données"
    folder.mkdir()
    (folder / "data.txt").write_text("1\n")
    return folder


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where a sweep's journal may be written."""
    return tmp_path / "journal"


@pytest.fixture
def steadytune(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Steadytune:
    """The command line in this process."""
    from search.cli.app import main

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["steadytune", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def sweeps(tmp_path: Path, data: Path) -> Path:
    """A folder with one sweep that has ended; its trial 1 ("lost") met a loss that is no number."""
    from search.state.outcome import result
    from search.sweep.folder import SweepFolder
    from tests.support.fakes import plan_of
    from tests.support.workers import swept

    root = tmp_path / "sweeps"
    plan = plan_of(data, trials=4, enqueue=["steady", "lost"], confirm_top=1, confirm_seeds=1)
    folder = SweepFolder.create(root, plan.spec)
    coordinator = swept(plan, folder.journal)
    coordinator.end(result(coordinator.state))
    return root
