"""Recipes whose trainings the shared epoch loop drives: what follows from that is the same for all of them."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainables.recipe import Epoch, Recipe
from trainables.settings import Settings

if TYPE_CHECKING:
    from trainables.loop import Training

WHERE = {"device", "workers"}
"""Settings that say where a training runs, not what it is: a resume may change them."""


class LoopedRecipe(Recipe):
    """A recipe that says what one training is; it is trained, resumed and evaluated by `trainables.loop`.

    Its settings have a `seed`, its data sets a `fingerprint`.
    """

    @abstractmethod
    def training(self, settings: Settings, data: Any, workdir: Path) -> Training:
        """A training from its start; `workdir` is the only folder that it may write to."""

    def train(self, settings: Settings, data: Any, workdir: Path, resume: Path | None = None) -> Iterator[Epoch]:
        """Train; see `Recipe.train`."""
        training = self.training(settings, data, workdir)
        from trainables.loop import epochs

        identity = self._identity(settings, data)
        yield from epochs(training, seed=_seed(settings), identity=identity, resume=resume, settings=settings)

    def evaluate(self, settings: Settings, data: Any, workdir: Path, checkpoint: Path) -> Mapping[str, float]:
        """Evaluate; see `Recipe.evaluate`."""
        return evaluated(self.training(settings, data, workdir), settings, checkpoint)

    def _identity(self, settings: Settings, data: Any) -> str:
        """What must be the same for a resume to be exact."""
        digest = hashlib.sha256(settings.model_dump_json(exclude=WHERE).encode()).hexdigest()
        return f"{self.name} (settings {digest[:8]}, data {data.fingerprint[:8]})"


def evaluated(training: Training, settings: Settings, checkpoint: Path) -> dict[str, float]:
    """Held-out metrics and losses of a fresh `training` with the weights of `checkpoint`."""
    from trainables.loop import evaluation

    return evaluation(training, seed=_seed(settings), checkpoint=checkpoint)


def _seed(settings: Settings) -> int:
    return int(settings.model_dump()["seed"])
