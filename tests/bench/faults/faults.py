"""One fault at a time, at random moments of a real sweep: `python -m tests.bench.faults.faults --to FILE [--kinds …]`.

Each is a small sweep through Ray, one trial at a time, so that what it decides follows from its seed, or several with
`--workers`; the recipe and what can happen inside a training are in `faulty.py`. A fault strikes at a seeded (trial,
epoch), in the training or while its checkpoint is written. Afterwards are counted

    lost        trials without an end, or ended as failed though they go on by themselves after such a fault
    twice       trials, epochs or ends that are in the journal more than once
    differing   trials whose values or decisions are not those of the unbroken sweep ("-": a trial less, other ranks; or
                several workers, where the order of arrival is free)
    unexplained decisions that do not follow from the journal's events before them, in whatever order they came
    no reason   trials that were struck for good and did not end as failed with the reason, told to Optuna as infeasible
    orphans     processes of the sweep that outlive it by 90 s
    left over   checkpoints beyond the retention's bound, half-written files

MLflow is recorded where it is the subject alone (its import takes longer than such a sweep); `crashes.py` beside this
folder kills its server and its database. What was found is added to FILE, a line each; `--table FILES` shows it. Needs
root: a control group, a small disk and a folder that takes no changes are made. `clock set` needs libfaketime, whose
library the variable FAKETIME_LIBRARY names, and `storage stands still` needs Ceph.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from search.journal.events import EpochDone, TrialStarted
from search.run import sweep_run
from tests.bench.faults.aftermath import Count, count, log
from tests.bench.faults.faulty import CGROUP
from tests.bench.faults.sessions import session
from tests.bench.faults.strikes import KINDS, NEEDS_CHECKPOINT, strike
from tests.bench.faults.struck import (
    FOREVER,
    Moment,
    Unrecorded,
    events_of,
    launch,
    nothing,
    outliving,
    prepare,
    trainings,
)
from tests.bench.faults.surroundings import NEEDED, storage
from tests.support import REPOSITORY

ENVIRONMENT = {
    "PYTHONPATH": str(REPOSITORY),
    "RAY_worker_niceness": "0",  # else whatever else runs on the machine comes first
}


def struck_sweep(base: Path, kind: str, seed: int, workers: int, events: list[Any], cluster: Any) -> Count:
    """One sweep with one fault; `events` are those of the unbroken sweep."""
    pairs = moments_of(events, workers)
    draw = random.Random(f"{kind}/{seed}")
    able = [pair for pair in pairs if pair[1] > 1] if kind in NEEDS_CHECKPOINT else pairs
    at = Moment(*draw.choice(able), draw.choice(["training", "saving"]))
    if kind in (*NEEDS_CHECKPOINT, "checkpoints unwritable"):
        at = Moment(at.trial, at.epoch, "training")
    root = base / f"{kind.replace(' ', '-')}-{seed}"
    prepare(root, kind, at, workers)
    try:
        state, orphans = strike(root, kind, at, cluster)
        counted = count(root, kind, at, state, log(events) if workers == 1 else None)
        counted.orphans = orphans + outliving(trainings())
    except Exception as error:
        counted = Count(lost=1, notes=[f"{type(error).__name__}: {error}"])
    finally:
        subprocess.run(["chattr", "-R", "-i", str(root)], check=False, capture_output=True)
        subprocess.run(["umount", "-l", str(root / "sweeps")], check=False, capture_output=True)
        for group in CGROUP.glob("steadytune-faulty-*"):
            with suppress(OSError):
                group.rmdir()
    counted.notes = [f"{at}: {note}" for note in counted.notes]
    return counted


def moments_of(events: list[Any], workers: int) -> list[tuple[int, int]]:
    """Each (trial, epoch) that a search comes to; with several workers another order may end all but the baseline."""
    search = {event.trial for event in events if isinstance(event, TrialStarted) and event.kind == "search"}
    pairs = [(event.trial, event.epoch) for event in events if isinstance(event, EpochDone) and event.trial in search]
    return [(trial, epoch) for trial, epoch in pairs if workers == 1 or trial == 0 or epoch == 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--moments", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="number of the first moment")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--to", type=Path, help="file to add what is found to")
    parser.add_argument("--table", type=Path, nargs="+", help="files to show")
    parser.add_argument("--drive", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--again", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    vars(sweep_run).update(Recorder=Unrecorded)
    if given.drive:
        launch(given.drive, "driver killed", nothing, again=given.again)
    elif given.table:
        show([json.loads(line) for file in given.table for line in file.read_text().splitlines()])
    else:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        reasons = {kind: reason for kind in given.kinds if (reason := NEEDED.get(kind, str)())}
        for kind, reason in reasons.items():
            print(f"{kind}: not tried, since {reason}", file=sys.stderr)
        measure(
            [kind for kind in given.kinds if kind not in reasons],
            range(given.first, given.moments),
            given.workers,
            given.to,
        )


def measure(kinds: list[str], moments: range, workers: int, to: Path) -> None:
    """Every kind at its first moment, then every kind at its second …"""
    with (
        storage("storage stands still" in kinds),
        tempfile.TemporaryDirectory() as name,
        session("node killed" in kinds, workers) as cluster,
    ):
        base = Path(name)
        prepare(base / "unbroken", "none", None, workers)
        launch(base / "unbroken", "none", nothing)
        events = events_of(base / "unbroken")
        for seed in moments:
            for kind in kinds:
                began = time.monotonic()
                counted = struck_sweep(base, kind, seed, workers, events, cluster)
                row = {
                    "kind": kind,
                    "workers": workers,
                    "seed": seed,
                    "seconds": time.monotonic() - began,
                    **vars(counted),
                }
                with to.open("a") as file:
                    file.write(json.dumps(row) + "\n")


def show(rows: list[dict[str, Any]]) -> None:
    """One line a kind."""
    columns = ("lost", "twice", "differing", "unexplained", "no_reason", "orphans", "left_over")
    print(f"| fault | moments | {' | '.join(columns).replace('_', ' ')} | seconds each |")
    print(f"| --- |{' --- |' * 9}")
    for kind in KINDS:
        of_kind = [row for row in rows if row["kind"] == kind]
        if of_kind:
            sums = {name: str(sum(row[name] for row in of_kind)) for name in columns}
            free_order = any(row.get("workers", 1) > 1 for row in of_kind)
            sums |= {"differing": "-"} if kind in FOREVER or free_order else {}
            sums |= {} if kind in FOREVER else {"no_reason": "-"}
            seconds = sum(row["seconds"] for row in of_kind) / len(of_kind)
            print(f"| {kind} | {len(of_kind)} | {' | '.join(sums.values())} | {seconds:.0f} |")
    for row in rows:
        for note in row["notes"]:
            print(f"{row['kind']} {row['seed']}: {note}")


if __name__ == "__main__":
    main()
