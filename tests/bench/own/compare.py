"""Schedulers, whole systems and stability verdicts on our own recorded trainings.

    python -m tests.bench.own.compare            every *.parquet beside this file; writes a *.md beside each

Each order (or seed) has its own table: of a configuration that was trained on several seeds one training is drawn.
"""

from __future__ import annotations

import argparse
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from statistics import stdev

import numpy as np
import optuna

from search.pruning.stability import StabilitySettings
from tests.bench.own.recorded import Table, load
from tests.bench.own.systems import epochs_until_near, systems, whole_sweep
from tests.bench.own.verdicts import BAD, caught
from tests.bench.public import (
    optuna_rules,
    ours,
    plain_rules,
    ray_rules,
)
from tests.bench.public.virtual import COLUMNS, MakeRule, Sweep

HERE = Path(__file__).resolve().parent

STOCK = ("Ray", "Optuna", "random")
"""How the names of others' systems begin."""

SIZES = (20, 60)
"""Trials of the sweeps that are run to their end."""

LEVELS = (2.5, 97.5)
DRAWS = 4000


def quiet() -> None:
    """Ray warns whenever a machine is busy, Optuna whenever a study begins."""
    warnings.filterwarnings("ignore", message="Define-by-run function")
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def facts(table: Table) -> str:
    """How many trainings there are, how good the best is and how much a seed changes."""
    trainings = [run for configuration in table.configurations for run in configuration.trainings]
    repeated = [configuration.trainings for configuration in table.configurations if len(configuration.trainings) > 1]
    noise = np.median([stdev(run.best for run in runs) for runs in repeated]) if repeated else float("nan")
    epochs = sum(len(run.points) for run in trainings)
    return (
        f"{len(table.configurations)} configurations, {len(repeated)} of them on further seeds: {len(trainings)} "
        f"trainings, {epochs} epochs. Best value {max(run.best for run in trainings):.3f}, median "
        f"{np.median([run.best for run in trainings]):.3f}; between seeds of one configuration the best value has a "
        f"standard deviation of {noise:.3f} (median)."
    )


@dataclass(frozen=True)
class Job:
    """A rule or a system on one table, by name: what a process is given."""

    file: Path
    name: str
    seeds: int
    workers: int
    trials: int = 0


_load = cache(load)


def outcomes(job: Job) -> list[list[float]]:
    """What stopping by a rule does, one row a random order: `COLUMNS`."""
    table, make, rows = _load(job.file), rules()[job.name], []
    for seed in range(job.seeds):
        group = table.realised(seed)
        order = np.random.default_rng([seed, 0]).permutation(len(group.runs)).tolist()
        outcome = Sweep(group, make(group), order, job.workers).run()
        rows.append([float(getattr(outcome, column)) for column in COLUMNS])
    print(f"{table.name}: {job.name}", flush=True)
    return rows


def epochs(job: Job) -> list[float]:
    """Epochs until a whole system saw a value within 1 % of the best, one a seed."""
    table, make, epochs_by_seed = _load(job.file), systems()[job.name], []
    for seed in range(job.seeds):
        group = table.realised(seed)
        epochs_by_seed.append(epochs_until_near(make(table, group, seed, job.workers), group, job.workers))
    print(f"{table.name}: {job.name}: {np.median(epochs_by_seed):.0f}", flush=True)
    return epochs_by_seed


def sweeps(job: Job) -> list[tuple[int, float]]:
    """Epochs and regret of a whole sweep of `job.trials` trials, one a seed."""
    table, make, sweep_ends = replace(_load(job.file), trials=job.trials), systems()[job.name], []
    for seed in range(job.seeds):
        group = table.realised(seed)
        sweep_ends.append(whole_sweep(make(table, group, seed, job.workers), group, job.workers))
    print(f"{table.name}: {job.name}, {job.trials} trials: {100 * np.mean(sweep_ends, axis=0)[1]:.2f}", flush=True)
    return sweep_ends


def ended(by_name: dict[str, list[list[tuple[int, float]]]]) -> Iterator[str]:
    """Sweeps of few trials and of many: what their best is worth when they end."""
    yield "| system | " + " | ".join(f"{trials} trials: epochs | regret, % [95 %]" for trials in SIZES) + " |"
    yield "| --- |" + " --- | --- |" * len(SIZES)
    for name, sizes in by_name.items():
        cells = []
        for rows in sizes:
            taken, behind = np.array(rows, float).T
            low, high = (100 * x for x in _interval(behind))
            cells.append(f"{np.mean(taken):.0f} | {100 * np.mean(behind):.2f} [{low:.2f}, {high:.2f}]")
        yield f"| {name} | {' | '.join(cells)} |"


def schedulers(by_name: dict[str, list[list[float]]]) -> Iterator[str]:
    """Configurations in a random order: what is lost by stopping."""
    yield "| rule | epochs | regret [95 %] | best run not finished | regret of best seen | time |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, rows in by_name.items():
        means = dict(zip(COLUMNS, 100 * np.mean(rows, axis=0), strict=True))
        low, high = (100 * x for x in _interval(np.array(rows)[:, COLUMNS.index("regret")]))
        shown = name.replace("  ", "&nbsp;&nbsp;", 1) if name.startswith("  ") else name
        yield (
            f"| {shown} | {means['epochs']:.1f} | {means['regret']:.2f} [{low:.2f}, {high:.2f}] "
            f"| {means['missed']:.0f} | {means['seen']:.2f} | {means['time']:.0f} |"
        )


