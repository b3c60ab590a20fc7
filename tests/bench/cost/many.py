"""Many trials at once, and many one after the other, on a Ray of this machine, whose cores they share in fractions.

    python -m tests.bench.cost.many --at-once 64 --trials 128 --epochs 120 --pause 2
    python -m tests.bench.cost.many --at-once 2 --trials 5000

The trials do nothing (`idle.py`) but wait `--pause` seconds an epoch: long enough, for many at once, that the first has
not ended before the last one's process is up. It shows results per second, the trials in
their epochs at once, and the driver's memory as the sweep grows.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from search.check import check
from search.journal.events import EpochDone, Row
from search.run import sweep_run
from search.state.sweep_state import SweepState
from search.sweep.spec import read_spec

HERE = Path(__file__).resolve().parent

LINES = 10


class Watch:
    """Listens to a sweep, and prints a line every so many trials."""

    def __init__(self, trials: int) -> None:
        self._every = max(1, trials // LINES)
        self._shown = 0
        self._at_once = 0
        self._results = 0
        self._began = 0.0

    def __call__(self, row: Row, state: SweepState) -> None:
        """After each event."""
        if isinstance(row.event, EpochDone):
            self._began = self._began or time.monotonic()
            self._results += 1
        begun = sum(bool(trial.curve.points) for trial in state.trials.running.values())
        self._at_once = max(self._at_once, begun)  # after its first epoch, before its last
        ended = len(state.trials.search) - len(state.trials.running)
        if ended >= self._shown + self._every:
            self._shown = ended
            rate = self._results / max(1e-9, time.monotonic() - self._began)
            print(f"| {ended} | {self._at_once} | {rate:.0f} | {resident():.0f} |", flush=True)


def resident() -> float:
    """Megabytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--at-once", type=int, required=True)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--pause", type=float, default=0.0)
    given = parser.parse_args()
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        values = {
            "name": "many", "recipe": "tests.support.idle:Idle", "preset": "tiny",
            "data": str(HERE), "trials": given.trials,
            "sampler": "random", "scheduler": "none", "confirm_top": 0, "workers": given.at_once,
            "cpus": int(1000 * cores / given.at_once) / 1000,
            "set": {"epochs": given.epochs, "pause": given.pause},
        }  # fmt: skip
        plan = check(read_spec(values, "bench"), f"sqlite:///{name}/mlflow.db")
        print("| trials ended | most at once | results per second | driver, MB |")
        print("| --- | --- | --- | --- |", flush=True)
        sweep_run.launch(plan, Path(name), Watch(given.trials))


if __name__ == "__main__":
    main()
