"""What a known training is worth to the searcher, in virtual time, if it is good, and if it is not.

    python -m tests.bench.search.known [--seeds 20] [--first 100] [--rows FILE]

A sweep of `ultralytics` on small data is rough: of a dozen random configurations most are worth next to nothing, its
baseline is not. Here 27 settings, most of them augmentation and all of weight, make such landscapes: a random draw has
a quality of .15 on average, one in twenty has .42, and the baselines are

    good        a normal step of .2 of each range from the best place, without most augmentation: .6 on average
    middling    the sixth best of 40 random draws
    bad         a random draw

An epoch's noise is .02 and a training seed's .05 of a metric that reaches .9. Each sweep trains the baseline first.
With `known` the searcher is told that it is one; without, it is a trial as any other. The table has the true quality
of the complete trial that looked best, and the difference on the same seeds with its 95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Mapping, Sequence
from multiprocessing import Pool
from pathlib import Path
from typing import Any

from search.sampling.rank_model import RankModel
from search.sampling.searcher import Searcher
from search.sweep.candidates import CANDIDATES
from search.sweep.seeds import derived
from spaces.cube import Configurations, at_random, number_at, point, share, stepped
from spaces.space import Draw, ranges
from tests.bench.search.searcher import interval, plain
from tests.bench.search.searcher_sweeps import RUNGS, drawn_at_random, selected, sweep
from tests.support.landscape import BEST, EPOCHS, Task

BUDGETS = (12, 20, 30)
BASELINES = ("good", "middling", "bad")
AUGMENTATION = tuple(f"augmentation_{number}" for number in range(14))
OTHERS = tuple(f"setting_{number}" for number in range(9))
EPOCH_NOISE, SEED_NOISE = 0.02, 0.05
LATE = 3
"""Epochs before the metric rises at all."""


def space(draw: Draw) -> None:
    """An optimizer with its own rate, and numbers from 0 to 1."""
    if draw.choice("optimizer", ["adamw", "sgd", "musgd"]) == "adamw":
        draw.float("lr", 5e-5, 1e-2, log=True)
    else:
        draw.float("lr_sgd", 1e-3, 1e-1, log=True)
    draw.float("weight_decay", 1e-5, 1e-2, log=True)
    for name in (*OTHERS, *AUGMENTATION):
        draw.float(name, 0.0, 1.0)


class Rough(Task):
    """A landscape whose quality falls steeply from its best place."""

    def quality(self, drawn: Mapping[str, Any]) -> float:
        """See `Task`."""
        lost = {"adamw": 0.0, "sgd": 0.12, "musgd": 0.06}[drawn["optimizer"]]
        numbers = [name for name in drawn if name != "optimizer"]
        lost += sum(
            4 * self.weight[name] * (share(drawn[name], self.spans[name]) - self.best[name]) ** 2 for name in numbers
        )
        return float(BEST * max(0.0, 1 - lost / BEST) ** 1.7)

    def diverges_at(self, drawn: Mapping[str, Any]) -> int | None:
        """See `Task`: none does."""
        return None

    def value(self, drawn: Mapping[str, Any], epoch: int, seed: str) -> float | None:
        """See `Task`."""
        noise = random.Random(seed).gauss(0, SEED_NOISE) + random.Random(f"{seed}/{epoch}").gauss(0, EPOCH_NOISE)
        risen = max(0.0, 1 - math.exp(-0.12 * (epoch - LATE))) / (1 - math.exp(-0.12 * (EPOCHS - LATE)))
        return max(0.0, self.quality(drawn) * risen * (1 + noise / 0.4))  # a training that learns nothing has none


def task_of(seed: int) -> Rough:
    """The landscape of `seed`."""
    source, spans = random.Random(f"rough/{seed}"), ranges(space)
    numbers = [name for name in spans if name != "optimizer"]
    best: dict[str, Any] = {
        name: source.uniform(0.0, 0.4) if name in AUGMENTATION else source.uniform(0.2, 0.8) for name in numbers
    }
    best |= {"lr": source.uniform(0.5, 1.0), "lr_sgd": source.uniform(0.4, 0.9)}
    weight = {name: source.uniform(0.01, 0.06) for name in numbers} | {"lr": 0.5, "lr_sgd": 0.5}
    return Rough("rough", space, best, weight, spans=spans)


def baseline(task: Task, kind: str, seed: int) -> dict[str, Any]:
    """The training that is known."""
    source = random.Random(f"{kind}/{seed}")
    if kind == "bad":
        return drawn_at_random(task, source)
    if kind == "middling":
        return sorted((drawn_at_random(task, source) for _ in range(40)), key=task.quality)[34]
    values: dict[str, Any] = {"optimizer": "adamw"}
    for name, span in task.spans.items():
        if name in ("optimizer", "lr_sgd"):
            continue
        where = task.best[name] + (source.choice([-0.2, 0.1]) if name == "lr" else source.gauss(0, 0.2))
        if name in AUGMENTATION:
            where = source.choice([0.0, 0.0, 0.1, 0.3])
        values[name] = number_at(min(1.0, max(0.0, where)), span)
    return values


def searcher(task: Task, first: Mapping[str, Any], knows_baseline: bool, seed: int) -> Searcher:
    """That of sweeps, which draws about half of the baseline's augmentation."""
    augmentation = {name: first[name] for name in AUGMENTATION}

    def draw(number: int, near: Sequence[Mapping[str, Any]], by_steps: bool) -> list[dict[str, Any]]:
        candidates = []
        for index in range(CANDIDATES):
            usual = near[index % len(near)] if near and index % 2 else None
            seed_of_draw = derived(seed, f"{number}/{index}")
            if usual and by_steps:
                candidates.append(stepped(space, {}, seed_of_draw, usual))
            else:
                candidates.append(at_random(space, {}, seed_of_draw, usual or augmentation))
        return candidates

    model = RankModel(Configurations(draw, lambda values: point(values, task.spans)), [first] if knows_baseline else [])
    return Searcher(lambda trial: plain(task, trial), "max", "rank_gp", seed, RUNGS, model=model)


