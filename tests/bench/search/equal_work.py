"""Whether a search of refdet finds trials that do more work, rather than better ones.

    python -m tests.bench.search.equal_work [--trials 60] [--seeds 10]

The real space, plan and sampler (TPE), by default and with a range for each setting that makes an epoch longer. What a
trial is worth is not trained here: it rises with the frames that it has seen after three epochs, about as in two
trainings of the tiny preset (0.390 after 2,400 frames, 0 after 240), times how near its learning rate is to the best.
A search that compares equal work ends with the best learning rate; one that does not ends with the most frames too.
"""

from __future__ import annotations

import argparse
import math
import statistics
from typing import Any

from search.sampling.searcher import Searcher
from search.sweep.plan import Plan, draw, make_plan
from search.sweep.spec import SweepSpec

LONGER: dict[str, Any] = {
    "n_way": {"low": 2, "high": 5},
    "n_query": {"low": 2, "high": 10},
    "n_episodes": [10, 20, 50, 100, 200],
}
"""The ranges that were drawn by default once."""
EPOCHS = 3
SEEN = 4800.0
"""Frames after which 63 % of the best value is reached: 240 give 0.05 and 2,400 give 0.39."""
BEST_RATE = 5e-4


def work(values: dict[str, Any]) -> int:
    """Frames in an epoch."""
    return int(values["n_way"] * values["n_query"] * values["n_episodes"])


def worth(values: dict[str, Any]) -> float:
    """What a trial with these settings is worth."""
    rate = math.exp(-((math.log10(values["lr"] / BEST_RATE)) ** 2))
    return rate * (1 - math.exp(-EPOCHS * work(values) / SEEN))


def search(plan: Plan, trials: int, seed: int) -> list[dict[str, Any]]:
    """The settings of the trials, in the order in which the sampler drew them."""
    searcher = Searcher(lambda trial: draw(plan, trial), "max", "tpe", seed)
    drawn = []
    for number in range(trials):
        settings = plan.settings(searcher.ask(number), seed=0).model_dump()
        searcher.tell(number, "complete", worth(settings))
        drawn.append(settings)
    return drawn


def row(name: str, choices: dict[str, Any], trials: int, seeds: int) -> str:
    """Frames in an epoch of the first and of the last third of the trials, and of the best one."""
    plan = make_plan(
        SweepSpec(name="equal", recipe="refdet", preset="tiny", data="", set=choices, enqueue=[]), training=False
    )
    third, first, last, best, least, most = trials // 3, [], [], [], math.inf, 0
    for seed in range(seeds):
        drawn = search(plan, trials, seed)
        frames = [work(values) for values in drawn]
        least, most = min(least, *frames), max(most, *frames)
        first += frames[:third]
        last += frames[-third:]
        best.append(work(max(drawn, key=worth)))
    means = " | ".join(f"{statistics.fmean(values):,.0f}" for values in (first, last, best))
    return f"| {name} | {least:,} … {most:,} | {means} |"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    print(
        "| space | frames an epoch, of all trials | mean of the first third | of the last third | of the best trial |"
    )
    print("| --- | --- | --- | --- | --- |")
    print(row("the default", {}, given.trials, given.seeds), flush=True)
    print(row("with ranges for n_way, n_query and n_episodes", LONGER, given.trials, given.seeds))


if __name__ == "__main__":
    main()
