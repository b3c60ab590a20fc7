from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def quiet() -> Iterator[None]:
    """MLflow without telemetry, as the recorder's process has it; pictures and pages are drawn in test_figures.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("DO_NOT_TRACK", "true")
        patch.setenv("GIT_PYTHON_REFRESH", "quiet")
        patch.setattr("search.tracking.artifacts.png", lambda chart: b"\x89PNG")
        patch.setattr("search.tracking.artifacts.sweep_report", lambda *parts: "<!doctype html>")
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sweeps with one MLflow store: making its tables takes seconds."""
    return tmp_path_factory.mktemp("sweeps")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "digits"
    folder.mkdir()
    (folder / "data.txt").write_text("1\n")
    return folder
