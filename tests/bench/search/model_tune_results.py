"""What `model_tune.py` has measured: a line of JSON a part, and the table of them."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.search.model_tune_arms import BEST_OF
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


class Results:
    """The file of results: what it has is not run again.

    Attributes:
        weights: of the model that is fine-tuned, beside the file.
    """

    def __init__(self, file: Path, setup: Setup) -> None:
        self._file, self._setup = file, dataclasses.asdict(setup)
        sizes = "-".join(str(self._setup[name]) for name in ("data", "task", "train", "size", "batch", "first_epochs"))
        self.weights = file.with_name(f"{file.stem}-{sizes}.pt")

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """Those of this set-up, of searches or of trainings on fresh seeds."""
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        every = (json.loads(line) for line in lines)
        return [row for row in every if row["kind"] == kind and row["setup"] == self._setup]

    def row(self, kind: str, arm: str, seed: int) -> dict[str, Any] | None:
        """That of one part, if it was run."""
        return next((row for row in self.rows(kind) if (row["arm"], row["seed"]) == (arm, seed)), None)

    def add(self, kind: str, arm: str, seed: int, **values: Any) -> dict[str, Any]:
        """Append a part's results."""
        row = {"kind": kind, "arm": arm, "seed": seed, **values, "setup": self._setup}
        with self._file.open("a") as appended:
            appended.write(json.dumps(row) + "\n")
        return row


def table(results: Results) -> Iterator[str]:
    """A line for each arm of each seed, and what it comes to."""
    yield f"| {' | '.join(HEADINGS)} |\n|{' --- |' * len(HEADINGS)}"
    for again in sorted(results.rows("again"), key=lambda row: (row["seed"], (*ARMS, DEFAULTS).index(row["arm"]))):
        name, arm, seed = again["setup"]["data"], again["arm"], again["seed"]
        fitness = f"{statistics.fmean(again['fitness']):.4f} ({', '.join(f'{each:.3f}' for each in again['fitness'])})"
        cells = [name, str(seed), arm, fitness]
        if search := results.row("search", arm, seed):
            cells += [f"{search['value']:.4f}", f"{search['wall']:.0f}"]
            cells += [str(search["trainings"]), str(search["epochs"])]
            cells += [str(search["trainings_to_best"]), str(search["epochs_to_best"])]
        yield f"| {' | '.join(cells + [''] * (len(HEADINGS) - len(cells)))} |"


def wins(results: Results) -> Iterator[str]:
    """How often ours is better than another arm on the mean of the fresh seeds."""
    means = {(row["arm"], row["seed"]): statistics.fmean(row["fitness"]) for row in results.rows("again")}
    for other in ("tune", "ray", DEFAULTS):
        seeds = [seed for arm, seed in means if arm == other and ("ours", seed) in means]
        better = sum(means["ours", seed] > means[other, seed] for seed in seeds)
        if seeds:
            gained = statistics.fmean(means["ours", seed] - means[other, seed] for seed in seeds)
            yield f"ours better than {other} on {better} of {len(seeds)} seeds, by {gained:+.4f} on average"
