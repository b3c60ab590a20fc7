"""Ultralytics' `model.tune`, its `use_ray=True` and a sweep of ours, side by side at equal wall time.

    taskset -c 0 python -m tests.bench.search.model_tune DATA --task detect|segment --results FILE [--minutes 5]

DATA is a data set as Ultralytics takes it, of which a part is copied at a small size. On as many other images of it a
model of an eighth of YOLO26n's width is trained first, and all arms fine-tune that; it is kept beside FILE. With
`--first-epochs 0` they train it from random weights. Each arm gets the same minutes from the start of its process to
its end, one after another, with its own space and its own ways. All have one core and train one configuration at a
time: `model.tune` cannot do more, and its trainings have one thread on a machine of two cores.

- `tune`: by the arguments of Ultralytics' documentation, ended from outside.
- `ray`: Optuna and ASHA by Ultralytics' arguments; ended by an interrupt.
- `ours`: one worker; it ends by itself and confirms its winner within the time.

What each hands back is trained again by Ultralytics' own trainer on three fresh seeds, beside its defaults. FILE takes
a line of JSON a part; what it has is not run again, so that a later call goes on. The table is of all that it has.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import yaml
from PIL import Image

from tests.bench.search.model_tune_arms import BEST_OF, Best, Job
from tests.bench.search.model_tune_results import ARMS, DEFAULTS, Setup, table, wins
from tests.bench.search.parts import Parts
from tests.support import REPOSITORY
from tests.support.small_models import write_models
from trainables.ultralytics.data import open_data
from trainables.vision.label_file import label_file

FRESH_SEEDS = 3
FIRST: dict[str, Any] = {"optimizer": "AdamW", "lr0": 0.003, "mosaic": 0.0}
"""Of the training of the model that is fine-tuned. Mosaic makes objects smaller, which take much longer to learn."""
STARTING_SECONDS = 30.0
"""What `hours` does not count: the start of the workers before the first trial, and the export after the last."""
ENDING_SECONDS = 60.0
"""How long an interrupted arm may take to end before it is killed."""
OVERTIME_SECONDS = 240.0
"""How much longer ours may run, which ends by itself: on a busy machine MLflow's record comes later. `wall` tells."""


