"""Whole sweeps of few trials and of many on landscapes: `python -m tests.bench.search.schedulers`, in virtual time.

Each seed has its own landscape (`landscape.py`: trainings made of formulas, with a region that diverges), the same for
all; the product's own coordinator searches it with four workers, an epoch a unit of time. What counts is by how much
the true quality of the sweep's winner is below the best that a random search of 20,000 noiseless draws finds.
Intervals are 95 % bootstrap over seeds.
"""

from __future__ import annotations

import argparse
import heapq
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np

from search.control.coordinator import Coordinator
from search.journal.events import EpochDone
from search.replay.simulation import Clock, DiscardingJournal
from search.state.sweep_state import SweepState
from search.sweep.plan import make_plan
from search.sweep.spec import read_spec
from tests.bench.search.searcher_sweeps import reachable
from tests.support.landscape import Task

HERE = Path(__file__).resolve().parent

WORKERS = 4
SIZES = (20, 60, 120)

SYSTEMS: dict[str, dict[str, Any]] = {
    "the default: `scheduler: asha`, `sampler: tpe`": {},
    "`sampler: random`": {"sampler": "random"},
    "`scheduler: stopping`": {"scheduler": "stopping"},
    "`scheduler: freeze_thaw`": {"scheduler": "freeze_thaw"},
}


@dataclass(frozen=True)
class Job:
    """One sweep."""

    space: str
    seed: int
    trials: int
    system: str


def swept(job: Job) -> SweepState:
    """The whole sweep, to its end."""
    values = {
        "name": "landscape", "recipe": f"tests.support.landscape_recipes:{job.space.title()}", "preset": "tiny",
        "data": str(HERE),
        "trials": job.trials, "seed": job.seed, "confirm_top": 0, "audit": 0.0, "enqueue": [],
    }  # fmt: skip
    plan = make_plan(read_spec(values | SYSTEMS[job.system], "bench"), training=False)
    task, clock = Task.of(job.space, job.seed), Clock()
    coordinator = Coordinator(plan, DiscardingJournal(clock), delete=lambda trial, epoch: None, clock=clock)
    coordinator.open(WORKERS)
    busy: list[tuple[float, int, int]] = []  # when its epoch ends, trial, epochs before it
    while not coordinator.over:
        while len(busy) < WORKERS and (given := coordinator.next()) is not None:
            heapq.heappush(busy, (clock.now + 1, given.trial, given.epochs))
        if not busy:  # the coordinator has just found that it is over
            continue
        clock.now, trial, epochs = heapq.heappop(busy)
        drawn = coordinator.state.trials[trial].started.drawn
        value = task.value(drawn, epochs + 1, f"{job.seed}/{trial}")
        outcome = {"metrics": {"score": value}} if value is not None else {"metrics": {}, "alarm": "nonfinite"}
        if coordinator.report(
            EpochDone(trial, epochs + 1, "main", losses={"train": 1.0}, rates={}, seconds={}, **outcome)
        ):
            heapq.heappush(busy, (clock.now + 1, trial, epochs + 1))
    return coordinator.state


def measured(job: Job) -> tuple[float, float]:
    """Epochs that it took, and points that its winner is below the best."""
    state = swept(job)
    ended = [trial for trial in state.trials.search if trial.finished]
    winner = max(ended, key=lambda trial: trial.curve.smoothed_value or 0.0)
    quality = Task.of(job.space, job.seed).quality(winner.started.drawn)
    return state.epochs, 100 * (reachable(job.space, job.seed) - quality)


def interval(values: np.ndarray) -> tuple[float, float]:
    """Of their mean."""
    draw = np.random.default_rng(0).integers(0, len(values), (4000, len(values)))
    low, high = np.percentile(values[draw].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    with Pool(given.processes) as pool:
        for space in ("detector", "branched"):
            print(f"\n`{space}`, {given.seeds} landscapes\n")
            print(
                "| system | " + " | ".join(f"{trials} trials: epochs | points lost [95 %]" for trials in SIZES) + " |"
            )
            print("| --- |" + " --- | --- |" * len(SIZES), flush=True)
            for system in SYSTEMS:
                cells = []
                for trials in SIZES:
                    rows = pool.map(measured, [Job(space, seed, trials, system) for seed in range(given.seeds)])
                    epochs, lost = np.array(rows).T
                    low, high = interval(lost)
                    cells.append(f"{epochs.mean():.0f} | {lost.mean():.2f} [{low:.2f}, {high:.2f}]")
                print(f"| {system} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
