"""What a GPU shows within ten minutes: `python -m tests.bench.cost.gpu FILE`.

Each part runs in a process of its own and leaves a line in FILE; parts that have one are not run again, so an
interrupted run goes on where it was. With `--minutes` no part begins after that time. At the end, and with
`--minutes 0` at once, a Markdown table of all lines is printed.

    step      20 steps of the paper preset, in float32 and in mixed precision: time, peak memory, wait for data
    layout    the same in mixed precision with channels_last
    resume    two epochs of the tiny preset on the GPU against one and one resumed: the largest relative difference
    upstream  YOLO26n at 320 pixels by Ultralytics' own trainer and by ours, taking turns
    half      a sweep of four trials, two at a time on half of a GPU each, against one at a time
    auto      the share that `gpus: auto` measures

Weights are random, since their downloads need a network, and the data are the recipes' samples at the preset's size, so
times and memory are true and metrics are not. `--smoke` runs `step` and `resume` on a CPU with two steps of the tiny
preset.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

RECIPES = ("resnet_yolo", "yolox", "rgbt", "slowfast", "refdet")
STEPS = 20
LONGEST = 120.0
"""Seconds of a part that is cut off."""
UNTRAINED: dict[str, Any] = {"weights": "none", "reference_weights": "none"}
Row = dict[str, Any]


def parts(smoke: bool) -> list[str]:
    """Names of all parts, the most telling first."""
    steps = [f"step {recipe} {numbers}" for recipe in RECIPES for numbers in ("float32", "mixed")]
    resumes = [f"resume {recipe}" for recipe in RECIPES]
    if smoke:
        return ["step slowfast mixed", "resume slowfast"]
    return [
        *steps,
        "auto resnet_yolo",
        "half resnet_yolo",
        *resumes,
        "upstream rgbt",
        *map("layout {}".format, RECIPES),
    ]


@contextmanager
def of_steps(number: int) -> Iterator[None]:
    """For the block, every epoch has so many batches, however many examples there are."""
    from trainables.loading import Batches

    plain, length = Batches.__iter__, Batches.__len__
    endless: Callable[[Any], Iterator[Any]] = lambda self: chain.from_iterable(plain(self) for _ in count())  # noqa: E731
    Batches.__iter__ = lambda self: islice(endless(self), number)  # type: ignore[method-assign]
    Batches.__len__ = lambda self: number  # type: ignore[method-assign]
    try:
        yield
    finally:
        Batches.__iter__, Batches.__len__ = plain, length  # type: ignore[method-assign]


def opened(name: str, scratch: Path, preset: str, values: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The recipe, its settings with those of `values` that it has, and its sample data."""
    from trainables.registry import find

    recipe = find(name)
    applicable = {key: value for key, value in values.items() if key in recipe.settings_type.model_fields}
    return recipe, recipe.settings(preset, applicable), recipe.open(recipe.sample(scratch / "sample"))


def step(name: str, values: dict[str, Any], smoke: bool, scratch: Path) -> Row:
    """Time, memory and wait of `STEPS` steps, after as many to warm up."""
    import torch

    from trainables.backends import backends
    from trainables.device import device, memory
    from trainables.loading import data_share
    from trainables.loop import seeded

    steps = 2 if smoke else STEPS
    given = {} if smoke else UNTRAINED
    recipe, settings, data = opened(name, scratch, "tiny" if smoke else "paper", values | given | {"n_episodes": steps})
    seconds: dict[str, float] = {}
    with of_steps(steps):
        training = recipe.training(settings, data, scratch)
        for epoch in (1, 2):
            began = time.perf_counter()
            with seeded(0, epoch), backends(settings):
                _, seconds = training.train_epoch(epoch)
            if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
                torch.cuda.synchronize()
            wall = time.perf_counter() - began
        if hasattr(training, "close"):
            training.close()
    held = memory()
    return {
        "device": str(device(settings.device)),
        "ms_a_step": 1000 * wall / steps,
        "data_share": data_share(seconds),
        "peak_gb": held.peak / 1e9 if held else None,
    }


