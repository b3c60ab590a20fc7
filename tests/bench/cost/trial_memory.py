"""What the driver keeps of each trial: `python -m tests.bench.cost.trial_memory [--trials 10000] [--before FOLDER]`.

A whole sweep of `resnet_yolo`, with its 17 searched of 40 settings and 13 numbers an epoch, but with made-up curves, no
Ray and no files: the coordinator with its state, its scheduler and Optuna's study. First without, then with Python's
tracing of memory, which is slow and therefore gets fewer trials. Another checkout is measured in turn with this one.
"""

from __future__ import annotations

import argparse
import gc
import heapq
import os
import random
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from search.control.coordinator import Coordinator
from search.journal.events import EpochDone, Event, Row, TrialStarted
from search.state.sweep_state import SweepState
from search.sweep.plan import Plan, make_plan
from search.sweep.spec import read_spec

EPOCHS = 27
SLOTS = 8
FLUSH_ROWS = 100
TRACED = 600
PARTS = 5


class Numbering:
    """A journal that stores nothing, and says that it was flushed every `FLUSH_ROWS` rows."""

    def __init__(self) -> None:
        self._seq = self._flushed = 0

    def append(self, event: Event) -> Row:
        """The event as a row."""
        self._seq += 1
        return Row(self._seq, time.time(), event)

    def flush(self) -> bool:
        """Nothing is written."""
        rows, self._flushed = self._seq - self._flushed, self._seq
        return rows > 0

    def flush_if_due(self) -> bool:
        """Likewise."""
        return self._seq - self._flushed >= FLUSH_ROWS and self.flush()


def plan(trials: int, sampler: str) -> Plan:
    """A sweep of `resnet_yolo` in its paper preset, with shorter trainings."""
    values = {"name": "memory", "recipe": "resnet_yolo", "preset": "paper", "data": "unread", "trials": trials}
    values |= {"sampler": sampler, "confirm_top": 0, "set": {"epochs": EPOCHS}}
    return make_plan(read_spec(values, "bench"), training=False)


def sweep(sweep_plan: Plan, listen: Callable[[Row, SweepState], None]) -> Coordinator:
    """Run it to its end: `SLOTS` trials at a time, in turn."""
    coordinator = Coordinator(sweep_plan, Numbering(), delete=lambda trial, epoch: None, listen=listen)
    coordinator.open(SLOTS)
    draw = random.Random(0)
    running: list[tuple[int, int, int]] = []
    turn = 0
    while not coordinator.over:
        while len(running) < SLOTS and (assignment := coordinator.next()) is not None:
            heapq.heappush(running, (turn := turn + 1, assignment.trial, assignment.epochs + 1))
        if running:
            _, trial, epoch = heapq.heappop(running)
            if coordinator.report(_epoch(trial, epoch, draw, sweep_plan.rungs)):
                heapq.heappush(running, (turn := turn + 1, trial, epoch + 1))
    return coordinator


def _epoch(trial: int, epoch: int, draw: random.Random, rungs: list[int]) -> EpochDone:
    """As many numbers as a detector reports, and a checkpoint at rungs and at the end."""
    height, speed = trial * 7919 % 1009 / 1009, 1 + trial * 104_729 % 20
    score = height * epoch / (epoch + speed) + draw.gauss(0, 0.01)
    metrics = {"map50_95": score} | {f"metric/{number}": score / number for number in range(1, 5)}
    losses = {"train": 3 / epoch, "val": 3.1 / epoch} | {f"train/{number}": 1 / epoch / number for number in (1, 2, 3)}
    seconds = {"train": draw.uniform(0.7, 0.9), "evaluate": draw.uniform(0.1, 0.3)}
    written = epoch in rungs or epoch == EPOCHS
    return EpochDone(
        trial,
        epoch,
        "main",
        metrics,
        losses,
        {"all": 1e-3},
        seconds,
        time.time(),
        f"epoch-{epoch:04d}" if written else "",
        40_000_000 if written else 0,
        spread=0.1 / epoch,
    )


def traced_bytes(trials: int, sampler: str) -> tuple[float, float]:
    """Bytes that a trial of the second half of the search leaves in the driver, and how many epochs it trained."""
    marks: list[tuple[int, int, int]] = []

    def listen(row: Row, state: SweepState) -> None:
        started = len(state.trials)
        if isinstance(row.event, TrialStarted) and started in (trials // 2, trials - SLOTS):
            gc.collect()
            marks.append((started, state.epochs, tracemalloc.get_traced_memory()[0]))

    full_plan = plan(trials, sampler)
    sweep(plan(4, sampler), lambda row, state: None)  # what is made once
    tracemalloc.start()
    try:
        sweep(full_plan, listen)
    finally:
        tracemalloc.stop()
    (first, epochs_before, before), (last, epochs, after) = marks
    return (after - before) / (last - first), (epochs - epochs_before) / (last - first)


def speed(trials: int, sampler: str, label: str) -> None:
    """Print results per second, in processor time, and the process's memory in each part of the search."""
    began, results_before, shown = time.process_time(), 0, 0

    def listen(row: Row, state: SweepState) -> None:
        nonlocal began, results_before, shown
        if isinstance(row.event, TrialStarted) and len(state.trials) >= (shown + 1) * trials // PARTS:
            shown += 1
            now = time.process_time()
            rate = (state.epochs - results_before) / (now - began)
            print(f"| {label} | {sampler} | {len(state.trials)} | {rate:.0f} | {resident():.0f} |", flush=True)
            began, results_before = time.process_time(), state.epochs

    sweep(plan(trials, sampler), listen)


def resident() -> float:
    """Megabytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--before", type=Path, help="another checkout of this repository, to compare with")
    parser.add_argument("--only", choices=["speed", "bytes"], help="one part, in this process")
    parser.add_argument("--label", default="now", help="of the lines of --only")
    given = parser.parse_args()
    if given.only == "speed":
        speed(given.trials, given.sampler, given.label)
    elif given.only == "bytes":
        used, epochs = traced_bytes(given.trials, given.sampler)
        print(f"| {given.label} | {given.sampler} | {given.trials} | {epochs:.1f} | {used / 1000:.2f} |", flush=True)
    else:
        repository = Path(__file__).resolve().parents[3]
        checkouts = {"before": given.before and given.before.resolve(), "now": repository}
        for part, trials, columns in (
            ("bytes", TRACED, "of trials | epochs a trial | KB a trial"),
            ("speed", given.trials, "trials started | results per second of processor time | process, MB"),
        ):
            print(f"\n| | sampler | {columns} |\n| --- | --- | --- | --- | --- |", flush=True)
            for label, checkout in checkouts.items():
                if checkout:
                    words = ["--only", part, "--trials", str(trials), "--sampler", given.sampler, "--label", label]
                    environment = os.environ | {"PYTHONPATH": str(checkout)}
                    subprocess.run([sys.executable, __file__, *words], env=environment, check=True)


if __name__ == "__main__":
    main()
