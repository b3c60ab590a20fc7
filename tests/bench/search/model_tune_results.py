"""What `model_tune.py` compares, and the table of what it has measured."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.search.model_tune_arms import BEST_OF
from tests.bench.search.parts import Parts
from trainables.ultralytics.tasks import Task

ARMS = tuple(BEST_OF)
DEFAULTS = "defaults"
"""Ultralytics' own configuration, which needs no search."""
HEADINGS = (
    *("data", "seed", "arm", "fitness on fresh seeds", "its own value", "wall, s", "trainings", "epochs"),
    *("trainings to its best", "epochs to its best"),
)


@dataclass(frozen=True)
class Setup:
    """What makes results comparable: only results of the same one stand in one table.

    Attributes:
        data: name of the data set.
        task: of the model.
        train: images to train on.
        val: images held out.
        size: pixels of the longer side, and of the input.
        epochs: of a whole training.
        batch: images in a step.
        minutes: of an arm.
        first_epochs: of the training of the model that is fine-tuned.
    """

    data: str
    task: Task
    train: int
    val: int
    size: int
    epochs: int
    batch: int
    minutes: float
    first_epochs: int

    @property
    def pinned(self) -> dict[str, Any]:
        """Ultralytics' settings that are the same for all arms."""
        sizes = {"epochs": self.epochs, "imgsz": self.size, "batch": self.batch, "nbs": self.batch}
        return {**sizes, "workers": 0, "device": "cpu", "amp": False}

    def first_weights(self, results: Path) -> Path:
        """The file of the model that is fine-tuned, beside that of the results."""
        sizes = (self.data, self.task, self.train, self.size, self.batch, self.first_epochs)
        return results.with_name(f"{results.stem}-{'-'.join(map(str, sizes))}.pt")


def table(results: Parts) -> Iterator[str]:
    """A line for each arm of each seed, and what it comes to."""
    yield f"| {' | '.join(HEADINGS)} |\n|{' --- |' * len(HEADINGS)}"
    for again in sorted(results.rows("again"), key=lambda row: (row["seed"], (*ARMS, DEFAULTS).index(row["arm"]))):
        name, arm, seed = again["setup"]["data"], again["arm"], again["seed"]
        fitness = (
            f"{statistics.fmean(again['fitness']):.4f} ({', '.join(f'{value:.3f}' for value in again['fitness'])})"
        )
        cells = [name, str(seed), arm, fitness]
        if search := results.row("search", arm, seed):
            cells += [f"{search['value']:.4f}", f"{search['wall']:.0f}"]
            cells += [str(search["trainings"]), str(search["epochs"])]
            cells += [str(search["trainings_to_best"]), str(search["epochs_to_best"])]
        yield f"| {' | '.join(cells + [''] * (len(HEADINGS) - len(cells)))} |"


def wins(results: Parts) -> Iterator[str]:
    """How often ours is better than another arm on the mean of the fresh seeds."""
    means = {(row["arm"], row["seed"]): statistics.fmean(row["fitness"]) for row in results.rows("again")}
    for other in ("tune", "ray", DEFAULTS):
        seeds = [seed for arm, seed in means if arm == other and ("ours", seed) in means]
        better = sum(means["ours", seed] > means[other, seed] for seed in seeds)
        if seeds:
            gained = statistics.fmean(means["ours", seed] - means[other, seed] for seed in seeds)
            yield f"ours better than {other} on {better} of {len(seeds)} seeds, by {gained:+.4f} on average"
