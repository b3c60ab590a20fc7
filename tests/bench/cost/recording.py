"""What a report costs the trials: `python -m tests.bench.cost.recording [--results 2000]`.

An MLflow server on SQLite; 21 metrics a result. Ours: results are put into the journal, from which the recorder's
process writes them to the server. Ray's: its own MLflow callback, which writes them itself while Ray's loop waits. Both
are given results as fast as they take them, in the same run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from ray.air.integrations.mlflow import MLflowLoggerCallback

from search.journal.events import EpochDone, SweepOpened, TrialStarted
from search.journal.segments import Journal
from search.sweep.folder import SweepFolder
from search.sweep.spec import read_spec
from search.tracking.recorder import Recorder
from tests.support.team_server import free_port

HERE = Path(__file__).resolve().parent

METRICS, TRIALS = 20, 20


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """An MLflow server on SQLite; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    with (folder / "server.log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(1200):
            with suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):
                break
            time.sleep(0.1)
        yield address
    finally:
        os.killpg(running.pid, 15)
        running.wait()


def values(result: int) -> dict[str, float]:
    """The metrics of one result."""
    return {f"metric_{number}": result + number / METRICS for number in range(METRICS)} | {"score": float(result)}


def ours(root: Path, address: str, results: int) -> tuple[float, float]:
    """Seconds until all results are in the journal on disk, and until MLflow has them."""
    spec = {
        "name": "recording",
        "recipe": "tests.support.idle:Idle",
        "preset": "tiny",
        "data": str(HERE),
        "store": address,
    }
    folder = SweepFolder.create(root, read_spec(spec | {"trials": TRIALS, "set": {"epochs": results}}, "bench"))
    journal = Journal(folder.journal)
    began = time.perf_counter()
    with Recorder(folder) as recorder:
        journal.append(SweepOpened(2))
        for trial in range(TRIALS):
            journal.append(TrialStarted(trial, "search", trial, "", 0, {"x": 0.5}, {"epochs": results, "x": 0.5}))
        for result in range(results):
            trial, epoch = result % TRIALS, result // TRIALS + 1
            journal.append(
                EpochDone(trial, epoch, "main", values(result), {"train": 1.0}, {"all": 1e-3}, {"train": 1.0})
            )
            journal.flush_if_due()
        journal.flush()
        accepted = time.perf_counter() - began
    assert recorder.finish()
    return accepted, time.perf_counter() - began


class Stand:
    """What the callback reads of Ray's trial."""

    config: ClassVar[dict[str, float]] = {"x": 0.5}


def rays(address: str, results: int) -> float:
    """Seconds of Ray's callback for as many results."""
    callback = MLflowLoggerCallback(tracking_uri=address, experiment_name="rays")
    callback.setup()
    trials = [Stand() for _ in range(TRIALS)]
    for trial in trials:
        callback.log_trial_start(trial)
    began = time.perf_counter()
    for result in range(results):
        callback.log_trial_result(
            result, trials[result % TRIALS], values(result) | {"training_iteration": result // TRIALS + 1}
        )
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=int, default=10_000)
    parser.add_argument("--rays", type=int, default=100, help="results for Ray's callback")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, server(Path(name)) as address:
        slow = rays(address, given.rays) / given.rays
        accepted, recorded = ours(Path(name) / "sweeps", address, given.results)
    count = given.results * (METRICS + 1)
    quick = accepted / given.results
    print("| | milliseconds per result | metric values per second |")
    print("| --- | --- | --- |")
    print(f"| steadytune, until the journal has it | {1e3 * quick:.3f} | {count / accepted:,.0f} |")
    print(f"| steadytune, until MLflow has it | {1e3 * recorded / given.results:.3f} | {count / recorded:,.0f} |")
    print(f"| Ray's MLflow callback | {1e3 * slow:.1f} | {(METRICS + 1) / slow:,.0f} |")
    print(f"\nA result costs the trials {slow / quick:,.0f} times as much with Ray's callback.")


if __name__ == "__main__":
    main()
