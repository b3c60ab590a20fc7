"""Kill -9 and SIGSTOP at random moments.

    python -m tests.bench.faults.crashes [--moments 20] [--kinds driver worker mlflow postgres …]

At most five in each small sweep, which records on a team's server (MLflow with basic auth on PostgreSQL,
`tests/support/team_server.py`). Driver: the sweep is resumed. Worker: one of its training processes. MLflow and
PostgreSQL: started again two seconds later; "stopped": they stand still for a while. Afterwards every metric of every
epoch in the journal is compared with its history in MLflow.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from search.journal.events import EpochDone, SweepEnded
from search.journal.segments import read
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from tests.support import REPOSITORY
from tests.support.agreement import Difference, difference
from tests.support.programs import POSTGRESQL
from tests.support.team_server import TeamServer

STOPPED = {"mlflow stopped": "mlflow", "postgres stopped": "postgres"}
KINDS = ("driver", "worker", "mlflow", "postgres", *STOPPED)
KILLS = 5
"""In one sweep, each so long after the one before (and after what was killed runs again):"""
MOST_SECONDS = 6.0
STILL_SECONDS = 60.0
"""How long a server stands still at most; the recorder gives a request up after 40 s."""
SWEEP = (
    "--recipe tests.support.trouble:Trouble --preset tiny --data . --trials 16 --confirm-top 1 --workers 2 --retries 9"
)
SWEEP += " --scheduler none --set pause=0.4"
"""16 trials of 6 epochs of 0.4 s, two at a time."""


def steadytune(server: TeamServer, root: Path, *words: str) -> subprocess.Popen[bytes]:
    """The command."""
    environment = os.environ | server.environment | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "search", *words]
    return subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL)


def crash(server: TeamServer, root: Path, kind: str, seeds: range) -> tuple[Difference, int, int]:
    """One sweep with several crashes: how journal and MLflow differ, how many trials have no end, what was killed."""
    name, kills = f"{kind.replace(' ', '-')}-{seeds[0]}", 0
    folder = SweepFolder(root / "sweeps", name)
    sweep = steadytune(server, root, "launch", *SWEEP.split(), "--name", name, "--store", server.uri)
    for seed in seeds:
        if seed == seeds[0] or kind in ("driver", "worker"):
            _await_epoch(folder, sweep)
        while sweep.poll() and not _count(folder, SweepEnded):  # the machine was too busy to start Ray in time
            assert folder.path.is_dir(), f"sweep {name} was refused"
            sweep = steadytune(server, root, "resume", name)
            _await_epoch(folder, sweep)
        draw = random.Random(f"{kind}/{seed}")
        time.sleep(draw.uniform(0, MOST_SECONDS))
        if sweep.poll() is not None:
            break
        kills += _kill(server, sweep, kind, draw)
        if kind == "driver":
            sweep.wait()
            sweep = steadytune(server, root, "resume", name)
    while sweep.wait() != 0 and not _count(folder, SweepEnded):
        sweep = steadytune(server, root, "resume", name)
    _sync(server, root, name)
    state = SweepState(folder.plan())
    for row in read(folder.journal):
        state.apply(row)
    open_trials = sum(not trial.decision for trial in state.trials.values())
    return difference(root / "sweeps", name, server.uri), open_trials, kills


def _await_epoch(folder: SweepFolder, sweep: subprocess.Popen[bytes]) -> None:
    """Until a trial has finished an epoch from now on, or the sweep has ended."""
    before = _count(folder, EpochDone)
    while sweep.poll() is None and _count(folder, EpochDone) == before:
        time.sleep(0.2)


def _count(folder: SweepFolder, kind: type) -> int:
    rows = read(folder.journal) if folder.journal.is_dir() else ()
    return sum(isinstance(row.event, kind) for row in rows)


def _kill(server: TeamServer, sweep: subprocess.Popen[bytes], kind: str, draw: random.Random) -> bool:
    """Kill one process of that kind, or have it stand still; whether there was one."""
    if kind == "driver":
        sweep.kill()
    elif kind == "worker":
        while sweep.poll() is None:  # between two sessions of Ray there is none
            for process in workers_of(sweep.pid):
                process.kill()
                return True
            time.sleep(0.1)
        return False
    elif kind in STOPPED:
        server.stop(STOPPED[kind])
        time.sleep(draw.uniform(1, STILL_SECONDS))
        server.go_on(STOPPED[kind])
    else:
        server.kill(kind)
        time.sleep(2)
        server.start_postgres() if kind == "postgres" else server.start_mlflow()
    return True


def _sync(server: TeamServer, root: Path, name: str) -> None:
    """Until nothing is missing: the sweep's own recorder may still be at it."""
    for _ in range(30):
        if steadytune(server, root, "sync", name).wait() == 0:
            return
        time.sleep(4)
    raise AssertionError(f"{name} could not be synchronised")


def workers_of(driver: int) -> Iterator[psutil.Process]:
    """The processes that train for the driver with that number."""
    for process in psutil.Process(driver).children(recursive=True):
        if any(part.startswith("ray::RecipeTrainable") for part in process.cmdline()):
            yield process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    given = parser.parse_args()
    initdb = POSTGRESQL.path
    assert initdb is not None, POSTGRESQL.reason
    print("| killed | times | points | trials without end | epochs twice | runs -, + | points -, + |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        server = TeamServer(initdb.parent)
        os.environ.update(server.environment)
        try:
            server.start_postgres()
            server.start_mlflow()
            for kind in given.kinds:
                sweeps: list[tuple[Difference, int, int]] = []
                while sum(kills for _, _, kills in sweeps) < given.moments:  # a sweep may end before its last kill
                    seeds = range(KILLS * len(sweeps), KILLS * len(sweeps) + KILLS)
                    sweeps.append(crash(server, Path(name), kind, seeds))
                    print(f"{time.strftime('%H:%M:%S')} {kind} {seeds}: {sweeps[-1]}", file=sys.stderr, flush=True)
                print(_row(kind, sweeps), flush=True)
        finally:
            server.close()


def _row(kind: str, sweeps: list[tuple[Difference, int, int]]) -> str:
    gaps = [gap for gap, _, _ in sweeps]
    cells = [
        str(sum(kills for _, _, kills in sweeps)),
        str(sum(gap.journal_points for gap in gaps)),
        str(sum(open_trials for _, open_trials, _ in sweeps)),
        str(sum(gap.journal_twice for gap in gaps)),
        f"{sum(gap.missing_runs for gap in gaps)}, {sum(gap.surplus_runs for gap in gaps)}",
        f"{sum(gap.missing_points for gap in gaps)}, {sum(gap.surplus_points for gap in gaps)}",
    ]
    return f"| {kind} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
