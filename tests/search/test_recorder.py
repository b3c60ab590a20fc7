"""What the driver makes of how its recorder begins."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from search.folder import SweepFolder
from search.tracking.recorder import READY, Recorder


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (f"print('{READY}')", ""),
        ("print('the MLflow store cannot be opened')", "the MLflow store cannot be opened"),
        ("raise SystemExit(1)", "the recorder of MLflow's runs did not start; see"),
        ("import os; os.kill(os.getpid(), 9)", ""),
    ],
    ids=["ready", "no store", "crashed", "killed"],
)
def test_only_a_recorder_that_cannot_begin_stops_the_sweep(tmp_path: Path, code: str, said: str) -> None:
    recorder = Recorder(SweepFolder(tmp_path, "sweep"))
    recorder._process = subprocess.Popen(
        [sys.executable, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    failures: list[Exception] = []
    recorder.watch(failures.append)
    for thread in threading.enumerate():
        if thread.name == "recorder-watch":
            thread.join(30)
    assert "".join(map(str, failures)).startswith(said)
    assert bool(failures) == bool(said)
    recorder.__exit__()
    recorder.finish()
