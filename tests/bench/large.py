"""Looking at a large sweep: `python tests/bench/large.py [--trials 10000] [--epochs 100]`.

A journal of made-up curves, as a sweep without a scheduler leaves it; then the commands that read it, each in a process
of its own: seconds, and the most memory it took.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

from search.events import Decided, EpochDone, SweepOpened, TrialStarted  # noqa: E402
from search.folder import SweepFolder  # noqa: E402
from search.journal import Journal  # noqa: E402
from search.sweep import read_spec  # noqa: E402

NAME = "large"


def write(root: Path, trials: int, epochs: int) -> None:
    """A sweep of `trials` trainings of `epochs` epochs, ended but for its result."""
    values = {"name": NAME, "recipe": "idle:Idle", "preset": "tiny", "data": str(HERE), "trials": trials}
    values |= {"set": {"epochs": epochs}, "scheduler": "none", "confirm_top": 0}
    folder = SweepFolder.create(root, read_spec(values, "bench"))
    journal, draw = Journal(folder.journal), random.Random(0)
    journal.append(SweepOpened(2))
    for trial in range(trials):
        height, speed = draw.random(), draw.uniform(1, 20)
        settings = {"epochs": epochs, "x": height, "pause": 0.0, "imports": False, "seed": trial}
        journal.append(TrialStarted(trial, "search", trial, "", trial, {"x": height}, settings))
        for epoch in range(1, epochs + 1):
            score = height * epoch / (epoch + speed) + draw.gauss(0, 0.01)
            parts = {"score": score}, {"train": 1 / epoch}, {"all": 1e-3}, {"train": 1.0}
            journal.append(EpochDone(trial, epoch, "main", *parts, began=0.0, checkpoint="", bytes=0))
        journal.append(Decided(trial, epochs, "stop", "done", f"trained all {epochs} epochs", {}))
        journal.flush_if_due()
    journal.flush()


def measure(root: Path, *words: str) -> tuple[float, float]:
    """Seconds and gigabytes of a command."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path[:2])}
    began = time.perf_counter()
    command = [sys.executable, "-m", "search", *words, "--sweeps", str(root)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, f"{words} ended with {status}"
    return time.perf_counter() - began, used.ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        began = time.perf_counter()
        write(root, given.trials, given.epochs)
        size = sum(path.stat().st_size for path in root.rglob("*.parquet")) / 1e6
        seconds = time.perf_counter() - began
        print(f"{given.trials} trials x {given.epochs} epochs, written in {seconds:.0f} s, {size:.0f} MB\n")
        print("| command | seconds | memory, GB |")
        print("| --- | --- | --- |")
        for words in (("status", NAME), ("explain", NAME, "17"), ("report", NAME)):
            seconds, memory = measure(root, *words)
            print(f"| {words[0]} | {seconds:.1f} | {memory:.1f} |", flush=True)


if __name__ == "__main__":
    main()
