"""How the searcher's choices were made, in virtual time, on `landscape.py`.

    python -m tests.bench.search.searcher PART

    conditional   Optuna's TPE on spaces with branches: as it comes, flattened, grouped, one parameter at a time; and
                  what sweeps use, TPE and a Gaussian process of the trials' ranks
    warm          what an earlier sweep's trials are worth, and how they are best told
    enough        what a sweep saves, and loses, by ending itself: on the rows that `conditional --rows FILE` wrote
    table         the tables of rows that were written before

Each seed has its own landscape; all arms see the same ones. Four workers, stopping ASHA (first rung at 3 of 27 epochs,
one in three goes on). What counts is the true quality of the trial that looked best, below the best that a random
search of 20,000 noiseless draws finds in that landscape. Differences are paired by seed, with 95 % bootstrap intervals.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import optuna

from search.control.patience import enough
from search.sampling.rank_model import RankModel
from search.sampling.searcher import Searcher
from search.sweep.candidates import CANDIDATES
from search.sweep.seeds import derived
from spaces.cube import Configurations, at_random, point
from spaces.space import Draw
from spaces.value_range import Range
from tests.bench.search.searcher_sweeps import (
    RUNGS,
    Drawing,
    Ended,
    reachable,
    searcher_of,
    selected,
    sweep,
)
from tests.support.landscape import EPOCH_NOISE, Task

BUDGETS = (30, 60, 120)
MakeSearcher = Callable[[Task, int], Searcher]


def plain(task: Task, trial: optuna.Trial) -> dict[str, Any]:
    """Define-by-run: what is not asked for is not drawn."""
    drawing = Draw(trial)
    task.space(drawing)
    return drawing.values


def flattened(task: Task, trial: optuna.Trial) -> dict[str, Any]:
    """Every parameter is drawn, those of closed branches too; the space then takes what it asks for."""
    for name, value_range in task.spans.items():
        ask(trial, name, value_range)
    return plain(task, trial)


def ask(trial: optuna.Trial, name: str, value_range: Range) -> None:
    if value_range.kind == "float":
        trial.suggest_float(name, value_range.low, value_range.high, log=value_range.log)
    elif value_range.kind == "int":
        trial.suggest_int(name, int(value_range.low), int(value_range.high), log=value_range.log)
    else:
        trial.suggest_categorical(name, list(value_range.choices))


def tpe(seed: int, **more: Any) -> optuna.samplers.BaseSampler:
    return optuna.samplers.TPESampler(seed=seed, **more)


def optunas(drawing: Drawing, sampler: Callable[[int], optuna.samplers.BaseSampler]) -> MakeSearcher:
    """A sampler that sees the study as Optuna has it."""
    return lambda task, seed: searcher_of(task, drawing, sampler(seed))


def ours(sampler: str) -> MakeSearcher:
    """A sampler as sweeps have it, which compares trials by rank."""

    def searcher(task: Task, seed: int) -> Searcher:
        def draw(number: int, near: Sequence[Mapping[str, Any]], by_steps: bool) -> list[dict[str, Any]]:
            neighbours = [near[index % len(near)] if near and index % 2 else {} for index in range(CANDIDATES)]
            seeds = (derived(seed, f"{number}/{index}") for index in range(CANDIDATES))
            return [
                at_random(task.space, {}, seed_of_draw, neighbour)
                for seed_of_draw, neighbour in zip(seeds, neighbours, strict=True)
            ]

        model = RankModel(Configurations(draw, lambda values: point(values, task.spans)))
        return Searcher(
            lambda trial: plain(task, trial), "max", sampler, seed, RUNGS,
            model=model if sampler == "rank_gp" else None,
        )  # fmt: skip

    return searcher


TPE = optunas(plain, tpe)
CONDITIONAL: dict[str, MakeSearcher] = {
    "tpe, define by run": TPE,
    "tpe, flattened": optunas(flattened, tpe),
    "tpe, group=True": optunas(plain, lambda seed: tpe(seed, group=True)),
    "tpe, univariate": optunas(plain, lambda seed: tpe(seed, multivariate=False)),
    "random": optunas(plain, lambda seed: optuna.samplers.RandomSampler(seed=seed)),
    "tpe, of ranks": ours("tpe"),
    "rank_gp": ours("rank_gp"),
}


def measured(
    space: str, seed: int, arm: str, trials: list[Ended], budgets: Sequence[int], title: str
) -> list[dict[str, Any]]:
    """One row a budget: the regret after so many trials, and what the `enough` part needs."""
    return [
        {
            "space": title,
            "seed": seed,
            "arm": arm,
            "budget": budget,
            "regret": reachable(space, seed) - selected(trials[:budget]),
            "epochs": sum(trial.epochs for trial in trials[:budget]),
            "trials": [(trial.outcome, trial.epochs, trial.level, trial.quality) for trial in trials[:budget]],
        }
        for budget in budgets
    ]


def conditional(job: tuple[str, int]) -> list[dict[str, Any]]:
    """All arms of one space and seed: regret after each budget. A sweep of 120 trials begins as one of 30 does."""
    space, seed = job
    task, rows = Task.of(space, seed), []
    for arm, searcher in CONDITIONAL.items():
        trials = sweep(task, searcher(task, seed), max(BUDGETS), seed)
        rows += measured(space, seed, arm, trials, BUDGETS, space)
    return rows


SITUATIONS: dict[str, Callable[[Task, int], Task]] = {
    "same data": lambda task, seed: task,
    "related data": lambda task, seed: task.moved(0.08, seed, scale=0.6, offset=0.5),
    "other task": lambda task, seed: replace(Task.of(task.name, seed + 500), scale=0.6, offset=0.1),
}
"""What the earlier sweep was trained on."""


WARM = ("cold", "3 best first")


def warm_sweep(arm: str, task: Task, past: list[Ended], seed: int) -> list[Ended]:
    """A sweep of 30 trials that learns from `past` as `arm` has it."""
    searcher = TPE(task, seed)
    complete = sorted((trial for trial in past if trial.outcome == "complete"), key=lambda trial: -(trial.level or 0.0))
    first = [trial.drawn for trial in complete[:3]] if "first" in arm else []
    return sweep(task, searcher, 30, seed, first)


def warm(job: tuple[str, int]) -> list[dict[str, Any]]:
    """All arms of one space and seed in each situation, after an earlier sweep of 60 trials."""
    space, seed = job
    task, rows = Task.of(space, seed), []
    for situation, situate in SITUATIONS.items():
        then = situate(task, seed)
        past = sweep(then, TPE(then, seed + 1000), 60, seed + 1000)
        for arm in WARM:
            trials = warm_sweep(arm, task, past, seed)
            rows += measured(space, seed, arm, trials, (10, 20, 30), f"{situation} ({space})")
    return rows


def interval(values: list[float]) -> tuple[float, float, float]:
    """Mean with the 95 % bootstrap interval over seeds."""
    source = random.Random(0)
    means = sorted(statistics.fmean(source.choices(values, k=len(values))) for _ in range(2000))
    return statistics.fmean(values), means[50], means[1949]


def table(rows: list[dict[str, Any]], base: str) -> None:
    """Mean regret an arm, and its paired difference to `base`; in points (hundredths of the metric)."""
    groups = sorted({(row["space"], row["budget"]) for row in rows}, key=lambda group: (group[0], group[1]))
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    for space, budget in groups:
        regrets = {
            arm: {
                row["seed"]: 100 * row["regret"]
                for row in rows
                if (row["space"], row["budget"], row["arm"]) == (space, budget, arm)
            }
            for arm in arms
        }
        epochs = {
            arm: [row["epochs"] for row in rows if (row["space"], row["budget"], row["arm"]) == (space, budget, arm)]
            for arm in arms
        }
        print(f"\n{space}, {budget} trials, {len(regrets[base])} seeds")
        for arm in arms:
            mean, low, high = interval(list(regrets[arm].values()))
            gap = interval([regrets[arm][seed] - regrets[base][seed] for seed in regrets[base]])
            paired = "" if arm == base else f"  against it {gap[0]:+.2f} [{gap[1]:+.2f}, {gap[2]:+.2f}]"
            regret = f"regret {mean:5.2f} [{low:.2f}, {high:.2f}]  {statistics.fmean(epochs[arm]):5.0f} epochs"
            print(f"  {arm:28s} {regret}{paired}")


def stopped_early(rows: list[dict[str, Any]]) -> None:
    """What `search.control.patience` saves of sweeps of 120 trials, and what it costs against running all.

    "at others' number" ends each sweep after as many trials as the rule gave another seed: what the rule's timing, as
    opposed to how often it ends a sweep, is worth.
    """
    longest = [row for row in rows if row["budget"] == max(BUDGETS)]
    for arm in dict.fromkeys(row["arm"] for row in longest):
        for patience in (5, 10, 15):
            sweeps = [[Ended({}, *trial) for trial in row["trials"]] for row in longest if row["arm"] == arm]
            counts = [trials_until(trials, patience) for trials in sweeps]
            others = random.Random(1).sample(counts, len(counts))
            lost, blind = interval(missed(sweeps, counts)), interval(missed(sweeps, others))
            saved = 1 - statistics.fmean(counts) / max(BUDGETS)
            costs = f"{lost[0]:5.2f} [{lost[1]:.2f}, {lost[2]:.2f}]"
            print(f"  {arm:20s} patience {patience:2d}: {saved:4.0%} of trials saved, regret +{costs},", end="")
            print(f" at others' number {blind[0]:+.2f} [{blind[1]:+.2f}, {blind[2]:+.2f}]")


def missed(sweeps: list[list[Ended]], counts: list[int]) -> list[float]:
    """By how many points the choice after so many trials is worse than the choice after all."""
    return [100 * (selected(trials) - selected(trials[:count])) for trials, count in zip(sweeps, counts, strict=True)]


def trials_until(trials: list[Ended], patience: int) -> int:
    """After how many trials the sweep ends itself."""
    for count in range(1, len(trials)):
        levels = [trial.level for trial in trials[:count] if trial.outcome == "complete" and trial.level is not None]
        if enough(levels, [EPOCH_NOISE] * len(levels), patience):
            return count
    return len(trials)


PARTS = {"conditional": (conditional, "tpe, define by run"), "warm": (warm, "cold")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=[*PARTS, "enough", "table"])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rows", type=Path, help="write every row there as JSON")
    parser.add_argument("--spaces", nargs="+", default=["detector", "branched"], help="'…, coupled' is known too")
    parser.add_argument("--arms", nargs="+", help="only these of the conditional part")
    arguments = parser.parse_args()
    if arguments.part in ("enough", "table"):
        rows = json.loads(arguments.rows.read_text(encoding="utf-8"))
        stopped_early(rows) if arguments.part == "enough" else table(rows, rows[0]["arm"])
        return
    run, base = PARTS[arguments.part]
    for arm in list(CONDITIONAL) if arguments.arms else []:
        if arm not in arguments.arms:
            del CONDITIONAL[arm]
    jobs = [(space, seed) for seed in range(arguments.seeds) for space in arguments.spaces]
    rows = []
    with Pool(arguments.processes) as pool:
        for rows_of_job in pool.imap(run, jobs):
            rows += rows_of_job
            if arguments.rows:  # as they come: what was measured is kept if the rest is not
                arguments.rows.write_text(json.dumps(rows), encoding="utf-8")
    table(rows, base)


if __name__ == "__main__":
    main()
