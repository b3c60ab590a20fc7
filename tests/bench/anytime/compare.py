"""How good the best is that whole systems have seen, after so many trainings' worth of epochs.

    python -m tests.bench.anytime.compare --taskset FOLDER --public FOLDER … --seeds 5

TaskSet's and other people's curves stay in their folders (see `data.py`). Every system meets the same tables in virtual
time. Regret: how far the best value that any trial had shown by then is behind the best of the table, as a share of
that. `--only REGEX` runs some of the systems, `--save FILE` keeps what was seen, `--add FILE …` takes kept rows in.
`--peers FOLDER` adds systems that have environments of their own (see `peers/system.py`).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.anytime import data
from tests.bench.anytime.data import DataSet
from tests.bench.anytime.one_epoch import OneEpoch
from tests.bench.anytime.peers.system import peers
from tests.bench.own.compare import HERE as OWN
from tests.bench.own.compare import quiet
from tests.bench.own.systems import NEAR, MakeSystem, run, systems

MARKS = (5, 10, 20, 30, 40)
"""Trainings' worth of epochs, of all trials together."""

OURS = "steadytune"
ZERO = 1e-9
"""A regret below this is none, and no ratio to it is told."""

DRAWS = 4000
LEVELS = (2.5, 97.5)


@dataclass(frozen=True)
class Source:
    """Where data sets are: what a process is given to load them by itself."""

    kind: str
    path: Path


@dataclass(frozen=True)
class Job:
    """One system on one data set."""

    source: Source
    data_set: str
    system: str
    seeds: int
    workers: int
    peers: Path | None


@dataclass(frozen=True)
class Seen:
    """One sweep.

    Attributes:
        system, kind, data_set, seed: whose it is.
        regrets: by mark.
        end: regret at its end, or at the last mark.
        near: trainings' worth of epochs until within 1 % of the best; infinite if that was not seen by the last mark.
    """

    system: str
    kind: str
    data_set: str
    seed: int
    regrets: dict[int, float]
    end: float
    near: float


@cache
def load(source: Source) -> dict[str, DataSet]:
    """The data sets of a source, by name."""
    if source.kind == "public":
        return {data_set.name: data_set for data_set in data.public(source.path)}
    data_set = data.own_table(source.path) if source.kind == "own" else data.taskset(source.path)
    return {data_set.name: data_set}


def everything(folder: Path | None) -> dict[str, MakeSystem]:
    """The systems, by name; also those whose environments are in `folder`."""
    peer_systems = peers(folder) if folder else {}
    return {"one epoch each, then the best first": OneEpoch, **peer_systems, **systems()}


