"""Kill -9 at random moments of sweeps over a script (recipe `command`).

    python -m tests.bench.faults.script_crashes [--moments 20] [--kinds driver worker script]

At most five in each small sweep over `tests/support/script.py`, which knows nothing of steadytune and can resume.
Driver: the sweep is resumed. Worker: one of Ray's training processes. Script: the user's own process. Afterwards the
trials are compared with those of a sweep that nobody disturbed: one trial runs at a time, so both must have the same
epochs with the same values. A script that still runs `SETTLE_SECONDS` after the driver or its worker was killed is an
orphan, and so is one after the sweep.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import psutil
import yaml

from search.journal.events import Decided, EpochDone, SweepEnded, TrialStarted
from search.journal.segments import read
from search.sweep.folder import SweepFolder
from tests.bench.faults.crashes import MOST_SECONDS, workers_of
from tests.support import REPOSITORY, SUPPORT
from trainables.command.process import RUN_DIR

KINDS = ("driver", "worker", "script")
KILLS = 5
SETTLE_SECONDS = 15.0
SWEEP: dict[str, Any] = {
    "recipe": "command",
    "command": [
        *(sys.executable, str(SUPPORT / "script.py"), "--out", "${run_dir}", "--epochs", "${epochs}"),
        *("--seed", "${seed}", "--seconds", "0.5", "${args}"),
    ],
    "parameters": {"lr": {"low": 1e-4, "high": 1.0, "log": True, "default": 1e-2}},
    "epochs": 8,
    "metric": {
        "name": "accuracy",
        "mode": "max",
        "source": {"csv": "${run_dir}/results.csv"},
        "losses": ["train_loss"],
    },
    "checkpoint": {"path": "${run_dir}/last.json", "resume": ["--resume", "${checkpoint}"]},
    "trials": 8,
    "workers": 1,
    "seed": 3,
    "confirm_top": 1,
    "confirm_seeds": 1,
    "retries": 9,
}
"""8 trials of at most 8 epochs of half a second."""


@dataclass
class Count:
    """What was seen of one kind."""

    killed: int = 0
    epochs: int = 0
    lost: int = 0
    twice: int = 0
    differing: int = 0
    orphans: int = 0

    def add(self, other: Count) -> None:
        """Add another sweep's."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def steadytune(root: Path, *words: str) -> subprocess.Popen[bytes]:
    """The command, in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "search", *words]
    with (root / "output.txt").open("ab") as output:
        return subprocess.Popen(command, cwd=root, env=environment, stdout=output, stderr=output)


def scripts(root: Path) -> Iterator[psutil.Process]:
    """The processes of scripts of sweeps below `root`."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(RUN_DIR, "").startswith(str(root)):
                yield process


def crash(root: Path, name: str, kind: str, seeds: range) -> Count:
    """One sweep with a kill for each seed."""
    count, folder = Count(), SweepFolder(root / "sweeps", name)
    sweep = run(root, folder)
    for seed in seeds:
        _await_epoch(folder, sweep)
        while sweep.poll() and not ended(folder):  # on a busy machine Ray may not start
            sweep = run(root, folder)
            _await_epoch(folder, sweep)
        time.sleep(random.Random(f"{kind}/{seed}").uniform(0, MOST_SECONDS))
        doomed = _doomed(sweep, root, kind)
        if doomed is None:
            break
        family = list(scripts(root))
        doomed.kill()
        count.killed += 1
        if kind != "script":
            _, alive = psutil.wait_procs(family, timeout=SETTLE_SECONDS)
            count.orphans += len(alive)
        if kind == "driver":
            sweep.wait()
            sweep = run(root, folder)
    while sweep.wait() != 0 and not ended(folder):
        sweep = run(root, folder)
    _, alive = psutil.wait_procs(list(scripts(root)), timeout=SETTLE_SECONDS)
    count.orphans += len(alive)
    return count


def run(root: Path, folder: SweepFolder) -> subprocess.Popen[bytes]:
    """Launch the sweep, or go on with it."""
    if events(folder):
        return steadytune(root, "resume", folder.name)
    return steadytune(root, "launch", "sweep.yaml", "--name", folder.name)


def _await_epoch(folder: SweepFolder, sweep: subprocess.Popen[bytes]) -> None:
    """Until an epoch has been read from now on, or the driver has ended."""
    before = len(epochs(folder))
    while sweep.poll() is None and len(epochs(folder)) == before:
        time.sleep(0.2)


def _doomed(sweep: subprocess.Popen[bytes], root: Path, kind: str) -> psutil.Process | None:
    """The process to kill; None if the sweep ended before there was one."""
    while sweep.poll() is None:
        if kind == "driver":
            return psutil.Process(sweep.pid)
        for process in scripts(root) if kind == "script" else workers_of(sweep.pid):
            return process
        time.sleep(0.05)
    return None


def events(folder: SweepFolder) -> list[Any]:
    """The sweep's journal."""
    return [row.event for row in read(folder.journal)] if folder.journal.is_dir() else []


def ended(folder: SweepFolder) -> bool:
    """Whether the sweep has come to its end."""
    return any(isinstance(event, SweepEnded) for event in events(folder))


def epochs(folder: SweepFolder) -> dict[tuple[int, int], dict[str, float]]:
    """Metrics by trial and epoch."""
    done = [event for event in events(folder) if isinstance(event, EpochDone)]
    return {(event.trial, event.epoch): dict(event.metrics) for event in done}


def compare(folder: SweepFolder, unbroken: SweepFolder, count: Count) -> None:
    """Add to `count` what is wrong with the sweep."""
    journal, mine, theirs = events(folder), epochs(folder), epochs(unbroken)
    started = {event.trial for event in journal if isinstance(event, TrialStarted)}
    ends = Counter(event.trial for event in journal if isinstance(event, Decided) and event.action == "stop")
    rows = Counter((event.trial, event.epoch) for event in journal if isinstance(event, EpochDone))
    failed = [event for event in journal if isinstance(event, Decided) and event.reason == "failed"]
    count.epochs += len(mine)
    count.lost += len(started - ends.keys()) + len(failed) + len(theirs.keys() - mine.keys())
    count.twice += sum(number - 1 for number in (*ends.values(), *rows.values()))
    count.differing += sum(mine[key] != theirs.get(key) for key in mine)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    given = parser.parse_args()
    print(f"| {' | '.join(field.name for field in fields(Count))} |\n|{' --- |' * len(fields(Count))}")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        (root / "sweep.yaml").write_text(yaml.safe_dump(SWEEP))
        while run(root, SweepFolder(root / "sweeps", "unbroken")).wait():
            pass
        for kind in given.kinds:
            total = Count()
            for first in range(0, 10 * given.moments, KILLS):  # a sweep may end before its last kill
                name = f"{kind}-{first}"
                count = crash(root, name, kind, range(first, min(first + KILLS, first + given.moments - total.killed)))
                compare(SweepFolder(root / "sweeps", name), SweepFolder(root / "sweeps", "unbroken"), count)
                total.add(count)
                print(f"{time.strftime('%H:%M:%S')} {name}: {count}", file=sys.stderr, flush=True)
                if total.killed >= given.moments:
                    break
            cells = [str(getattr(total, field.name)) for field in fields(Count)]
            print(f"| {kind}: {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
