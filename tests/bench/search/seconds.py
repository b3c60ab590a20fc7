"""Configurations whose epochs differ in length, in virtual time: `python -m tests.bench.search.seconds [--seeds 24]`.

To the landscapes of `landscape.py` come a model of four sizes and an input of three. Larger ones take longer and are
better, by 0 to 11 points each, in a third of the landscapes by nothing. The product's own coordinator searches them
with four workers and `hours` for 20 trainings of mean length; the arms differ only in whether the model of ranks takes
the expected improvement for each second. What counts is by how many points the best value seen, without noise, is below
the best that a random search of 20,000 noiseless draws finds: it may be negative.
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from search.control.coordinator import Coordinator
from search.journal.events import EpochDone
from search.replay.simulation import Clock, DiscardingJournal
from search.sampling.rank_model import RankModel
from search.sweep.candidates import configurations
from search.sweep.plan import make_plan
from search.sweep.spec import read_spec
from spaces.cube import share
from spaces.space import Draw, ranges
from tests.bench.search.schedulers import interval
from tests.bench.search.searcher_sweeps import best_of
from tests.support import landscape, landscape_recipes
from tests.support.landscape import EPOCHS, Task

HERE = Path(__file__).resolve().parent
WORKERS = 4
SIZES = {"n": 1.0, "s": 2.2, "m": 5.0, "l": 9.0}
INPUTS = {"small": 0.45, "middle": 1.0, "large": 2.3}
SIZE_REACHED = {"n": 0.0, "s": 1.0, "m": 1.6, "l": 1.9}
INPUT_REACHED = {"small": 0.0, "middle": 1.0, "large": 1.5}
SPREAD = {"46 times": 1.0, "6 times": 0.45, "the batch alone": 0.0}
"""By how much the longest epoch exceeds the shortest, and the exponent of the lengths that makes it so."""
MARKS = (2, 5, 10, 15, 20)
MEAN_SECONDS = 60.0


def sized(draw: Draw) -> None:
    """As `landscape.detector`, with the size of the model and of its input."""
    landscape.detector(draw)
    draw.choice("size", list(SIZES))
    draw.choice("input", list(INPUTS))


landscape.SPACES["sized"] = sized


class Sized(landscape_recipes.Detector):
    """See `sized`."""

    name: ClassVar[str] = "sized"
    settings_type = landscape_recipes.settings_of("sized")

    @staticmethod
    def space(draw: Draw) -> None:
        """As the landscape has it."""
        sized(draw)


@dataclass(frozen=True)
class SizedTask(Task):
    """A landscape where larger models and inputs gain `size_gain` and `input_gain` for each step, less and less."""

    size_gain: float = 0.0
    input_gain: float = 0.0

    def quality(self, drawn: Mapping[str, Any]) -> float:
        """See `Task`."""
        rest = {name: value for name, value in drawn.items() if name not in ("size", "input")}
        lost = self.size_gain * (SIZE_REACHED["l"] - SIZE_REACHED[drawn["size"]])
        lost += self.input_gain * (INPUT_REACHED["large"] - INPUT_REACHED[drawn["input"]])
        return max(0.0, super().quality(rest) - lost)


def task_of(seed: int) -> SizedTask:
    """The landscape of `seed`."""
    plain, source = Task.of("sized", seed), random.Random(f"gain/{seed}")
    gains = [source.choice([0.0, source.uniform(0, 0.06), source.uniform(0, 0.06)]) for _ in range(2)]
    return SizedTask(
        plain.name, plain.space, plain.best, plain.weight, spans=ranges(sized), size_gain=gains[0], input_gain=gains[1]
    )


def seconds_of(drawn: Mapping[str, Any], spread: float) -> float:
    """What an epoch takes, on average `MEAN_SECONDS`."""
    lengths = [(size * pixels) ** spread for size in SIZES.values() for pixels in INPUTS.values()]
    length = (SIZES[drawn["size"]] * INPUTS[drawn["input"]]) ** spread * (0.8 + 0.4 / drawn["batch"])
    return float(MEAN_SECONDS * length * len(lengths) / sum(lengths))


@dataclass(frozen=True)
class Job:
    """One sweep."""

    seed: int
    spread: float
    per_second: bool


def regrets(job: Job) -> list[float]:
    """After each of `MARKS` trainings' worth of time, in points."""
    task, clock, noise = task_of(job.seed), Clock(), random.Random(job.seed)
    worth = EPOCHS * MEAN_SECONDS / WORKERS
    spec = {
        "name": "landscape", "recipe": "tests.bench.search.seconds:Sized", "preset": "tiny", "data": str(HERE),
        "trials": 10_000, "hours": max(MARKS) * worth / 3600, "seed": job.seed,
        "confirm_top": 0, "audit": 0.0, "enqueue": [],
    }  # fmt: skip
    plan = make_plan(read_spec(spec, "bench"), training=False)
    coordinator = Coordinator(plan, DiscardingJournal(clock), delete=lambda trial, epoch: None, clock=clock)
    coordinator.searcher.model = RankModel(configurations(plan), per_second=job.per_second)
    coordinator.open(WORKERS)
    busy: list[tuple[float, int, int]] = []  # when its epoch ends, trial, epochs before it
    best_by: list[tuple[float, float]] = []
    while not coordinator.over:
        while len(busy) < WORKERS and (given := coordinator.next()) is not None:
            drawn = coordinator.state.trials[given.trial].started.drawn
            heapq.heappush(busy, (clock.now + seconds_of(drawn, job.spread), given.trial, given.epochs))
        if not busy:
            continue
        clock.now, trial, epochs = heapq.heappop(busy)
        drawn = coordinator.state.trials[trial].started.drawn
        value = task.value(drawn, epochs + 1, f"{job.seed}/{trial}")
        if value is not None:
            best_by.append((clock.now, _risen(task, drawn, epochs + 1)))
        metrics = {"metrics": {"score": value}} if value is not None else {"metrics": {}, "alarm": "nonfinite"}
        seconds = seconds_of(drawn, job.spread)
        measured = {"train": seconds * noise.uniform(0.97, 1.1)}
        done = EpochDone(trial, epochs + 1, "main", losses={"train": 1.0}, rates={}, seconds=measured, **metrics)
        if coordinator.report(done):
            heapq.heappush(busy, (clock.now + seconds, trial, epochs + 1))
    reachable = best_of(task, job.seed)
    return [
        100 * (reachable - max((best for end, best in best_by if end <= mark * worth), default=0.0)) for mark in MARKS
    ]


