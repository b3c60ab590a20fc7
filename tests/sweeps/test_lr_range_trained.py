"""The learning rate range test on a real model: the detector of document 002, for two epochs at each rate."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from search.cli.app import app
from search.sweep.plan import make_plan
from search.sweep.sweep_file import read_sweep
from trainables.settings import read_yaml

pytestmark = pytest.mark.e2e


def test_the_range_of_the_detector_holds_the_rate_that_its_document_ends_with(tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["sample", "resnet_yolo", str(tmp_path / "digits")]).exit_code == 0
    data, out = tmp_path / "digits" / "data.yaml", tmp_path / "out"
    words = ["lr-range", "resnet_yolo", "--data", str(data), "--preset", "tiny", "--epochs", "2", "--out", str(out)]
    result = runner.invoke(app, [*words, "--low", "1e-6", "--high", "30", "--rates", "6", "--set", "image_size=64"])
    assert result.exit_code == 0, result.output
    span = read_yaml(out / "lr-range.yaml")["set"]["lr"]
    assert 1e-6 < span["low"] <= 1e-3 <= span["high"] < 1.0
    assert "blows up" in result.output
    plan = make_plan(read_sweep(out / "lr-range.yaml", {"trials": 2}))
    assert plan.ranges["lr"].high == span["high"]