def resume(name: str, smoke: bool, scratch: Path) -> Row:
    """How far the losses of a resumed second epoch are from those of an uninterrupted training."""
    where = {"device": "cpu" if smoke else "cuda", "mixed_precision": True, "epochs": 2, "n_episodes": 6}
    with of_steps(2 if smoke else STEPS):
        recipe, settings, data = opened(name, scratch, "tiny", where)
        epochs = recipe.train(settings, data, scratch)
        next(epochs).save(scratch)
        (uninterrupted,) = epochs
        (resumed,) = recipe.train(settings, data, scratch, scratch)
    pairs = [(value, resumed.losses[name]) for name, value in uninterrupted.losses.items()]
    return {"largest_difference": max(abs(loss - loss_resumed) / max(abs(loss), 1e-12) for loss, loss_resumed in pairs)}


def upstream(name: str, scratch: Path) -> Row:
    """Median of upstream's time over ours, in neighbouring epochs."""
    from statistics import median

    from tests.bench.cost.upstream import LARGER, Case, pairs

    recipe, _, data = opened(name, scratch, "tiny", {})
    took = pairs(recipe.name, Case("", LARGER | {"device": "cuda", "mixed_precision": True}), data, 4, scratch)
    return {"upstream_over_ours": median(theirs.wall / ours.wall for theirs, ours in took)}


def sweep(name: str, gpus: str, workers: int | None, scratch: Path) -> Row:
    """Seconds of a sweep of four short trials, and the share of a GPU that each had."""
    from search.sweep.folder import SweepFolder
    from trainables.registry import find

    sample = find(name).sample(scratch / "sample")
    label = f"gpu-{workers or 'auto'}"
    command = [sys.executable, "-m", "search", "launch", "--recipe", name, "--preset", "tiny", "--data", str(sample)]
    command += ["--set", "device=cuda", "--set", "epochs=3", "--name", label, "--sweeps", str(scratch / "sweeps")]
    command += [
        "--trials",
        "4",
        "--gpus",
        gpus,
        "--confirm-top",
        "0",
        *(["--workers", str(workers)] if workers else []),
    ]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1])
    spec = SweepFolder(scratch / "sweeps", label).spec()
    return {"seconds": time.perf_counter() - began, "share": spec.gpus}


def measured(part: str, smoke: bool, scratch: Path) -> Row:
    """What the part shows."""
    kind, name, *more = part.split()
    if kind in ("step", "layout"):
        return step(name, {"mixed_precision": more != ["float32"], "channels_last": kind == "layout"}, smoke, scratch)
    if kind == "resume":
        return resume(name, smoke, scratch)
    if kind == "upstream":
        return upstream(name, scratch)
    if kind == "auto":
        return sweep(name, "auto", None, scratch)
    alone, shared = sweep(name, "1", 1, scratch / "alone"), sweep(name, "0.5", 2, scratch / "shared")
    return {"seconds_alone": alone["seconds"], "seconds": shared["seconds"]}


def run(part: str, smoke: bool) -> Row:
    """The part in a process of its own; what went wrong is a result too."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "tests.bench.cost.gpu", "--part", part, *(["--smoke"] if smoke else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=None if smoke else LONGEST)
        row = (
            json.loads(done.stdout.splitlines()[-1]) if not done.returncode else {"failed": done.stderr.strip()[-300:]}
        )
    except subprocess.TimeoutExpired:
        row = {"failed": f"took longer than {LONGEST:.0f} s"}
    return {"part": part, **row, "took_s": round(time.perf_counter() - began, 1)}


def table(rows: list[Row]) -> Iterator[str]:
    """All rows as Markdown."""
    yield "| part | result |"
    yield "| --- | --- |"
    for row in rows:
        cells = (f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items())
        yield f"| {row['part']} | {', '.join(list(cells)[1:])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?", help="JSON lines, one for each part that is done")
    parser.add_argument("--minutes", type=float, default=10.0, help="after which no part begins")
    parser.add_argument("--smoke", action="store_true", help="on a CPU, in seconds")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        with tempfile.TemporaryDirectory() as scratch:
            print(json.dumps(measured(given.part, given.smoke, Path(scratch))))
        return
    if given.file is None:
        parser.error("give a file for the results")
    began, file = time.monotonic(), given.file
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    for part in parts(given.smoke):
        if part in {row["part"] for row in rows} or time.monotonic() - began >= 60 * given.minutes:
            continue
        rows.append(run(part, given.smoke))
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(rows[-1]) + "\n")
    print("\n".join(table(rows)))
    if any("failed" in row for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
