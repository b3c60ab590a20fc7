"""Training speed against upstream's trainers.

    python -m tests.bench.cost.upstream rgbt|yolox|slowfast|refdet [--pairs 10]

On the recipe's own sample data, in one process on one thread, upstream's training and ours take turns, epoch by epoch:
theirs, ours, theirs, ours. Same model, batch, augmentation, optimizer, data in memory, and no loader processes.

    rgbt        Ultralytics' own `model.train` on the 4-channel images that `trainables.rgbt.stacked` writes, by the
                configuration that the recipe exports, without the colour shift, which Ultralytics skips at 4 channels
    yolox       a plain loop over upstream's parts: experiment, CocoDataset, MosaicDetection, model, SGD, EMA
    slowfast    a plain loop over pytorchvideo's model; the clips are read and changed by our code on both sides
    refdet      a plain loop over our own model and losses: there is no upstream; it shows what the epoch loop costs

A ratio is theirs over ours in seconds of one pair of neighbouring epochs, so above 1 ours is faster. The first pair is
left out: it warms up.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch

from tests.bench.cost.upstream_trainers import UPSTREAM, Took
from trainables.loop_recipe import LoopedRecipe
from trainables.registry import find
from trainables.settings import Settings


@dataclass(frozen=True)
class Case:
    """What goes on top of the tiny preset, and a word for it."""

    title: str
    values: Mapping[str, Any]


MIXED: dict[str, Any] = {"mosaic": 1.0, "fliplr": 0.5, "translate": 0.1, "scale": 0.5}
LARGER: dict[str, Any] = {"model": "n", "image_size": 320, "batch": 16, "optimizer": "SGD"}
SMOOTH: dict[str, Any] = {"freeze": "none", "mosaic_prob": 1.0, "mixup_prob": 1.0}
YOLOX_S: dict[str, Any] = {"width": 0.5, "input_size": [320, 320], "weights": "none"}
CASES: dict[str, list[Case]] = {
    "rgbt": [
        Case("tiny preset", {}),
        Case("the same with mosaic, flip, shift and scale", MIXED),
        Case("YOLO26n at 320 pixels, batch 16, SGD, with them", MIXED | LARGER),
    ],
    "yolox": [
        Case("tiny preset (stable-v3)", {}),
        Case("the same, nothing frozen, mosaic and mixup always", SMOOTH),
        Case("YOLOX-S at 320 pixels, so too", SMOOTH | YOLOX_S),
    ],
    "slowfast": [Case("tiny preset", {})],
    "refdet": [Case("tiny preset (stage-2)", {})],
}
HEADINGS = (
    *("case", "pairs", "theirs per second", "ours", "ratio of wall time", "ratio of CPU time"),
    *("theirs: data + training + evaluation, s", "ours"),
)


class Timed:
    """A training whose parts are timed from outside; see `trainables.loop.Training`."""

    def __init__(self, training: Any) -> None:
        self._training = training
        self.took = Took(0, 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._training, name)

    def train_epoch(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        wall, cpu = time.perf_counter(), time.process_time()
        losses, seconds = self._training.train_epoch(epoch)
        self.took = Took(time.perf_counter() - wall, time.process_time() - cpu, data=seconds["data"])
        return losses, seconds


def ours(recipe: LoopedRecipe[Any, Any], settings: Settings, data: Any, folder: Path) -> Iterator[Took]:
    """Epochs of our own training, by the loop that every recipe is run by."""
    from trainables.loop import epochs

    timed = Timed(recipe.training(settings, data, folder))
    for epoch in epochs(timed, seed=0, identity="", resume=None, settings=settings):
        took = timed.took
        yield Took(took.wall, took.cpu, epoch.seconds["evaluate"], took.data)


def trained(recipe: str, settings: Any, data: Any) -> int:
    """Images, clips or query frames of one epoch."""
    if recipe == "refdet":
        return int(settings.n_episodes)
    return len(data.train.labels if recipe == "slowfast" else data.train)


def pairs(name: str, case: Case, data: Any, count: int, folder: Path) -> list[tuple[Took, Took]]:
    """Neighbouring epochs, theirs and ours."""
    recipe = find(name)
    assert isinstance(recipe, LoopedRecipe)
    settings = recipe.settings("tiny", dict(case.values) | {"epochs": count + 1})
    our_epochs = ours(recipe, settings, data, folder)
    timed: list[tuple[Took, Took]] = []
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        UPSTREAM[name](settings, data, folder, lambda their_epoch: timed.append((their_epoch, next(our_epochs))))
    return timed[1:]


def spread(values: list[float], form: str) -> str:
    """Median, least and most."""
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def row(title: str, count: int, timed: list[tuple[Took, Took]]) -> str:
    """A line of the table."""
    their_epochs, our_epochs = zip(*timed, strict=True)
    rates = [f"{count / statistics.median(epoch.wall for epoch in side):.1f}" for side in (their_epochs, our_epochs)]
    wall = spread([their.wall / our.wall for their, our in timed], ".2f")
    cpu = spread([their.cpu / our.cpu for their, our in timed], ".2f")
    parts = []
    for side in (their_epochs, our_epochs):
        data, evaluation = (
            statistics.median(getattr(epoch, part) for epoch in side) for part in ("data", "evaluation")
        )
        rest = statistics.median(epoch.wall - epoch.data for epoch in side)
        parts.append(" + ".join("?" if value != value else f"{value:.2f}" for value in (data, rest, evaluation)))
    return f"| {title} | {len(timed)} | {rates[0]} | {rates[1]} | {wall} | {cpu} | {parts[0]} | {parts[1]} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recipe", choices=list(UPSTREAM))
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--case", type=int, nargs="*", help="which of the recipe's cases, from 0; all if left out")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    print(f"| {' | '.join(HEADINGS)} |\n|{' --- |' * len(HEADINGS)}")
    with tempfile.TemporaryDirectory() as scratch:
        recipe = find(arguments.recipe)
        data = recipe.open(recipe.sample(Path(scratch) / "sample"))
        for index, case in enumerate(CASES[arguments.recipe]):
            if arguments.case is None or index in arguments.case:
                folder = Path(scratch) / str(index)
                folder.mkdir()
                timed = pairs(arguments.recipe, case, data, arguments.pairs, folder)
                settings = recipe.settings("tiny", dict(case.values))
                print(row(case.title, trained(arguments.recipe, settings, data), timed), flush=True)


if __name__ == "__main__":
    main()