def seen(job: Job) -> list[Seen]:
    """What the system of `job` sees, one sweep a seed."""
    data_set, make, rows = load(job.source)[job.data_set], everything(job.peers)[job.system], []
    for seed in range(job.seeds):
        table, group = data_set.table(seed)
        top, best, near = max(group.best), 0.0, math.inf
        regrets: dict[int, float] = {}
        for epoch, value in enumerate(run(make(table, group, seed, job.workers), group, job.workers), 1):
            best = max(best, value)
            if near == math.inf and best >= NEAR * top:
                near = epoch / table.max_epochs
            if epoch % table.max_epochs == 0 and epoch // table.max_epochs in MARKS:
                regrets[epoch // table.max_epochs] = 1 - best / top
            if epoch >= MARKS[-1] * table.max_epochs:
                break
        of_all = {mark: regrets.get(mark, 1 - best / top) for mark in data_set.marks(MARKS)}
        rows.append(Seen(job.system, data_set.kind, data_set.name, seed, of_all, 1 - best / top, near))
    return rows


def means(rows: list[Seen]) -> dict[str, dict[str, dict[int, float]]]:
    """Mean regret over seeds, by system, data set and mark."""
    collected: dict[str, dict[str, dict[int, list[float]]]] = {}
    for row in rows:
        marks = collected.setdefault(row.system, {}).setdefault(row.data_set, {})
        for mark, regret in row.regrets.items():
            marks.setdefault(mark, []).append(regret)
    return {
        system: {
            name: {mark: float(np.mean(regrets)) for mark, regrets in marks.items()} for name, marks in sets.items()
        }
        for system, sets in collected.items()
    }


def table(rows: list[Seen], kind: str) -> Iterator[str]:
    """Mean regrets of one kind of data, with intervals over its data sets, and the epochs until near the best."""
    of_kind = [row for row in rows if row.kind == kind]
    averages, names = means(of_kind), sorted({row.data_set for row in of_kind})
    marks = sorted({mark for row in of_kind for mark in row.regrets})
    yield f"## {kind}: {len(names)} data sets, {len({row.seed for row in of_kind})} seeds\n"
    yield "| system | " + " | ".join(f"{mark}" for mark in marks) + " | end | within 1 %: seen by, median |"
    yield "| --- |" + " --- |" * (len(marks) + 2)
    for system, sets in averages.items():
        cells = []
        for mark in marks:
            values = np.array([sets[name][mark] for name in names if mark in sets.get(name, {})])
            draw = np.random.default_rng(0).integers(0, len(values), (DRAWS, len(values)))
            low, high = 100 * np.percentile(values[draw].mean(axis=1), LEVELS)
            interval = f" [{low:.1f}, {high:.1f}]" if len(values) > 1 else ""
            cells.append(f"{100 * values.mean():.2f}{interval}")
        sweeps = [row for row in of_kind if row.system == system]
        near = np.percentile([row.near for row in sweeps], 50, method="nearest")
        count = sum(math.isfinite(row.near) for row in sweeps)
        cells.append(f"{100 * np.mean([row.end for row in sweeps]):.2f}")
        cells.append(f"{count} of {len(sweeps)}, {near:.1f}" if math.isfinite(near) else f"{count} of {len(sweeps)}, –")
        yield f"| {system} | {' | '.join(cells)} |"
    yield ""
    if all(system.startswith(OURS) for system in averages):
        return  # none to compare with
    best = {
        mark: min((_mean(averages[system], mark), system) for system in averages if not system.startswith(OURS))
        for mark in marks
    }
    yield "Best of the others: " + "; ".join(f"{mark}: {name}" for mark, (_, name) in best.items()) + ".\n"
    yield "| against it | " + " | ".join(map(str, marks)) + " |\n| --- |" + " --- |" * len(marks)
    for system in averages:
        if system.startswith(OURS):
            pairs = ((_mean(averages[system], mark), best[mark][0]) for mark in marks)
            cells = [f"{regret / least:.2f}" if least > ZERO else "– (0)" for regret, least in pairs]
            yield f"| {system} | {' | '.join(cells)} |"
    yield ""


def _mean(sets: dict[str, dict[int, float]], mark: int) -> float:
    return float(np.mean([marks[mark] for marks in sets.values() if mark in marks]))


def sources(args: argparse.Namespace) -> list[Source]:
    """All that the command line names, our own tables first."""
    chosen = [Source("own", file) for file in args.own]
    if args.taskset:
        chosen += [Source("taskset", file) for file in sorted(args.taskset.glob("*.parquet"))]
    return chosen + [Source("public", folder) for folder in args.public]


def _done(jobs: list[Job], processes: int) -> Iterator[list[Seen]]:
    """What each job sees, as they end."""
    if processes == 1:
        quiet()
        yield from map(seen, jobs)
        return
    with get_context("spawn").Pool(processes, initializer=quiet) as pool:
        yield from pool.imap_unordered(seen, jobs)


def _read_seen(file: Path) -> Iterator[Seen]:
    for line in file.read_text().splitlines():
        row: dict[str, Any] = json.loads(line)
        yield Seen(**{**row, "regrets": {int(mark): regret for mark, regret in row["regrets"].items()}})


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--own", type=Path, nargs="*", default=sorted(OWN.glob("*.parquet")), help="recorded tables")
    parser.add_argument("--taskset", type=Path, help="a folder with one file a task")
    parser.add_argument("--public", type=Path, nargs="*", default=[], help="folders of other people's runs")
    parser.add_argument("--peers", type=Path, help="a folder with a virtual environment for each of other people's")
    parser.add_argument("--seeds", type=int, default=5, help="sweeps of each system on each data set")
    parser.add_argument("--workers", type=int, default=4, help="trials at a time")
    parser.add_argument("--only", default="", help="systems with this in their name, a regular expression")
    parser.add_argument("--sets", default="", help="data sets with this in their name, a regular expression")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--save", type=Path, help="keep what was seen here, one JSON line a sweep")
    parser.add_argument("--add", type=Path, nargs="*", default=[], help="kept rows to take into the tables")
    args = parser.parse_args()
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    chosen = [name for name in everything(args.peers) if re.search(args.only, name)]
    jobs = [
        Job(source, name, system, args.seeds, args.workers, args.peers)
        for source in sources(args)
        for name in load(source)
        if re.search(args.sets, name)
        for system in chosen
    ]
    rows = [row for file in args.add for row in _read_seen(file)]
    for finished in _done(jobs, args.jobs):
        rows += finished
        if args.save:
            with args.save.open("a") as file:
                file.writelines(json.dumps(vars(row)) + "\n" for row in finished)
    order = list(everything(args.peers))
    rows.sort(key=lambda row: (order.index(row.system) if row.system in order else len(order), row.system))
    for kind in dict.fromkeys(row.kind for row in rows):
        print("\n".join(table(rows, kind)), flush=True)


if __name__ == "__main__":
    main()
