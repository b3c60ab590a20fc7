"""What an epoch costs through our driver, against `YOLO.train` on its own.

    python -m tests.bench.cost.ultralytics_epoch [--pairs 6] [--case 0 1 2]

The recipe `ultralytics` and Ultralytics' own training take turns, epoch by epoch, in one process on one thread: same
model, data, settings. Both train, evaluate and write their checkpoint of every epoch: theirs `last.pt` and `best.pt`,
ours what a trial goes on from. Plots are off. A ratio is ours over theirs in processor seconds of a pair of
neighbouring epochs; above 1 ours is slower. Loader processes count when they end, which theirs do not do while it
trains: look at wall time there. The first pair warms up and is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch

from tests.bench.cost.upstream import spread
from trainables import checkpoint
from trainables.samples.ultralytics_tasks import write_tasks
from trainables.ultralytics.recipe import Ultralytics
from trainables.ultralytics_import import isolated

RECIPE = Ultralytics()


@dataclass(frozen=True)
class Case:
    """What is trained: sizes of the data set, and what goes on top of the tiny preset."""

    title: str
    train: int
    val: int
    size: int
    values: Mapping[str, Any]


CASES = (
    Case("YOLO26n, 320 images of 64 pixels, batch 16", 320, 64, 64, {}),
    Case("YOLO26n, 96 images of 192 pixels, batch 8", 96, 32, 192, {"imgsz": 192, "batch": 8, "nbs": 8}),
    Case("the first with 2 loader processes", 320, 64, 64, {"workers": 2}),
)


@dataclass(frozen=True)
class Took:
    """Wall and processor seconds of an epoch with its evaluation, and of what its checkpoint takes after that."""

    wall: float
    cpu: float
    checkpoint: float


class Stopwatch:
    """Wall and processor seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _processor_seconds()

    def took(self, checkpoint: float = 0.0) -> Took:
        """Until now."""
        return Took(time.perf_counter() - self._wall, _processor_seconds() - self._cpu, checkpoint)


def _processor_seconds() -> float:
    """Of this process and of its children that have ended. A loader's process that lives on is not in it."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def ours(case: Case, data: Any, folder: Path, epochs: int) -> Iterator[Took]:
    """Epochs by the recipe, each with its checkpoint; the one before is removed, as in a sweep."""
    settings = RECIPE.settings("tiny", {**case.values, "epochs": epochs})
    folder.mkdir()
    training = RECIPE.train(settings, data, folder)
    while True:
        stopwatch = Stopwatch()
        epoch = next(training, None)
        if epoch is None:
            return
        began = time.perf_counter()
        checkpoint.write(folder / "checkpoints", epoch.epoch, epoch.save)
        for old in list(checkpoint.by_epoch(folder / "checkpoints").values())[:-1]:
            checkpoint.remove(old)
        yield stopwatch.took(time.perf_counter() - began)


def pairs(case: Case, count: int, folder: Path) -> list[tuple[Took, Took]]:
    """Neighbouring epochs, theirs and ours."""
    path = write_tasks(folder / "data", train=case.train, val=case.val, size=case.size)
    data = RECIPE.open(path)
    mine = ours(case, data, folder / "ours", count + 1)
    measured: list[tuple[Took, Took]] = []
    with isolated(folder), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        from ultralytics import YOLO

        from trainables.ultralytics.export import configuration

        settings = RECIPE.settings("tiny", {**case.values, "epochs": count + 1})
        running: dict[str, Stopwatch] = {}

        def began(trainer: Any) -> None:
            running["epoch"] = Stopwatch()

        def ended(trainer: Any) -> None:
            if "epoch" in running:  # Ultralytics says so once more after its final evaluation
                measured.append((running.pop("epoch").took(), next(mine)))

        def with_workers(trainer: Any) -> None:
            trainer.args.workers = settings.workers  # on a CPU the trainer sets 0

        model = YOLO(settings.model, verbose=False)
        model.add_callback("on_pretrain_routine_start", with_workers)
        model.add_callback("on_train_epoch_start", began)
        model.add_callback("on_fit_epoch_end", ended)
        overrides = {
            "plots": False,
            "verbose": False,
            "patience": 0,
            "project": str(folder / "theirs"),
            "data": str(path),
        }
        model.train(**(configuration(settings) | overrides))
    return measured[1:]


def row(case: Case, measured: list[tuple[Took, Took]]) -> str:
    """A line of the table."""
    theirs, mine = zip(*measured, strict=True)
    cpu = spread([our.cpu / their.cpu for their, our in measured], ".3f")
    wall = spread([our.wall / their.wall for their, our in measured], ".3f")
    seconds = [f"{statistics.median(took.cpu for took in side):.2f}" for side in (theirs, mine)]
    saving = f"{statistics.median(took.checkpoint for took in mine):.2f}"
    return f"| {case.title} | {len(measured)} | {seconds[0]} | {seconds[1]} | {saving} | {cpu} | {wall} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--case", type=int, nargs="*", default=list(range(len(CASES))))
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    headings = ("case", "pairs", "theirs, CPU s", "ours", "of it checkpoint, s", "ratio of CPU time", "of wall time")
    print(f"| {' | '.join(headings)} |\n|{' --- |' * len(headings)}")
    for index in given.case:
        with tempfile.TemporaryDirectory() as folder:
            print(row(CASES[index], pairs(CASES[index], given.pairs, Path(folder))), flush=True)


if __name__ == "__main__":
    main()
