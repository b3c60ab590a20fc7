"""A recipe of your own, complete: it tells the rings of a target apart. See docs/own-recipe.md."""

from __future__ import annotations

import csv
import hashlib
import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from spaces.space import Draw
from trainables.errors import DataError
from trainables.loop_recipe import LoopedRecipe
from trainables.objective import Reports
from trainables.settings import Settings

if TYPE_CHECKING:  # the command line imports this module too: torch stays out until a training needs it
    import torch


class RingsSettings(Settings):
    """Every name that may be pinned or searched. A name that is not here is refused."""

    epochs: int = Field(ge=1, description="epochs of the whole training")
    lr: float = Field(gt=0, le=100, description="learning rate of SGD")
    momentum: float = Field(ge=0, lt=1, description="momentum of SGD")
    width: int = Field(ge=1, le=1024, description="hidden units")
    seed: int = Field(0, ge=0, description="of weights and batches")


@dataclass(frozen=True)
class Points:
    """A checked data set. A checkpoint is only resumed on data of its own fingerprint."""

    rows: list[tuple[float, float, int]]
    fingerprint: str


class Rings(LoopedRecipe[RingsSettings, Points]):
    """A two-layer network on points (x, y, ring) from a CSV file."""

    name: ClassVar[str] = "rings"
    summary: ClassVar[str] = "two-layer network on rings of points"
    metric: ClassVar[str] = "accuracy"
    reports: ClassVar[Reports] = {"accuracy": "max"}  # so that `metric: acuracy` is refused before a sweep
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"accuracy": (0.0, 1.0)}  # no projection passes them
    settings_type = RingsSettings
    baseline: ClassVar[str] = "plain"
    presets_file: ClassVar[Path] = Path(__file__).with_suffix(".yaml")

    @staticmethod
    def space(draw: Draw) -> None:
        """What may be searched."""
        draw.int("width", 4, 64, log=True)
        draw.choice("momentum", [0.0, 0.9])
        draw.float("lr", 1e-3, 10.0, log=True)

    def open(self, path: Path) -> Points:
        """Read and check every line, so that nothing is found wrong in the middle of a night."""
        rows = []
        with path.open(newline="") as file:
            for number, row in enumerate(csv.reader(file), start=1):
                try:
                    x, y, ring = float(row[0]), float(row[1]), int(row[2])
                except (ValueError, IndexError):
                    raise DataError(f"{path} line {number}: is {','.join(row)!r}; it must be x,y,ring") from None
                rows.append((x, y, ring))
        return Points(rows, hashlib.sha256(path.read_bytes()).hexdigest())

    def sample(self, directory: Path) -> Path:
        """Three rings of 200 points each."""
        directory.mkdir(parents=True, exist_ok=True)
        rng = random.Random(0)
        rows = []
        for _ in range(600):
            ring, angle = rng.randrange(3), rng.uniform(0, 6.283)
            radius = ring + 1 + rng.gauss(0, 0.25)
            rows.append((radius * math.cos(angle), radius * math.sin(angle), ring))
        path = directory / "rings.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        return path

    def training(self, settings: RingsSettings, data: Points, workdir: Path) -> RingsTraining:
        """What the shared epoch loop drives: seeds, checkpoints, resuming, evaluation and dead weights are its work."""
        return RingsTraining(settings, data.rows)

    def export(self, settings: RingsSettings, directory: Path) -> list[Path]:
        """Whatever your own training code reads."""
        path = directory / "rings.json"
        path.write_text(settings.model_dump_json(indent=2))
        return [path]


class RingsTraining:
    """One training: the `Training` protocol of trainables/loop.py."""

    def __init__(self, settings: RingsSettings, data: list[tuple[float, float, int]]) -> None:
        import torch

        from trainables.loop import seeded

        self.epochs = settings.epochs
        points = torch.tensor([point[:2] for point in data])
        rings = torch.tensor([point[2] for point in data])
        cut = len(data) * 3 // 4
        self._train, self._test = (points[:cut], rings[:cut]), (points[cut:], rings[cut:])
        with seeded(settings.seed, "weights"):
            self.model: torch.nn.Module = torch.nn.Sequential(
                torch.nn.Linear(2, settings.width), torch.nn.ReLU(), torch.nn.Linear(settings.width, 3)
            )
        self._optimizer = torch.optim.SGD(self.model.parameters(), lr=settings.lr, momentum=settings.momentum)

    def phase(self, epoch: int) -> str:
        """No warm-up here."""
        return "main"

    def train_epoch(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """Batches of 30 in a new order; the loop has seeded torch for this epoch."""
        import torch

        began = time.perf_counter()
        points, rings = self._train
        total = 0.0
        for batch in torch.randperm(len(rings)).split(30):
            loss = torch.nn.functional.cross_entropy(self.model(points[batch]), rings[batch])
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            total += float(loss.detach()) * len(batch)
        return {"train": total / len(rings)}, {"train": time.perf_counter() - began}

    def evaluate(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """Accuracy on the last quarter of the file."""
        import torch

        points, rings = self._test
        with torch.no_grad():
            scores = self.model(points)
        accuracy = float((scores.argmax(1) == rings).float().mean())
        return {"accuracy": accuracy}, {"val": float(torch.nn.functional.cross_entropy(scores, rings))}

    def rates(self) -> dict[str, float]:
        """One group."""
        return {"all": float(self._optimizer.param_groups[0]["lr"])}

    def state(self) -> dict[str, Any]:
        """All that the next epoch depends on."""
        return {"model": self.model.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
