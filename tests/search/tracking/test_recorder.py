"""What the driver makes of how its recorder begins."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from search.sweep.folder import SweepFolder
from search.tracking.recorder import FAILED, READY, Recorder


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (f"print('{READY}')", ""),
        (f"print('{FAILED}the MLflow store cannot be opened')", "the MLflow store cannot be opened"),
        ("print('the store is away'); raise SystemExit(1)", ""),
        ("raise SystemExit(1)", "the recorder of MLflow's runs did not start; see"),
        ("import os; os.kill(os.getpid(), 9)", ""),
    ],
    ids=["ready", "no store", "away", "crashed", "killed"],
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


def test_what_the_recorder_says_while_it_runs_reaches_who_launched_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.tracking.recorder.SOON_SECONDS", 0.01)
    said: list[str] = []
    recorder = Recorder(SweepFolder(tmp_path, "sweep"), said.append)
    code = f"print('{READY}'); print('the store is away', flush=True); input()"
    recorder._process = subprocess.Popen(
        [sys.executable, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    recorder.watch(lambda error: pytest.fail(str(error)))
    while not said:
        time.sleep(0.01)
    threading.Timer(0.2, recorder.__exit__).start()
    recorder.finish()
    assert said == ["the store is away", "MLflow is brought up to date, which may take a minute or two ..."]
