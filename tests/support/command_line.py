"""steadytune's command line in a folder of its own, for whole sweeps that are killed or interrupted."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

from search.journal.events import Decided, EpochDone, TrialStarted
from search.journal.segments import read
from search.sweep.folder import SweepFolder
from tests.support import REPOSITORY, SUPPORT
from tests.support.waiting import wait_until

LAUNCH = ["launch", "--recipe", "trouble:Trouble", "--preset", "tiny", "--data", ".", "--name", "sweep"]
LONG = [*LAUNCH, "--set", "epochs=20", "--set", "pause=0.2", "--trials", "5", "--confirm-seeds", "1"]


class Tool:
    """Runs steadytune in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths = os.pathsep.join(map(str, (SUPPORT, REPOSITORY)))
        self.env = {**os.environ, "PYTHONPATH": paths, "COLUMNS": "200"}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        command = [sys.executable, "-m", "search", *words]
        return subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)

    def start(self, *words: str, epochs: int = 12) -> subprocess.Popen[str]:
        """Start in a process group of its own and return when so many epochs are in the journal."""
        command = [sys.executable, "-m", "search", *words]
        output = (self.folder / "output.txt").open("w", encoding="utf-8")
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.env,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
            # A foreground job: whoever starts the tests in the background has Ctrl-C ignored, which is inherited.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        wait_until(lambda: process.poll() is not None or self.epochs() >= epochs, self.output)
        assert self.epochs() >= epochs, self.output()
        return process

    def epochs(self) -> int:
        """How many a started process has journalled."""
        journal = self.folder / "sweeps" / "sweep" / "journal"
        return sum(isinstance(row.event, EpochDone) for row in read(journal)) if journal.is_dir() else 0

    def output(self) -> str:
        """What a started process has printed."""
        return (self.folder / "output.txt").read_text()


def assert_complete(root: Path) -> None:
    """Every trial ended once, no epoch twice, and MLflow has exactly what the journal has."""
    events = [row.event for row in read(SweepFolder(root, "sweep").journal)]
    started = Counter(event.trial for event in events if isinstance(event, TrialStarted))
    stopped = Counter(event.trial for event in events if isinstance(event, Decided) and event.action == "stop")
    done = Counter((event.trial, event.epoch) for event in events if isinstance(event, EpochDone))
    assert started == stopped
    assert set(started.values()) == {1}
    assert set(done.values()) == {1}
    for trial in started:
        epochs_of_trial = sorted(epoch for number, epoch in done if number == trial)
        assert epochs_of_trial == list(range(1, len(epochs_of_trial) + 1)), f"trial {trial} has a hole"
    assert_recorded(root, len(started), len(done))


def assert_recorded(root: Path, trials: int, epochs: int) -> None:
    """MLflow has a run for each of so many trials and for the sweep, all ended, and so many epochs, none twice."""
    database = sqlite3.connect(root / "mlflow.db")
    assert database.execute("select count(*) from runs").fetchone() == (trials + 1,)
    assert database.execute("select count(*) from runs where status = 'RUNNING'").fetchone() == (0,)
    recorded = "select count(*), count(distinct run_uuid || '/' || step) from metrics where key = 'score'"
    assert database.execute(recorded).fetchone() == (epochs, epochs)
