"""What the driver makes of its recorder's messages and of its end."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from search.sweep.folder import SweepFolder
from search.tracking.recorder import FAILED, Recorder
from search.tracking.sync import READY


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    (tmp_path / "sweep").mkdir()
    return SweepFolder(tmp_path, "sweep")


def python(code: str) -> list[str]:
    """A process that stands for the recorder's."""
    return [sys.executable, "-S", "-c", code]


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (f"print('{READY}')", ""),
        (f"print('{FAILED}the MLflow store cannot be opened')", "the MLflow store cannot be opened"),
        ("print('the store does not answer'); raise SystemExit(1)", ""),
        ("raise SystemExit(1)", "the recorder of MLflow's runs did not start; see"),
        ("import os; os.kill(os.getpid(), 9)", ""),
    ],
    ids=["ready", "no store", "away", "crashed", "killed"],
)
def test_only_a_recorder_that_cannot_begin_stops_the_sweep(folder: SweepFolder, code: str, failure: str) -> None:
    failures: list[Exception] = []
    with Recorder(folder, command=python(code)) as recorder:
        recorder.watch(failures.append)
        recorder.join(30)
    recorder.finish()
    assert "".join(map(str, failures)).startswith(failure)
    assert bool(failures) == bool(failure)


def test_a_process_with_many_sweeps_keeps_no_file_open_for_their_recorders(folder: SweepFolder) -> None:
    files = Path("/proc/self/fd")
    before = len(list(files.iterdir()))
    with Recorder(folder, command=python("input()")) as recorder:
        recorder.watch(lambda error: None)
    recorder.finish()
    recorder.join(30)
    assert len(list(files.iterdir())) == before


def test_the_recorders_messages_reach_the_user(folder: SweepFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.tracking.recorder.NOTICE_SECONDS", 0.01)
    messages: list[str] = []
    arrived = threading.Event()

    def notify(message: str) -> None:
        messages.append(message)
        arrived.set()
        if len(messages) == 2:
            recorder.__exit__()  # lets the process end, which `finish` waits for

    code = f"print('{READY}'); print('the store does not answer', flush=True); input()"
    recorder = Recorder(folder, notify, python(code)).__enter__()
    recorder.watch(lambda error: pytest.fail(str(error)))
    assert arrived.wait(30)
    recorder.finish()
    assert messages == [
        "the store does not answer",
        "MLflow is being brought up to date, which may take a minute or two ...",
    ]
