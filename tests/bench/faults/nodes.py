"""What faults cost a submitted sweep: `python -m tests.bench.faults.nodes`, about half an hour on two cores.

A cluster of three nodes of one CPU (raylets on this machine, with a token), and on it twice the same sweep of
`resnet_yolo`, tiny preset, 24 trials, as a job without a terminal: once left alone, once with a node killed after a
third of its epochs and the driver after two thirds, then resumed by its name. A new node takes the place of none.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from search.journal.events import Decided, EpochDone, SweepEnded, TrialStarted
from search.journal.segments import read
from search.sweep.folder import SweepFolder
from tests.support import REPOSITORY, SUPPORT

NODES = 3
NAME = "faults"


@dataclass
class Cluster:
    """Raylets, and a terminal that knows their token."""

    process: subprocess.Popen[str]
    jobs: str
    folder: Path
    env: dict[str, str]

    def run(self, *words: str) -> str:
        """What steadytune says; complains with it if it is refused."""
        command = [sys.executable, "-m", "search", *words]
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        return done.stdout

    def kill(self, target: object) -> None:
        """Kill a node, by its number, or part of the head, as `raylets.py` names it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(target, file=self.process.stdin, flush=True)
        self.process.stdout.readline()

    def events(self) -> list[object]:
        """What the journal says so far."""
        journal = SweepFolder(self.folder / "sweeps", NAME).journal
        return [row.event for row in read(journal)] if journal.is_dir() else []

    def epochs(self) -> int:
        """How many were reported so far."""
        return sum(isinstance(event, EpochDone) for event in self.events())

    def await_epochs(self, count: int) -> None:
        """Return when so many were reported."""
        while self.epochs() < count:
            time.sleep(0.5)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A head without CPUs and `NODES` nodes, for the block."""
    home = folder / "home"
    home.mkdir()
    env = os.environ | {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": "the-token-of-this-bench-and-no-other",
        "RAY_TMPDIR": str(folder),  # Ray takes a job to the cluster that was started last with the same folder
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    command = [sys.executable, str(SUPPORT / "raylets.py"), str(NODES)]
    with (home / "cluster.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=home, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert process.stdout is not None
        assert process.stdin is not None
        yield Cluster(process, json.loads(process.stdout.readline())["jobs"], folder, env)
        process.stdin.close()
        process.wait(60)


def driver() -> int:
    """The process of the sweep's job."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        words = path.read_bytes().split(b"\0")
        if b"search" in words and b"/dev/stdin" in words:
            return int(path.parent.name)
    raise SystemExit("the job's process was not found")


def sweep(trials: int, whole: int | None) -> dict[str, float]:
    """One sweep; with faults if it is known how many epochs the `whole` has."""
    with tempfile.TemporaryDirectory() as scratch, cluster(Path(scratch)) as machines:
        machines.run("sample", "resnet_yolo", "data")
        began = time.monotonic()
        machines.run(
            "launch", "--recipe", "resnet_yolo", "--preset", "tiny", "--data", str(machines.folder / "data/data.yaml"),
            "--name", NAME, "--trials", str(trials), "--seed", "1", "--address", machines.jobs, "--detach",
        )  # fmt: skip
        if whole:
            machines.await_epochs(whole // 3)
            machines.kill(0)
            machines.await_epochs(2 * whole // 3)
            os.kill(driver(), signal.SIGKILL)
            machines.run("resume", NAME)  # shows what the job prints until it has ended
        else:
            machines.run("logs", NAME, "--follow")
        seconds = time.monotonic() - began
        return {"minutes": seconds / 60, **counted(machines.events())}


def head_dies(trials: int) -> dict[str, float]:
    """A sweep whose head dies while its nodes live on, resumed at once on another cluster."""
    scratch = tempfile.TemporaryDirectory
    with (
        scratch() as first_folder,
        scratch() as second_folder,
        cluster(Path(first_folder)) as first,
        cluster(Path(second_folder)) as second,
    ):
        first.run(
            "launch", "--recipe", "tests.support.trouble:Trouble", "--preset", "tiny", "--data", ".",
            "--name", NAME, "--trials", str(trials), "--set", "epochs=8", "--set", "pause=8", "--confirm-top", "0",
            "--address", first.jobs, "--detach",
        )  # fmt: skip
        first.await_epochs(trials)
        first.kill("head")
        began = time.monotonic()
        first.run("resume", NAME, "--address", second.jobs)
        return {"minutes": (time.monotonic() - began) / 60, **counted(first.events())}


def counted(events: list[object]) -> dict[str, float]:
    """Trials and epochs of a journal, and what is wrong with it."""
    started = Counter(event.trial for event in events if isinstance(event, TrialStarted))
    stopped = Counter(event.trial for event in events if isinstance(event, Decided) and event.action == "stop")
    epochs = Counter((event.trial, event.epoch) for event in events if isinstance(event, EpochDone))
    failed = sum(isinstance(event, Decided) and event.reason == "failed" for event in events)
    return {
        "trials": len(started),
        "epochs": len(epochs),
        "trials lost": len(started.keys() - stopped.keys()),
        "trials ended twice": stopped.total() - len(stopped),
        "epochs twice": epochs.total() - len(epochs),
        "trials failed": failed,
        "ended": sum(isinstance(event, SweepEnded) for event in events),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--head", action="store_true", help="kill the head of a smaller sweep instead")
    args = parser.parse_args()
    if args.head:
        for name, value in head_dies(4).items():
            print(f"| {name} | {value:.3g} |")
        return
    unbroken = sweep(args.trials, None)
    broken = sweep(args.trials, int(unbroken["epochs"]))
    print("| | left alone | a node, then the driver killed |\n| --- | --- | --- |")
    for name, value in unbroken.items():
        print(f"| {name} | {value:.3g} | {broken[name]:.3g} |")


if __name__ == "__main__":
    main()