def measure(seed: int) -> list[dict[str, Any]]:
    """All sweeps of one landscape."""
    task, rows = task_of(seed), []
    for kind in BASELINES:
        first = baseline(task, kind, seed)
        for knows_baseline in (False, True):
            trials = sweep(task, searcher(task, first, knows_baseline, seed), max(BUDGETS), seed, [first])
            for budget in BUDGETS:
                reached = selected(trials[:budget])
                rows.append(
                    {"seed": seed, "baseline": kind, "known": knows_baseline, "budget": budget, "reached": reached}
                )
    return rows


def table(rows: Sequence[Mapping[str, Any]]) -> None:
    """What was reached without and with knowing the baseline."""
    for kind in BASELINES:
        for budget in BUDGETS:
            reached = {
                knows_baseline: {
                    row["seed"]: row["reached"]
                    for row in rows
                    if (row["baseline"], row["budget"], row["known"]) == (kind, budget, knows_baseline)
                }
                for knows_baseline in (False, True)
            }
            seeds = sorted(reached[False].keys() & reached[True].keys())
            if not seeds:
                continue
            gain, low, high = interval([reached[True][seed] - reached[False][seed] for seed in seeds])
            without, with_it = (
                sum(reached[knows_baseline][seed] for seed in seeds) / len(seeds) for knows_baseline in (False, True)
            )
            print(
                f"{kind:10} {budget:3} trials, {len(seeds)} seeds: {without:.3f}, known {with_it:.3f}, "
                f"{gain:+.3f} [{low:+.3f}, {high:+.3f}]"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=100, help="the constants were chosen on seeds 0 to 14")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rows", type=Path, help="file for a line of JSON a sweep and budget")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with Pool(given.processes) as pool:
        for of_seed in pool.imap_unordered(measure, range(given.first, given.first + given.seeds)):
            rows += of_seed
            if given.rows:
                with given.rows.open("a") as file:
                    file.writelines(json.dumps(row) + "\n" for row in of_seed)
    table(rows)


if __name__ == "__main__":
    main()