def _risen(task: SizedTask, drawn: Mapping[str, Any], epoch: int) -> float:
    """What a training has reached by `epoch` without noise, as in `Task.value`."""
    speed = 0.12 + 0.5 * share(drawn["lr"], task.spans["lr"])
    return task.quality(drawn) * (1 - math.exp(-speed * epoch)) / (1 - math.exp(-speed * EPOCHS))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    print("| epochs differ by | expected improvement | " + " | ".join(map(str, MARKS)) + " |")
    print("| --- | --- |" + " --- |" * len(MARKS), flush=True)
    with Pool(arguments.processes) as pool:
        for name, spread in SPREAD.items():
            rows = {
                per_second: np.array(
                    pool.map(regrets, [Job(seed, spread, per_second) for seed in range(arguments.seeds)], 1)
                )
                for per_second in (False, True)
            }
            for per_second, regret in rows.items():
                cells = [f"{mean:.1f}" for mean in regret.mean(axis=0)]
                if per_second:
                    lower, upper = zip(*(interval(column) for column in (regret - rows[False]).T), strict=True)
                    cells = [
                        f"{cell} [{low:+.1f}, {high:+.1f}]" for cell, low, high in zip(cells, lower, upper, strict=True)
                    ]
                print(
                    f"| {name} | {'for each second' if per_second else 'as it is'} | {' | '.join(cells)} |", flush=True
                )


if __name__ == "__main__":
    main()
