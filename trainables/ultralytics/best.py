"""The best model of a training, kept in memory while it trains, and written when it is done, stopped or paused.

Ultralytics' trainer writes `best.pt` after every epoch that is the best so far; with a checkpoint of ours beside it
that would cost twice as much as theirs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from trainables.ultralytics.state import write_pt

BEST, LAST = "weights/best.pt", "weights/last.pt"


@dataclass(frozen=True)
class EvaluatedModel:
    """A model as its epoch was evaluated.

    Attributes:
        epoch: from 1.
        weights: of the moving average, by name.
        metrics: of Ultralytics' evaluation, with "fitness".
        results: the text of `results.csv` up to this epoch.
    """

    epoch: int
    weights: Mapping[str, Tensor]
    metrics: Mapping[str, float]
    results: str

    @classmethod
    def of(cls, trainer: Any) -> EvaluatedModel:
        """The one that `trainer` has just evaluated; its weights change with the next step."""
        return cls(
            epoch=int(trainer.epoch) + 1,
            weights=trainer.ema.ema.state_dict(),
            metrics={name: float(value) for name, value in trainer.metrics.items()}
            | {"fitness": float(trainer.fitness)},
            results=trainer.csv.read_text(encoding="utf-8"),
        )

    def copied(self) -> EvaluatedModel:
        """With weights of its own."""
        weights = {name: value.detach().clone() for name, value in self.weights.items()}
        return EvaluatedModel(self.epoch, weights, self.metrics, self.results)

    def write(self, path: Path, trainer: Any) -> None:
        """Write it as the file `path` that `YOLO()` loads."""
        write_pt(path, trainer.ema.ema, vars(trainer.args), self.metrics, self.results, self.weights)


class BestModel:
    """The best model so far of a training in `workdir`."""

    def __init__(self, workdir: Path) -> None:
        self._path = workdir / BEST
        self._model: EvaluatedModel | None = None
        self._written = 0

    def look(self, trainer: Any) -> None:
        """Take the model that `trainer` has just evaluated, if it is the best."""
        if trainer.best_fitness == trainer.fitness:
            self._model = EvaluatedModel.of(trainer).copied()

    def state(self, trainer: Any) -> dict[str, Any] | None:
        """What `load` needs; None if it is the model that `trainer` has just evaluated: the state has it anyway."""
        if self._model is None or self._model.epoch == int(trainer.epoch) + 1:
            return None
        return {**vars(self._model), "weights": dict(self._model.weights)}

    def load(self, state: Mapping[str, Any] | None, evaluated: EvaluatedModel) -> None:
        """Take back what `state` returned; `evaluated` is the model of the checkpoint's own epoch."""
        self._model = evaluated if state is None else EvaluatedModel(**state)

    def write(self, trainer: Any) -> None:
        """Write the file, unless it is there.

        Not if the run's folder has later results than `trainer`: then this training was paused and is closed late, and
        goes on elsewhere already.
        """
        if self._model is None or self._written == self._model.epoch or _has_later_results(trainer):
            return
        try:
            self._model.write(self._path, trainer)
            self._written = self._model.epoch
        except OSError as error:  # a full disk, say; checkpoints have the same weights
            print(f"{self._path}: not written ({error})", file=sys.stderr)


def _has_later_results(trainer: Any) -> bool:
    rows = trainer.csv.read_text(encoding="utf-8").splitlines() if trainer.csv.is_file() else []
    return len(rows) - 1 > int(trainer.epoch) + 1
