"""Looking at a large sweep: `python -m tests.bench.cost.large [--trials 10000] [--epochs 100] [--before FOLDER]`.

A journal of made-up curves, eight trials at a time, with 13 numbers an epoch and a decision at each rung; then the
commands that read it, each in a process of its own: seconds, CPU seconds (the machine may be busy), and
the most memory it took. Another checkout is measured in turn with this one.
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

from search.journal.events import Decided, EpochDone, SweepOpened, TrialStarted
from search.journal.segments import Journal
from search.pruning.rungs import milestones
from search.sweep.folder import SweepFolder
from search.sweep.spec import read_spec
from tests.support import REPOSITORY

HERE = Path(__file__).resolve().parent

NAME = "large"


PLACES = 8


def write(root: Path, trials: int, epochs: int) -> None:
    """A sweep of `trials` trainings of `epochs` epochs, ended but for its result."""
    values = {"name": NAME, "recipe": "tests.support.idle:Idle", "preset": "tiny", "data": str(HERE), "trials": trials}
    values |= {"set": {"epochs": epochs}, "confirm_top": 0}
    folder = SweepFolder.create(root, read_spec(values, "bench"))
    plan = folder.plan()
    rungs = milestones(plan.grace_epochs, plan.reduction_factor, plan.max_epochs)
    journal, draw = Journal(folder.journal), random.Random(0)
    journal.append(SweepOpened(PLACES))
    for first in range(0, trials, PLACES):
        curves = {trial: (draw.random(), draw.uniform(1, 20)) for trial in range(first, min(first + PLACES, trials))}
        for trial, (height, _) in curves.items():
            settings = {"epochs": epochs, "x": height, "pause": 0.0, "imports": False, "seed": trial}
            journal.append(TrialStarted(trial, "search", trial, "", trial, {"x": height}, settings))
        for epoch in range(1, epochs + 1):
            for trial, (height, speed) in curves.items():
                score = height * epoch / (epoch + speed) + draw.gauss(0, 0.01)
                journal.append(_epoch(trial, epoch, score))
                if epoch in rungs:
                    numbers = {"rung": epoch, "rank": 1, "peers": 2, "cutoff": score, "value": score}
                    journal.append(Decided(trial, epoch, "continue", "rung", "went on", numbers))
            journal.flush_if_due()
        for trial in curves:
            journal.append(Decided(trial, epochs, "stop", "done", f"trained all {epochs} epochs", {}))
    journal.flush()


def _epoch(trial: int, epoch: int, score: float) -> EpochDone:
    """As many numbers as a detector reports."""
    metrics = {"score": score} | {f"metric/{number}": score / number for number in range(1, 5)}
    losses = {"train": 1 / epoch, "val": 1.1 / epoch} | {f"train/{number}": 0.3 / epoch for number in range(1, 4)}
    seconds = {"train": 0.8, "evaluate": 0.2}
    directory = f"epoch-{epoch:04d}"
    return EpochDone(trial, epoch, "main", metrics, losses, {"all": 1e-3}, seconds, epoch, directory, 40_000_000)


def measure(checkout: Path, root: Path, *words: str) -> tuple[float, float, float]:
    """Seconds, CPU seconds and gigabytes of a command."""
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    began = time.perf_counter()
    command = [sys.executable, "-m", "search", *words, "--sweeps", str(root)]
    process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, f"{words} ended with {status}"
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--before", type=Path, help="another checkout of this repository, to compare with")
    given = parser.parse_args()
    before = given.before.resolve() if given.before else None
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        began = time.perf_counter()
        write(root, given.trials, given.epochs)
        size = sum(path.stat().st_size for path in root.rglob("*.parquet")) / 1e6
        seconds = time.perf_counter() - began
        print(f"{given.trials} trials x {given.epochs} epochs, written in {seconds:.0f} s, {size:.0f} MB")
        print(f"a loop of 10 million additions takes {_loop():.2f} s of the processor here\n")
        print("| command | seconds | CPU seconds | memory, GB |")
        print("| --- | --- | --- | --- |", flush=True)
        for words in (("status", NAME), ("explain", NAME, "17"), ("report", NAME)):
            for checkout in filter(None, (before, REPOSITORY)):
                wall, processor, memory = measure(checkout, root, *words)
                label = words[0] + (", before" if checkout == before else "")
                print(f"| {label} | {wall:.1f} | {processor:.1f} | {memory:.2f} |", flush=True)


def _loop() -> float:
    began, total = time.process_time(), 0
    for number in range(10_000_000):
        total += number
    return time.process_time() - began


if __name__ == "__main__":
    main()
