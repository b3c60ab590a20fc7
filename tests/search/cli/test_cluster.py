"""The verb `logs` on a trial of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.terminal import Steadytune


@pytest.fixture
def log(sweeps: Path) -> Path:
    """The log of trial 3."""
    log = sweeps / "sweep" / "trials" / "0003" / "log.txt"
    log.parent.mkdir(parents=True)
    return log


def test_a_trials_log_is_printed_as_it_is(steadytune: Steadytune, sweeps: Path, log: Path) -> None:
    log.write_text("epoch 1\n")
    assert steadytune("logs", "sweep", 3, "--sweeps", sweeps) == (0, "epoch 1\n", "")


def test_of_an_empty_log_it_is_said_that_it_is_empty_and_where_it_is(
    steadytune: Steadytune, sweeps: Path, log: Path
) -> None:
    log.touch()
    sentence = f"trial 3 of sweep sweep has written nothing yet; it would stand in {log}\n"
    assert steadytune("logs", "sweep", 3, "--sweeps", sweeps) == (0, "", sentence)
