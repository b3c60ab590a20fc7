"""What a check finds before a launch would."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.terminal import Steadytune

SCRIPT = """
recipe: command
name: a
epochs: 2
command: [python, trian.py, '${args}', '${run_dir}']
parameters: {lr: {low: 0.1, high: 1.0, default: 0.5}}
metric: {name: acc, mode: max, source: {csv: '${run_dir}/log.csv'}}
"""


def test_a_script_that_is_not_there(steadytune: Steadytune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").touch()
    (tmp_path / "sweep.yaml").write_text(SCRIPT)
    code, _, error = steadytune("check", "sweep.yaml")
    assert (code, error.count("\n")) == (2, 1)
    assert "command: 'trian.py' is no file in" in error
    (tmp_path / "sweep.yaml").write_text(SCRIPT.replace("trian", "train"))
    assert steadytune("check", "sweep.yaml")[0] == 0
