"""Kill -9 at random moments: `python tests/bench/crashes.py [--moments 20] [--kinds driver worker mlflow postgres]`.

Each is one small sweep on a team's server (MLflow with basic auth on PostgreSQL, `tests/sweeps/team_server.py`).
Driver: the sweep is resumed. Worker: one of its training processes. MLflow and PostgreSQL: started again two seconds
later.
Afterwards every metric of every epoch in the journal is compared with its history in MLflow.
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

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "sweeps"), str(HERE.parent.parent)]

from agreement import Difference, difference  # noqa: E402
from team_server import REPOSITORY, TeamServer, postgres_programs  # noqa: E402

from search.folder import SweepFolder  # noqa: E402
from search.journal import read  # noqa: E402
from search.state import SweepState  # noqa: E402

KINDS = ("driver", "worker", "mlflow", "postgres")
SPAN_SECONDS = 8.0
"""Of a sweep from its first epoch: 6 trials of 6 epochs of 0.4 s, two at a time."""
SWEEP = "--recipe trouble:Trouble --preset tiny --data . --trials 6 --confirm-top 1 --workers 2 --set pause=0.4"


def steadytune(server: TeamServer, root: Path, *words: str) -> subprocess.Popen[str]:
    """The command, its output as lines."""
    paths = os.pathsep.join([str(HERE.parent / "sweeps"), str(REPOSITORY)])
    environment = os.environ | server.environment | {"PYTHONPATH": paths}
    command = [sys.executable, "-m", "search", *words]
    return subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True)


def crash(server: TeamServer, root: Path, kind: str, seed: int) -> tuple[Difference, int]:
    """One sweep with one crash; how journal and MLflow differ, and how many trials have no end."""
    name = f"{kind}-{seed}"
    sweep = steadytune(server, root, "launch", *SWEEP.split(), "--name", name, "--store", server.uri)
    assert sweep.stdout is not None
    for line in sweep.stdout:
        if " epoch 1/" in line:
            break
    time.sleep(random.Random(f"{kind}/{seed}").uniform(0, SPAN_SECONDS))
    if kind == "driver":
        sweep.kill()
    elif kind == "worker":
        for process in list(_workers(sweep.pid))[:1]:
            process.kill()
    else:
        server.kill(kind)
        time.sleep(2)
        server.start_postgres() if kind == "postgres" else server.start_mlflow()
    sweep.stdout.read()
    if sweep.wait() != 0:
        steadytune(server, root, "resume", name).communicate()
    _sync(server, root, name)
    folder = SweepFolder(root / "sweeps", name)
    state = SweepState(folder.plan())
    for row in read(folder.journal):
        state.apply(row)
    return difference(root / "sweeps", name, server.uri), sum(trial.running for trial in state.trials.values())


def _sync(server: TeamServer, root: Path, name: str) -> None:
    """Until nothing is missing: the sweep's own recorder may still be at it."""
    for _ in range(30):
        sync = steadytune(server, root, "sync", name)
        sync.communicate()
        if sync.returncode == 0:
            return
        time.sleep(4)
    raise AssertionError(f"{name} could not be synchronised")


def _workers(driver: int) -> Iterator[psutil.Process]:
    for process in psutil.Process(driver).children(recursive=True):
        if any(part.startswith("ray::ResourceTrainable") for part in process.cmdline()):
            yield process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    given = parser.parse_args()
    programs = postgres_programs()
    assert programs is not None, "PostgreSQL is not installed"
    print("| killed | moments | points | trials without end | epochs twice | runs -, + | points -, + |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        server = TeamServer(programs)
        os.environ.update(server.environment)
        try:
            server.start_postgres()
            server.start_mlflow()
            for kind in given.kinds:
                found = [crash(server, Path(name), kind, seed) for seed in range(given.moments)]
                print(_row(kind, found), flush=True)
        finally:
            server.close()


def _row(kind: str, found: list[tuple[Difference, int]]) -> str:
    all_of = [one for one, _ in found]
    cells = [
        str(len(found)),
        str(sum(one.journal_points for one in all_of)),
        str(sum(open_trials for _, open_trials in found)),
        str(sum(one.journal_twice for one in all_of)),
        f"{sum(one.missing_runs for one in all_of)}, {sum(one.surplus_runs for one in all_of)}",
        f"{sum(one.missing_points for one in all_of)}, {sum(one.surplus_points for one in all_of)}",
    ]
    return f"| {kind} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