def small_copy(source: Path, setup: Setup, folder: Path, part: int = 0) -> str:
    """A part of the data set, spread evenly over its files, at a small size; returns its data YAML.

    The images to train on are others for `part` 1 than for 0; those held out are the same.
    """
    (data,) = open_data(source).sets
    for split, count in (("train", setup.train), ("val", setup.val)):
        images, labels = (folder / kind / split for kind in ("images", "labels"))
        images.mkdir(parents=True)
        labels.mkdir(parents=True)
        files = sorted(data.images[split])
        first = part if split == "train" else 0
        for index, image in enumerate(files[first :: max(1, len(files) // count)][:count]):
            with Image.open(image) as opened:
                picture = opened.convert("RGB")
            picture.thumbnail((setup.size, setup.size))
            picture.save(images / f"{index:04d}.png")
            if (label := Path(label_file(str(image)))).is_file():
                shutil.copyfile(label, labels / f"{index:04d}.txt")
    described = {"path": str(folder), "train": "images/train", "val": "images/val", "names": list(data.names)}
    file = folder / "data.yaml"
    file.write_text(yaml.safe_dump(described))
    return str(file)


def first_weights(source: Path, setup: Setup, file: Path, root: Path) -> str:
    """The model that all arms fine-tune, trained unless it is there; without epochs for it, one of random weights."""
    model = write_models(root / "models")[setup.task]
    if not setup.first_epochs:
        return model
    if not file.exists():
        data = small_copy(source, setup, root / "first-data", part=1)
        job = Job(model, data, setup.task, {**setup.pinned, "epochs": setup.first_epochs}, root / "first")
        fitness = fitness_again("first", job, FIRST, [0])
        print(f"the model to fine-tune has a fitness of {fitness[0]:.4f}", file=sys.stderr, flush=True)
        shutil.copyfile(job.folder / "seed-0/weights/best.pt", file)
    return str(file)


def search(arm: str, job: Job, seed: int, minutes: float) -> tuple[Best, float]:
    """Run an arm; returns what it handed back and the seconds that it took."""
    job.folder.mkdir(parents=True)
    command = ["-m", "tests.bench.search.model_tune_arms", arm, str(job.save(job.folder / "job.json"))]
    if arm == "ours":
        described = {
            "recipe": "ultralytics",
            "name": "ours",
            "data": job.data,
            "set": {**{name: value for name, value in job.pinned.items() if name != "seed"}, "model": job.model},
            "seed": seed,
            "trials": 1000,
            "workers": 1,
            "hours": (60 * minutes - STARTING_SECONDS) / 3600,
        }
        (job.folder / "sweep.yaml").write_text(yaml.safe_dump(described))
        command = ["-m", "search", "launch", "sweep.yaml"]
    output = job.folder / "output.txt"
    began = time.monotonic()
    with output.open("w") as opened:
        running = subprocess.Popen(
            [sys.executable, *command], cwd=job.folder, env=_environment(), stdout=opened, stderr=opened
        )
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(60 * minutes + (OVERTIME_SECONDS if arm == "ours" else 0.0))
            took, code = time.monotonic() - began, running.returncode
        finally:
            end(running)
    if code != (0 if arm == "ours" else None):  # None: it was still at work when the time was up
        raise SystemExit(f"{arm} did not end as it should ({code}):\n{output.read_text()[-3000:]}")
    return BEST_OF[arm](job), took


def end(running: subprocess.Popen[bytes]) -> None:
    """Interrupt a process, as Ctrl-C would, and end all that it started and that is left after a while."""
    if running.poll() is not None:
        return
    started = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(signal.SIGINT)
    try:
        running.wait(ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()
    for process in psutil.wait_procs(started, 5)[1]:
        process.kill()


def fitness_again(arm: str, job: Job, settings: dict[str, Any], seeds: list[int]) -> list[float]:
    """Of a configuration, trained by Ultralytics' own trainer on each seed."""
    job.folder.mkdir(parents=True)
    file = job.save(job.folder / "job.json", settings=settings, seeds=seeds)
    command = [sys.executable, "-m", "tests.bench.search.model_tune_arms", "again", str(file)]
    done = subprocess.run(command, cwd=job.folder, env=_environment(), check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{arm}: {done.stderr[-3000:]}")
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"seed"')]
    assert [row["seed"] for row in rows] == seeds, done.stdout[-2000:]
    return [row["fitness"] for row in rows]


def _environment() -> dict[str, str]:
    changes = {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "RAY_ADDRESS": "local", "YOLO_OFFLINE": "true"}
    return {**os.environ, **changes}


def run(seed: int, arms: Sequence[str], source: Path, setup: Setup, weights: Path, results: Parts, root: Path) -> None:
    """One seed of all arms: what was not run before."""
    model = first_weights(source, setup, weights, root)
    data = small_copy(source, setup, root / "data")
    job = Job(model, data, setup.task, {**setup.pinned, "seed": seed}, root)
    for arm in arms:
        if arm == DEFAULTS or results.row("search", arm, seed):
            continue
        best, wall = search(arm, dataclasses.replace(job, folder=root / arm), seed, setup.minutes)
        results.add("search", arm, seed, **dataclasses.asdict(best), wall=wall)
        print(f"seed {seed}, {arm}: {best.value:.4f} after {best.epochs} epochs", file=sys.stderr, flush=True)

    def again(arm: str) -> None:
        settings = {} if arm == DEFAULTS else (results.row("search", arm, seed) or {})["settings"]
        fresh = dataclasses.replace(job, pinned=setup.pinned, folder=root / f"again-{arm}")
        seeds = [1000 * (seed + 1) + index for index in range(FRESH_SEEDS)]  # the same for each arm
        results.add("again", arm, seed, fitness=fitness_again(arm, fresh, settings, seeds))

    missing = [arm for arm in arms if not results.row("again", arm, seed)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(again, missing))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--task", choices=("detect", "segment"), default="detect")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--arms", choices=(*ARMS, DEFAULTS), nargs="*", default=[*ARMS, DEFAULTS])
    parser.add_argument("--train", type=int, default=60)
    parser.add_argument("--val", type=int, default=25)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--first-epochs", type=int, default=100, help="0: the arms train a model of random weights")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that an arm does not train on without this process
    source = given.data.absolute()
    named = {field.name: getattr(given, field.name) for field in dataclasses.fields(Setup) if field.name != "data"}
    setup = Setup(data=source.name, **named)
    file = given.results.absolute()
    weights, results = setup.first_weights(file), Parts(file, dataclasses.asdict(setup))
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as scratch:
            run(seed, given.arms, source, setup, weights, results, Path(scratch))
    print("\n".join((*table(results), "", *wins(results))), flush=True)


if __name__ == "__main__":
    main()
