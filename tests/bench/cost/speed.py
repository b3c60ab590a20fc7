"""How fast searcher, scheduler and journal are, and what they keep in memory: `python -m tests.bench.cost.speed`.

Sweeps in virtual time through the coordinator and a real journal, on 1,000 workers. The first table runs made-up curves
of 100 epochs again; in the second the searcher draws each trial, of 20 epochs. A result is a report with what is
decided on it and what is written; a draw is one ask. Seconds are of the processor: the machine may be busy.
"""

from __future__ import annotations

import argparse
import heapq
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from search.control.coordinator import Coordinator
from search.journal.events import EpochDone
from search.journal.segments import Journal
from search.pruning.curve import Curve, Point
from search.replay.recording import Recording, Run
from search.replay.simulation import simulate
from search.sweep.plan import make_plan
from search.sweep.spec import read_spec

HERE = Path(__file__).resolve().parent

EPOCHS = 100
SEARCH_EPOCHS = 20
WORKERS = 1000


def made_up(runs: int) -> Recording:
    """Curves that rise to different heights at different speeds, with noise."""
    draw = random.Random(0)
    recorded = []
    for number in range(runs):
        height, speed = draw.random(), draw.uniform(1, 20)
        points = [
            Point(epoch, height * epoch / (epoch + speed) + draw.gauss(0, 0.01), 1 / epoch, 1.1 / epoch)
            for epoch in range(1, EPOCHS + 1)
        ]
        recorded.append(Run(str(number), Curve("max", points), (1.0,) * EPOCHS, {}))
    return Recording("made up", "score", "max", EPOCHS, tuple(recorded))


def measure(runs: int, scheduler: str) -> tuple[int, float]:
    """Results and seconds of one sweep of made-up curves."""
    recording = made_up(runs)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        state, _ = simulate(recording, {"scheduler": scheduler}, WORKERS, list(range(runs)), Journal(Path(folder)))
        return state.epochs, time.process_time() - began


@dataclass
class Spent:
    """Calls of one kind, and the processor's seconds in them."""

    calls: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """One more call."""
        self.seconds += seconds
        self.calls += 1

    @property
    def each(self) -> float:
        """Seconds a call."""
        return self.seconds / max(1, self.calls)


def searched(trials: int, sampler: str) -> tuple[Spent, Spent, float]:
    """What draws and results cost in one sweep, and the megabytes by which the process grew."""
    values = {
        "name": "speed", "recipe": "tests.support.idle:Idle", "preset": "tiny",
        "data": str(HERE), "set": {"epochs": SEARCH_EPOCHS},
        "trials": trials, "sampler": sampler, "confirm_top": 0, "audit": 0.0,
    }  # fmt: skip
    now, draws, results, noise = [0.0], Spent(), Spent(), random.Random(0)
    before = resident()
    with tempfile.TemporaryDirectory() as folder:
        plan = make_plan(read_spec(values, "bench"))
        coordinator = Coordinator(plan, Journal(Path(folder)), delete=lambda trial, epoch: None, clock=lambda: now[0])
        coordinator.open(WORKERS)
        busy: list[tuple[float, int, int, float]] = []  # when its epoch ends, trial, epochs before it, its value
        while not coordinator.over:
            while len(busy) < WORKERS:
                began = time.thread_time()
                given = coordinator.next()
                if given is None:
                    break
                if not given.epochs:
                    draws.add(time.thread_time() - began)
                heapq.heappush(busy, (now[0] + noise.uniform(0.5, 2), given.trial, given.epochs, given.settings["x"]))
            if not busy:
                continue
            now[0], trial, epochs, x = heapq.heappop(busy)
            value = x * (epochs + 1) / (epochs + 6) + noise.gauss(0, 0.01)
            losses = {"train": 1 / (epochs + 1)}
            done = EpochDone(trial, epochs + 1, "main", {"score": value}, losses, {"all": 1e-3}, {"train": 1.0})
            began = time.thread_time()
            goes_on = coordinator.report(done)
            results.add(time.thread_time() - began)
            if goes_on:
                heapq.heappush(busy, (now[0] + noise.uniform(0.5, 2), trial, epochs + 1, x))
        return draws, results, resident() - before


def resident() -> float:
    """Megabytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--schedulers", nargs="*", default=["asha", "stopping", "none"])
    parser.add_argument("--samplers", nargs="*", default=["random", "tpe"])
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        draws, results, grown = searched(int(given.one[0]), given.one[1])
        print(results.calls, results.each, draws.each, grown)
        return
    measure(10, "asha")  # the imports
    if given.schedulers:
        print("| scheduler | trials | results | results per second | microseconds per result, by the smallest |")
        print("| --- | --- | --- | --- | --- |")
    for scheduler in given.schedulers:
        base = 0.0
        for runs in given.sizes:
            count, seconds = measure(runs, scheduler)
            cost = seconds / count
            base = base or cost
            print(f"| {scheduler} | {runs} | {count} | {1 / cost:,.0f} | {1e6 * cost:.0f}, {cost / base:.2f} x |")
    if given.samplers:
        print(
            "\n| sampler | trials | results | microseconds per result | milliseconds per draw | MB more, KB per trial |"
        )
        print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for sampler in given.samplers:
        base = 0.0
        for trials in given.sizes:
            command = [
                sys.executable,
                "-m",
                "tests.bench.cost.speed",
                "--one",
                str(trials),
                sampler,
            ]  # a process of its own, for its memory
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            number, cost, draw, grown = (float(word) for word in output)
            base = base or cost
            costs = (
                f"{1e6 * cost:.0f}, {cost / base:.2f} x | {1e3 * draw:.1f} | {grown:.0f}, {1e3 * grown / trials:.0f}"
            )
            print(f"| {sampler} | {trials} | {number:.0f} | {costs} |", flush=True)


if __name__ == "__main__":
    main()