def whole_systems(epochs_by_name: dict[str, np.ndarray], seeds: int) -> Iterator[str]:
    """Epochs until a value within 1 % of the best was seen, and what they are of the best stock system's."""
    stock = min(
        (name for name in epochs_by_name if name.startswith(STOCK)),
        key=lambda name: float(np.median(epochs_by_name[name])),
    )
    yield f"| system | found it | epochs, median of {seeds} seeds | quartiles | against {stock} [95 %] |"
    yield "| --- | --- | --- | --- | --- |"
    for name, rows in epochs_by_name.items():
        low, high = np.percentile(rows, (25, 75), method="nearest")
        ratio, (least, most) = _ratio(rows, epochs_by_name[stock])
        yield (
            f"| {name} | {np.isfinite(rows).sum()} | {_shown(np.median(rows))} | {_shown(low)} to {_shown(high)} "
            f"| {ratio:.2f} [{least:.2f}, {most:.2f}] |"
        )


def verdicts(table: Table) -> str:
    """Whom the verdicts stop without any rung."""
    stops = caught(table, StabilitySettings())
    share = 100 * stops.early / stops.bad if stops.bad else float("nan")
    reasons = ", ".join(f"{reason} {count}" for reason, count in stops.reasons.most_common())
    return (
        f"Of {stops.trainings} trainings {stops.bad} ended not finite or below {BAD:g} of the best; the verdicts alone "
        f"stop {stops.early} of these ({share:.0f} %) within half of the epochs, {stops.late} later, and {stops.good} "
        f"others; {stops.harmed} of all stopped would have improved by more than 5 % later. They save "
        f"{100 * stops.saved:.1f} % of the epochs ({reasons or 'none stopped'})."
    )


def _interval(values: np.ndarray) -> tuple[float, float]:
    draw = np.random.default_rng(0).integers(0, len(values), (DRAWS, len(values)))
    low, high = np.percentile(values[draw].mean(axis=1), LEVELS)
    return float(low), float(high)


def _shown(count: float) -> str:
    """Infinite where half of the seeds, or a quarter, stopped whoever was near the best before it showed."""
    return f"{count:.0f}" if np.isfinite(count) else "never"


def _ratio(values: np.ndarray, base: np.ndarray) -> tuple[float, tuple[float, float]]:
    """Of the medians, from the same seeds for both."""
    draw = np.random.default_rng(0).integers(0, len(values), (DRAWS, len(values)))
    with np.errstate(invalid="ignore"):  # of two infinite ones
        ratios = np.median(values[draw], axis=1) / np.median(base[draw], axis=1)
    low, high = np.nanpercentile(ratios, LEVELS, method="nearest")
    return float(np.median(values) / np.median(base)), (float(low), float(high))


def rules() -> dict[str, MakeRule]:
    """By the name in the table."""
    return ray_rules.rules() | optuna_rules.rules() | plain_rules.rules() | ours.rules()


def report(file: Path, args: argparse.Namespace, pool: Pool) -> Iterator[str]:
    """One recipe's part."""
    table = _load(file)
    yield (
        f"# Our own recorded trainings of {table.name}, {datetime.now(UTC):%Y-%m-%d}\n\n"
        f"`python -m tests.bench.own.compare --orders {args.orders} --seeds {args.seeds} --workers {args.workers}`: "
        f"random configurations, each trained to its end, by the sweep described in {table.name}.yaml. "
        f"{facts(table)}\n\n"
        f"## Stability verdicts alone\n\n{verdicts(table)}\n"
    )
    jobs, stopping = (
        [Job(file, name, args.orders, args.workers) for name in names if re.search(args.only, name)]
        for names in (systems(), rules())
    )
    searched = pool.imap(epochs, [replace(job, seeds=args.seeds) for job in jobs])
    took = dict(zip((job.name for job in jobs), map(np.array, searched), strict=True))
    yield "## Whole systems: epochs until within 1 % of the best\n\n" + "\n".join(whole_systems(took, args.seeds))
    yield "\n## Whole sweeps of so many trials\n\n" + "\n".join(ended(_ended(jobs, pool)))
    lost = dict(zip((job.name for job in stopping), pool.imap(outcomes, stopping), strict=True))
    yield "\n## Schedulers on random orders (per cent)\n\n" + "\n".join(schedulers(lost))


def _ended(jobs: list[Job], pool: Pool) -> dict[str, list[list[tuple[int, float]]]]:
    rows = pool.imap(sweeps, [replace(job, trials=trials) for job in jobs for trials in SIZES])
    return {job.name: [next(rows) for _ in SIZES] for job in jobs}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, nargs="*", help="recorded tables; all that are here if none is given")
    parser.add_argument("--orders", type=int, default=30, help="arrival orders, and seeds of whole sweeps")
    parser.add_argument("--seeds", type=int, default=100, help="of the searchers, until near the best: many find none")
    parser.add_argument("--workers", type=int, default=4, help="trials at a time")
    parser.add_argument("--only", default="", help="rules and systems with this in their name, a regular expression")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    args = parser.parse_args()
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    with get_context("spawn").Pool(args.jobs, initializer=quiet) as pool:
        files = args.tables or sorted(HERE.glob("*.parquet"))
        for file in files:
            parts = []
            for part in report(file, args, pool):
                print(part, flush=True)
                parts.append(part)
            if not args.only:
                file.with_suffix(".md").write_text("\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
