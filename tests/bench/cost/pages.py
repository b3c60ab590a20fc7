"""MLflow's pages of a sweep of thousands of trials: `python -m tests.bench.cost.pages [--trials 10000]`.

The sweep runs in virtual time, with real decisions, and is recorded in SQLite as any other. `steadytune browse` opens
it, and Chromium loads each page three times; what counts is when that is there for which one opens the page.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from search.state.outcome import result
from search.sweep.folder import SweepFolder
from search.tracking.sync import sync
from tests.support import REPOSITORY
from tests.support.fakes import plan_of
from tests.support.programs import CHROMIUM
from tests.support.team_server import free_port
from tests.support.workers import Workers, swept

WORKERS = 8
LOADS = 3
LONGEST_SECONDS = 300.0


def recorded(root: Path, trials: int) -> float:
    """A sweep with its record in MLflow; returns the CPU seconds that the record took."""
    data = root / "data"
    data.mkdir()
    plan = plan_of(data, trials=trials, name="pages", confirm_top=0)
    folder = SweepFolder.create(root / "sweeps", plan.spec)
    coordinator = swept(plan, folder.journal, Workers(places=WORKERS))
    coordinator.end(result(coordinator.state))
    began = time.process_time()
    assert sync(folder, lambda: True), "MLflow did not take it"
    return time.process_time() - began


@contextmanager
def browsed(root: Path) -> Iterator[str]:
    """The address that `steadytune browse` prints, while it serves."""
    command = [sys.executable, "-m", "search", "browse", "pages", "--port", str(free_port())]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    serving = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True)
    assert serving.stdout is not None
    try:
        yield next(line.split()[1] for line in iter(serving.stdout.readline, "") if line.startswith("MLflow: "))
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.wait()


def loads(address: str) -> Iterator[tuple[str, list[float]]]:
    """What is looked at, and the seconds until it was there, of each time."""
    from playwright import sync_api as driver

    with driver.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM.path), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.set_default_timeout(1000 * LONGEST_SECONDS)

        def table() -> None:
            page.goto("about:blank")
            page.goto(address)
            _trials(page).first.wait_for()

        def more() -> None:
            table()
            with page.expect_response(lambda answer: "runs/search" in answer.url):
                page.get_by_text("Load more").first.click()

        def trial() -> None:
            table()
            _trials(page).first.click()
            page.get_by_text("steadytune.reason").first.wait_for()

        yield "the table of runs, best first", _timed(table)
        yield "… and its next rows", _timed(more)
        yield "… and a trial's page", _timed(trial)
        browser.close()


def _trials(page: Any) -> Any:
    """The table's links to trials, whose names begin with their numbers."""
    return page.get_by_role("link", name=re.compile(r"^\d{4,5}\b"))


def _timed(action: Callable[[], None]) -> list[float]:
    seconds = []
    for _ in range(LOADS):
        began = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - began)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    given = parser.parse_args()
    assert CHROMIUM.path, CHROMIUM.reason
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        seconds = recorded(root, given.trials)
        size = (root / "sweeps" / "mlflow.db").stat().st_size
        print(f"{given.trials} trials: {seconds:.0f} CPU s to record, a store of {size / 1e6:.0f} MB\n", flush=True)
        print("| page | seconds |\n| --- | --- |")
        with browsed(root) as address:
            for title, times in loads(address):
                print(f"| {title} | {', '.join(f'{value:.1f}' for value in times)} |", flush=True)


if __name__ == "__main__":
    main()
