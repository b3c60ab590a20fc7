"""What the default's constants, the number of workers and trials, and noise change about its regret.

    python -m tests.bench.anytime.sensitivity --taskset FOLDER [--seeds 3] [--jobs 2] [--only REGEX]

Each variant changes one thing of the default and meets the same tables as it, with the same seeds. Regret is that of
`compare.py`, on our own tables and on TaskSet. Behind it: how many points more or less than the default on the same
seeds, and the interval of that difference over sweeps. With noise, systems are told values with twice the noise that
the curves have; regret is that of the true values.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from search.pruning.curve import Point
from search.pruning.rungs import first_rung
from tests.bench.anytime.compare import DRAWS, LEVELS, MARKS, Source, load
from tests.bench.own.compare import HERE as OWN
from tests.bench.own.compare import quiet
from tests.bench.own.recorded import Table
from tests.bench.own.systems import Ours, System, run
from tests.bench.public.groups import Group

SHOWN = (5, 10, 20, 40)
"""Marks of the table, in trainings' worth of epochs."""
DEFAULT = "the default"


@dataclass(frozen=True)
class Variant:
    """One change.

    Attributes:
        constants: by dotted name, what the module's or the class's constant is instead.
        grace: share of a training before the first rung as a sweep's file would give it, so without early rungs.
        policy: fields of the sweep.
        workers: trials at a time.
        trials: that the sweep may start; the table's own if 0.
        noise: by how many times the curves' own noise is added to what the system is told.
    """

    constants: Mapping[str, Any] = field(default_factory=dict)
    grace: float = 0.0
    policy: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 4
    trials: int = 0
    noise: float = 0.0


def _constant(name: str, *values: float) -> dict[str, Variant]:
    return {f"{name.rsplit('.', 1)[1]} {value:g}": Variant({name: value}) for value in values}


VARIANTS: dict[str, Variant] = {
    DEFAULT: Variant(),
    **_constant("search.sampling.rank_model.AT_RANDOM", 4, 16),
    **_constant("search.sampling.rank_model.GROWTH", 1.05, 1.3),
    **_constant("search.sampling.rank_model.MEMBERS", 100, 400),
    **_constant("tests.bench.own.tabular.CANDIDATES", 50, 800),
    **_constant("search.pruning.promoting.PromotingASHA.thinning", 0.75, 0.95),
    **_constant("search.pruning.promoting.PromotingASHA.thinning_few", 0.6, 0.8),
    **_constant("search.pruning.promoting.PromotingASHA.thinning_early", 0.2, 0.5, 0.85),
    **_constant("search.pruning.promoting.NOTHING_UNTIL", 0.15, 0.6),
    **_constant("search.pruning.pausing_rung.FEW", 4, 16),
    **_constant("search.pruning.objective.WINDOW", 1, 5),
    **_constant("search.pruning.rungs.WARMUP_SHARE", 0, 0.25, 1),
    **{f"min_peers {count}": Variant(policy={"min_peers": count}) for count in (4, 16)},
    **{f"grace {share:g}, no early rungs": Variant(grace=share) for share in (0.05, 0.08, 0.12)},
    **{f"factor {factor:g}": Variant(policy={"reduction_factor": factor}) for factor in (1.25, 1.7)},
    **{f"{count} workers": Variant(workers=count) for count in (1, 16, 64)},
    **{f"{count} trials": Variant(trials=count) for count in (10, 20, 60, 200, 1000)},
    "noise doubled": Variant(noise=math.sqrt(3)),
}


class Noisy:
    """A system that is told other values than its trainings had.

    Args:
        system: that is told.
        group: the trainings.
        factor: standard deviation of what is added, in that of the training's own noise.
        seed: of the noise.
    """

    def __init__(self, system: System, group: Group, factor: float, seed: int) -> None:
        draw = np.random.default_rng([seed, 7])
        self._system = system
        self._added = [factor * noise(run) * draw.standard_normal(len(run)) for run in group.runs]
        self._training: dict[int, int] = {}

    def next(self) -> tuple[int, int, int] | None:
        """See `System`."""
        given = self._system.next()
        if given is not None:
            self._training[given[0]] = given[1]
        return given

    def report(self, trial: int, point: Point, last: bool) -> bool:
        """See `System`."""
        if point.value is not None:
            added = self._added[self._training[trial]][point.epoch - 1]
            point = replace(point, value=min(1.0, max(0.0, point.value + float(added))))
        return self._system.report(trial, point, last)


