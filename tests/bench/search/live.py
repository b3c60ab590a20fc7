"""A sweep of ours, Ray Tune and Optuna on real trainings, side by side at equal wall time.

    python -m tests.bench.search.live RECIPE --results FILE [--data PATH] [--minutes 5] [--seeds 0 1 2 3 4]

RECIPE is one of a single process, such as resnet_yolo; its sample is the data unless others are given. Each system gets
the same minutes of the machine from the start of its processes to their end, one after another, with the recipe's own
space, two trainings at a time, and a thread each:

- `ours`: `steadytune launch` by its defaults; it confirms its winner within the time.
- `ray`: OptunaSearch and ASHA by their defaults, on two reused actors.
- `optuna`: TPE and Hyperband by their defaults, in two processes that share a study.

What each hands back is trained again on three fresh seeds, beside the recipe's baseline, and counts by the best epoch
of each. FILE takes a line of JSON a part; what it has is not run again. The table is of all that it has.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.bench.search.live_arms import BEST_OF, NAME, Best, Job
from tests.bench.search.parts import Parts
from tests.support import REPOSITORY
from trainables import registry

ARMS = tuple(BEST_OF)
BASELINE = "baseline"
"""The recipe's own training, which needs no search."""
FRESH_SEEDS = 3
STARTING_SECONDS = 30.0
"""What `hours` does not count: the start of the workers before the first trial, and the export after the last."""
ENDING_SECONDS = 10.0
"""What Ray needs to start and to end, beyond its `time_budget_s`."""
OVERTIME_SECONDS = 120.0
"""After which a system that ends by itself has failed to do so."""
HEADINGS = ("seed", "system", "best epoch on fresh seeds", "its own value", "wall, s", "trainings", "epochs")


def run(arm: str, job: Job) -> tuple[Best, float]:
    """Search; returns what was handed back and the seconds that it took."""
    job.folder.mkdir()
    file = job.save(job.folder / "job.json")
    seconds = 60 * job.minutes
    began = time.monotonic()
    if arm == "ours":
        sweep = {**job.spec, "name": NAME, "seed": job.seed, "trials": 1000, "workers": 2}
        (job.folder / "sweep.yaml").write_text(yaml.safe_dump({**sweep, "hours": (seconds - STARTING_SECONDS) / 3600}))
        _end(_start(["-m", "search", "launch", "sweep.yaml"], job), seconds + OVERTIME_SECONDS, job)
    elif arm == "ray":
        file = job.save(file, seconds=seconds - ENDING_SECONDS)
        _end(_start(["-m", f"{__package__}.live_arms", "ray", str(file)], job), seconds + OVERTIME_SECONDS, job)
    else:
        files = [job.save(job.folder / f"job-{process}.json", process=process) for process in range(2)]
        processes = [_start(["-m", f"{__package__}.live_arms", "optuna", str(file)], job) for file in files]
        time.sleep(seconds)
        for process in processes:
            assert process.poll() is None, (job.folder / "output.txt").read_text()[-3000:]
            process.kill()
            process.wait()
    return BEST_OF[arm](job), time.monotonic() - began


def _start(command: list[str], job: Job) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "RAY_ADDRESS": "local"}
    with (job.folder / "output.txt").open("a") as output:
        return subprocess.Popen(
            [sys.executable, *command], cwd=job.folder, env=environment, stdout=output, stderr=output
        )


