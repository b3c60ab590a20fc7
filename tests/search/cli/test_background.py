"""What a launch in the background hands to the process that runs the sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from search.cli import background
from search.sweep.plan import make_plan
from search.sweep.spec import read_spec
from tests.support.terminal import Steadytune

SCRIPT = {
    "name": "script",
    "recipe": "command",
    "command": ["python", "train.py", "${args}"],
    "parameters": {"lr": {"low": 1e-5, "high": 1e-1, "log": True, "default": 1e-2}},
    "metric": {"name": "accuracy", "mode": "max", "source": {"csv": "${run_dir}/log.csv"}},
    "epochs": 5,
}
"""A script that cannot be paused: its sweep has other defaults."""


def test_only_what_was_given_so_that_it_runs_as_in_the_terminal(
    tmp_path: Path, steadytune: Steadytune, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[dict[str, Any]] = []
    monkeypatch.setattr(background, "_start", lambda *arguments: handed.append(yaml.safe_load(arguments[-1])))
    file = tmp_path / "sweep.yaml"
    file.write_text(yaml.safe_dump(SCRIPT))
    code, _, error = steadytune("launch", file, "--background", "--trials", 7, "--sweeps", tmp_path / "sweeps")
    assert code == 0, error
    assert handed == [{**SCRIPT, "trials": 7, "directory": str(Path.cwd())}]
    assert make_plan(read_spec(handed[0], "-"), training=False).spec.scheduler == "stopping"