def noise(training: tuple[Point, ...]) -> float:
    """Standard deviation of a curve's noise, from its second differences; 0 if it is too short.

    A second difference of independent values of variance v has the variance 6 v; the median keeps out what bends.
    """
    values = np.array([point.value for point in training if point.value is not None])
    if len(values) < 3:
        return 0.0
    return float(np.median(np.abs(np.diff(values, 2))) / 0.6745 / math.sqrt(6))


@dataclass(frozen=True)
class Job:
    """One sweep of one variant."""

    source: Source
    data_set: str
    variant: str
    seed: int


Result = tuple[Job, str, dict[int, float], int]
"""What was run, the kind of its data, regret by mark, and the epochs that the sweep took, to the last mark at most."""


def measure(job: Job) -> Result:
    """Run a sweep."""
    data_set, variant = load(job.source)[job.data_set], VARIANTS[job.variant]
    table, group = data_set.table(job.seed)
    top, best, epoch = max(group.best), 0.0, 0
    regrets: dict[int, float] = {}
    with contextlib.ExitStack() as stack:
        for name, value in variant.constants.items():
            stack.enter_context(patch(name, value))
        for value in run(_system(variant, table, group, job.seed), group, variant.workers):
            epoch, best = epoch + 1, max(best, value)
            if epoch % table.max_epochs == 0 and epoch // table.max_epochs in MARKS:
                regrets[epoch // table.max_epochs] = 1 - best / top
            if epoch >= MARKS[-1] * table.max_epochs:
                break
    return job, data_set.kind, {mark: regrets.get(mark, 1 - best / top) for mark in SHOWN}, epoch // table.max_epochs


def _system(variant: Variant, table: Table, group: Group, seed: int) -> System:
    grace = {"grace_epochs": first_rung(variant.grace, table.max_epochs)} if variant.grace else {}
    trials = {"trials": min(variant.trials, len(table.configurations))} if variant.trials else {}
    ours = Ours(table, group, seed, variant.workers, **variant.policy, **grace, **trials)
    return Noisy(ours, group, variant.noise, seed) if variant.noise else ours


def rows(results: list[Result], kind: str) -> Iterator[str]:
    """The table of one kind of data."""
    regrets: dict[str, dict[tuple[str, int], dict[int, float]]] = {}
    took: dict[str, list[int]] = {}
    for job, of_kind, by_mark, trainings in results:
        if of_kind == kind:
            regrets.setdefault(job.variant, {})[job.data_set, job.seed] = by_mark
            took.setdefault(job.variant, []).append(trainings)
    yield f"## {kind}\n"
    yield "| variant | " + " | ".join(f"{mark} [difference]" for mark in SHOWN) + " | trainings' worth |"
    yield "| --- |" + " --- |" * (len(SHOWN) + 1)
    for variant in (name for name in VARIANTS if name in regrets):
        sweeps = sorted(regrets[variant].keys() & regrets[DEFAULT].keys())
        cells = []
        for mark in SHOWN:
            values = np.array([regrets[variant][sweep][mark] for sweep in sweeps])
            gained = values - np.array([regrets[DEFAULT][sweep][mark] for sweep in sweeps])
            draw = np.random.default_rng(0).integers(0, len(sweeps), (DRAWS, len(sweeps)))
            low, high = 100 * np.percentile(gained[draw].mean(axis=1), LEVELS)
            difference = "" if variant == DEFAULT else f" {100 * gained.mean():+.1f} [{low:+.1f}, {high:+.1f}]"
            cells.append(f"{100 * values.mean():.1f}{difference}")
        yield f"| {variant} | {' | '.join(cells)} | {np.mean(took[variant]):.0f} |"
    yield ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--own", type=Path, nargs="*", default=sorted(OWN.glob("*.parquet")), help="recorded tables")
    parser.add_argument("--taskset", type=Path, help="a folder with one file a task")
    parser.add_argument("--seeds", type=int, default=3, help="sweeps of each variant on each data set")
    parser.add_argument("--only", default="", help="variants with this in their name, a regular expression")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    args = parser.parse_args()
    sources = [Source("own", file) for file in args.own]
    sources += [Source("taskset", file) for file in sorted(args.taskset.glob("*.parquet"))] if args.taskset else []
    jobs = [
        Job(source, name, variant, seed)
        for source in sources
        for name in load(source)
        for seed in range(args.seeds)
        for variant in VARIANTS
        if variant == DEFAULT or re.search(args.only, variant)
    ]
    results: list[Result] = []
    with get_context("spawn").Pool(args.jobs, initializer=quiet) as pool:
        results.extend(pool.imap_unordered(measure, jobs))
    for kind in dict.fromkeys(kind for _, kind, _, _ in results):
        print("\n".join(rows(results, kind)), flush=True)


if __name__ == "__main__":
    main()