def _end(process: subprocess.Popen[bytes], seconds: float, job: Job) -> None:
    """Wait for a process that ends by itself."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    if process.returncode == 0:
        return
    children = psutil.Process(process.pid).children(recursive=True) if process.returncode is None else []
    process.kill()
    for child in children:
        child.kill()
    output = (job.folder / "output.txt").read_text()[-3000:]
    raise SystemExit(f"{job.folder.name} did not end as it should ({process.returncode}):\n{output}")


def reached(job: Job, settings: dict[str, Any], seeds: list[int]) -> list[float]:
    """The best value of a configuration on each seed."""
    job.folder.mkdir()
    file = job.save(job.folder / "job.json", settings=settings, seeds=seeds)
    command = [sys.executable, "-m", f"{__package__}.live_arms", "again", str(file)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=job.folder, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{job.folder.name}: {done.stderr[-3000:]}")
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"seed"')]
    assert [row["seed"] for row in rows] == seeds, done.stdout[-2000:]
    return [row["best"] for row in rows]


def measure(seed: int, arms: Sequence[str], spec: dict[str, Any], minutes: float, parts: Parts, root: Path) -> None:
    """All systems on one seed: what was not run before."""
    job = Job(spec, seed, minutes, root)
    for arm in arms:
        if arm != BASELINE and not parts.row("search", arm, seed):
            best, wall = run(arm, dataclasses.replace(job, folder=root / arm))
            parts.add("search", arm, seed, **dataclasses.asdict(best), wall=wall)
            print(f"seed {seed}, {arm}: {best.value:.4f} after {best.epochs} epochs", file=sys.stderr, flush=True)

    def again(arm: str) -> None:
        recipe = job.plan.recipe
        searched = parts.row("search", arm, seed)
        settings = searched["settings"] if searched else dict(recipe.trainings[recipe.baseline])
        seeds = [1000 * (seed + 1) + index for index in range(FRESH_SEEDS)]  # the same for each system
        values = reached(dataclasses.replace(job, folder=root / f"again-{arm}"), settings, seeds)
        parts.add("again", arm, seed, values=values)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(again, [arm for arm in arms if not parts.row("again", arm, seed)]))


def table(parts: Parts) -> Iterator[str]:
    """A line for each system of each seed, and how often ours is better."""
    yield f"| {' | '.join(HEADINGS)} |\n|{' --- |' * len(HEADINGS)}"
    means: dict[tuple[str, int], float] = {}
    for again in sorted(parts.rows("again"), key=lambda row: (row["seed"], (*ARMS, BASELINE).index(row["arm"]))):
        arm, seed, values = again["arm"], again["seed"], again["values"]
        means[arm, seed] = statistics.fmean(values)
        cells = [str(seed), arm, f"{means[arm, seed]:.4f} ({', '.join(f'{value:.3f}' for value in values)})"]
        if search := parts.row("search", arm, seed):
            cells += [f"{search['value']:.4f}", f"{search['wall']:.0f}"]
            cells += [str(search["trainings"]), str(search["epochs"])]
        yield f"| {' | '.join(cells + [''] * (len(HEADINGS) - len(cells)))} |"
    yield ""
    for other in ("ray", "optuna", BASELINE):
        gains = [
            mean - means[other, seed] for (arm, seed), mean in means.items() if arm == "ours" and (other, seed) in means
        ]
        if gains:
            better, average = sum(gain > 0 for gain in gains), statistics.fmean(gains)
            yield f"ours better than {other} on {better} of {len(gains)} seeds, by {average:+.4f} on average"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--set", dest="pinned", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--arms", choices=(*ARMS, BASELINE), nargs="*", default=[*ARMS, BASELINE])
    given = parser.parse_args()
    pinned = {name: yaml.safe_load(value) for name, value in (text.split("=", 1) for text in given.pinned)}
    setup = {"recipe": given.recipe, "data": given.data.name if given.data else "", "set": pinned}
    parts = Parts(given.results.absolute(), {**setup, "minutes": given.minutes})
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch)
            data = given.data.absolute() if given.data else registry.find(given.recipe).sample(root / "sample")
            spec = {"recipe": given.recipe, "preset": "tiny", "data": str(data), "set": pinned}
            measure(seed, given.arms, spec, given.minutes, parts, root)
    print("\n".join(table(parts)), flush=True)


if __name__ == "__main__":
    main()
