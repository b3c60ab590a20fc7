"""What is written down of the machine that a trial trains on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.sweep import environment


@pytest.fixture
def looked_at_again() -> Iterator[None]:
    """What was seen is kept once per process; this test sees another machine."""
    environment.environment.cache_clear()
    yield
    environment.environment.cache_clear()


@pytest.mark.usefixtures("looked_at_again")
def test_a_gpu_that_does_not_answer_ends_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(environment, "ANSWER_SECONDS", 0.2)
    assert environment.environment()["gpus"] == []
