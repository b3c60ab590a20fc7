"""How long a training waits for its batches, with a stand-in for the GPU: `python -m tests.bench.cost.loading`.

Batches of the recipe's own sample data, augmented as its tiny preset says with mosaic and flips on; each is followed by
a step that takes `--step` milliseconds and no CPU, as a GPU's does. The share is of the epoch's time, in its median
epoch; the first, in which processes start, is left out. CPU time is of all processes, a batch; divided by the step it
is the number of cores that keep up. On a machine that does other things believe that, and not the share.

refdet prepares its episodes by threads of its own (`tests/bench/cost/frames.md`).
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from trainables.loading import Batches
from trainables.loop import seeded
from trainables.registry import find

CPU = torch.device("cpu")
VALUES: Mapping[str, Mapping[str, Any]] = {
    "resnet_yolo": {"mosaic": 0.5, "flip": 0.5, "hsv": 0.5},
    "rgbt": {"mosaic": 0.5, "fliplr": 0.5, "hsv": 0.5},
    "yolox": {"mosaic_prob": 0.5, "mixup_prob": 0.5},
    "slowfast": {"flip": 0.5, "erasing": 0.25},
}


def batches(name: str, settings: Any, data: Any) -> Batches[Any]:
    """Those of the training split, by the recipe's own loader."""
    if name == "resnet_yolo":
        from trainables.resnet_yolo.training import loaders

        return loaders(settings, data, CPU)[0]
    if name == "slowfast":
        from trainables.slowfast.training import loaders as of_clips

        return of_clips(settings, data, CPU)[0]
    if name == "yolox":
        from trainables.yolox.training import experiment, training_loader

        return training_loader(settings, experiment(settings, len(data.names)), data, CPU)
    from ultralytics.cfg import get_cfg

    from trainables.rgbt.batches import training_loader as of_pairs
    from trainables.rgbt.training import arguments

    data.train.preload(settings.image_size, settings.thermal_clahe)
    return of_pairs(settings, data, get_cfg(overrides=arguments(settings)), 1, CPU)


def waited(loader: Batches[Any], step: float, epoch: int) -> float:
    """Share of an epoch that goes by until its batches are there."""
    waits, began = 0.0, time.perf_counter()
    mark = began
    with seeded(0, "train", epoch):
        for _ in loader:
            waits += time.perf_counter() - mark
            time.sleep(step)
            mark = time.perf_counter()
    return waits / (time.perf_counter() - began)


def cpu_seconds() -> float:
    """Of this process and of those that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--recipes", nargs="+", choices=list(VALUES), default=list(VALUES))
    parser.add_argument("--step", type=float, default=100.0, help="milliseconds of a stand-in step")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| recipe | workers | batches an epoch | share of waiting | CPU ms a batch | cores to keep up |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as scratch:
        for name in given.recipes:
            recipe = find(name)
            data = recipe.open(recipe.sample(Path(scratch) / name))
            for workers in given.workers:
                loader = batches(name, recipe.settings("tiny", {**VALUES[name], "workers": workers}), data)
                began = cpu_seconds()
                shares = [waited(loader, given.step / 1000, epoch) for epoch in range(given.epochs + 1)][1:]
                loader.restart()  # so that the CPU time of its processes is counted
                milliseconds = (cpu_seconds() - began) / ((given.epochs + 1) * len(loader)) * 1000
                print(
                    f"| {name} | {workers} | {len(loader)} | {statistics.median(shares):.1%} | {milliseconds:.1f} "
                    f"| {milliseconds / given.step:.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
