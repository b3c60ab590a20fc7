"""What a sweep over a script costs beyond the script.

    python -m tests.bench.cost.command [--trials 6] [--epochs 10] [--seconds 1.0]

The same command, so many trainings of so many epochs one after the other, in three ways: in a loop, by a sweep (recipe
`command`, no early stopping, no confirmation), and by Ray Tune as its users run commands: a function that starts a
subprocess, reads its output and reports each epoch. The script waits in place of training, so that only what surrounds
it takes processor time, and notes when it begins and ends. Of a training "beyond" is the time from the end of one
script to the beginning of the next.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.support import REPOSITORY

SCRIPT = """
import argparse, os, pathlib, time
begin = time.time()
parser = argparse.ArgumentParser()
for name, kind in (("--lr", float), ("--epochs", int), ("--seconds", float), ("--out", pathlib.Path)):
    parser.add_argument(name, type=kind, required=True)
args = parser.parse_args()
args.out.mkdir(parents=True, exist_ok=True)
with open(args.out / "results.csv", "w") as table:
    print("epoch,accuracy", file=table, flush=True)
    for epoch in range(1, args.epochs + 1):
        time.sleep(args.seconds)
        print(f"{epoch},{epoch / args.epochs - args.lr}", file=table, flush=True)
        print(f"epoch {epoch} accuracy {epoch / args.epochs - args.lr}", flush=True)
with open(pathlib.Path(__file__).with_name("times.txt"), "a") as times:
    print(begin, time.time(), file=times)
"""
RAY = """
import re, subprocess, sys
from ray import tune

base = sys.argv[1:5]

def train(config):
    command = [sys.executable, *base, f"--lr={config['lr']}", "--out=out"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as script:
        for line in script.stdout:
            if match := re.match(r"epoch \\d+ accuracy (\\S+)", line):
                tune.report({"accuracy": float(match[1])})

config = tune.TuneConfig(num_samples=int(sys.argv[5]), max_concurrent_trials=1)
tune.Tuner(train, param_space={"lr": tune.loguniform(1e-4, 1.0)}, tune_config=config).fit()
"""


class Processes:
    """Counts the processes that are started below this one; see `psutil`."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, float]] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        me = psutil.Process()
        while not self._over.wait(0.2):
            self._seen |= {(child.pid, child.create_time()) for child in me.children(recursive=True)}

    def since(self, moment: float) -> int:
        """How many were started after `moment`; ends the counting."""
        self._over.set()
        self._thread.join()
        return sum(created > moment for _, created in self._seen)


def command(root: Path, given: argparse.Namespace) -> list[str]:
    """The script's command line without its rate and its folder."""
    return [str(root / "script.py"), f"--epochs={given.epochs}", f"--seconds={given.seconds}", "--lr=0.01"]


def by_loop(root: Path, given: argparse.Namespace) -> None:
    """A loop."""
    for number in range(given.trials):
        line = [sys.executable, *command(root, given), f"--out={root / str(number)}"]
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)


def by_sweep(root: Path, given: argparse.Namespace) -> None:
    """A sweep of ours."""
    script, epochs, seconds, _ = command(root, given)
    sweep: dict[str, Any] = {
        "recipe": "command",
        "command": [
            sys.executable,
            script,
            epochs.replace(str(given.epochs), "${epochs}"),
            seconds,
            "--out=${run_dir}",
        ],
        "parameters": {"lr": {"low": 1e-4, "high": 1.0, "log": True, "default": 1e-2}},
        "epochs": given.epochs,
        "metric": {"name": "accuracy", "mode": "max", "source": {"csv": "${run_dir}/results.csv"}},
        **{"name": "cost", "trials": given.trials, "scheduler": "none", "confirm_top": 0, "workers": 1, "audit": 0.0},
    }
    sweep["command"].append("${args}")
    (root / "sweep.yaml").write_text(yaml.safe_dump(sweep))
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    subprocess.run(
        [sys.executable, "-m", "search", "launch", "sweep.yaml"],
        cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def by_ray(root: Path, given: argparse.Namespace) -> None:
    """Ray Tune with a subprocess, in a Ray of its own: `init` waits for one that died and left its address."""
    (root / "tune.py").write_text(RAY)
    subprocess.run(
        [sys.executable, str(root / "tune.py"), *command(root, given), str(given.trials)],
        cwd=root, env=os.environ | {"HOME": str(root), "RAY_ADDRESS": "local"}, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


WAYS: dict[str, Callable[[Path, argparse.Namespace], None]] = {
    "loop": by_loop,
    "steadytune": by_sweep,
    "Ray Tune and a subprocess": by_ray,
}


def row(way: str, given: argparse.Namespace) -> str:
    """A line of the table."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        (root / "script.py").write_text(SCRIPT)
        processes = Processes()
        began = time.time()
        WAYS[way](root, given)
        ended = time.time()
        lines = (root / "times.txt").read_text().splitlines()
        times = sorted((float(begin), float(end)) for begin, end in map(str.split, lines))
    assert len(times) == given.trials, times
    seconds_of_scripts = sum(end - begin for begin, end in times)
    beyond = [later[0] - earlier[1] for earlier, later in itertools.pairwise(times)]
    started = processes.since(times[0][1]) / (given.trials - 1)
    cells = (
        *(way, f"{ended - began:.1f}", f"{seconds_of_scripts:.1f}", f"{times[0][0] - began:.1f}"),
        *(f"{sum(beyond) / len(beyond):.2f}", f"{ended - times[-1][1]:.1f}", f"{started:.1f}"),
        f"{(times[-1][1] - times[0][0]) / seconds_of_scripts:.3f}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    given = parser.parse_args()
    headings = (
        *("way", "in all, s", "the scripts' own", "before the first", "beyond, a training", "after the last"),
        *("processes started a training", "first begin to last end, against the scripts' own"),
    )
    print(f"| {' | '.join(headings)} |\n|{' --- |' * len(headings)}")
    for way in given.ways:
        print(row(way, given), flush=True)


if __name__ == "__main__":
    main()
