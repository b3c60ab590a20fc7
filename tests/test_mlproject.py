"""The file `MLproject`, as MLflow reads it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from tests.support import REPOSITORY


@pytest.mark.parametrize(
    ("entry", "given", "command"),
    [
        ("main", {"file": "sweep.yaml"}, "steadytune launch sweep.yaml"),
        ("resume", {"name": "a"}, "steadytune resume a"),
    ],
)
def test_mlflow_runs_a_sweep_as_a_project(entry: str, given: dict[str, str], command: str) -> None:
    projects: Any = import_module("mlflow.projects._project_spec")  # has no types
    project = projects.load_project(str(REPOSITORY))
    assert project.name == "steadytune"
    assert project.get_entry_point(entry).compute_command(given, storage_dir=None) == command
