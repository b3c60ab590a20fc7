"""One training by Ultralytics' own trainer, as the shared epoch loop drives it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from ultralytics.utils.torch_utils import unwrap_model

from trainables.class_match import listed
from trainables.errors import CheckpointError
from trainables.loop import seeded
from trainables.rank import Rank
from trainables.recipe import Alarm
from trainables.ultralytics import state as states
from trainables.ultralytics.best import LAST, BestModel, EvaluatedModel
from trainables.ultralytics.data import DataSet
from trainables.ultralytics.distributed import devices
from trainables.ultralytics.hooks import EVALUATED, READY, TRAINED, Hooks
from trainables.ultralytics.settings import UltralyticsSettings, phase_of
from trainables.ultralytics.turns import Turns
from trainables.ultralytics.upstream import arguments, contained, logged, new_trainer

GOES_BACK = "no valid last.pt is available for recovery"
"""In what the trainer raises, in each of its processes, when loss or fitness of the first one are not finite."""


class UltralyticsTraining:
    """Ultralytics' trainer in a thread of its own, epoch by epoch; see `trainables.loop.Training`.

    Args:
        settings: of the training.
        dataset: to train on.
        workdir: where the trainer writes what it writes into a run's folder.
        scans: see `trainables.ultralytics.upstream.contained`.
        rank: of this process in a training of several; see `trainables.ultralytics.distributed`.

    Raises:
        SettingsError: the trainer holds something else than the settings say.
        Exception: whatever Ultralytics complains about in its set-up.
    """

    def __init__(
        self,
        settings: UltralyticsSettings,
        dataset: DataSet,
        workdir: Path,
        scans: dict[str, Any],
        rank: Rank | None = None,
    ) -> None:
        self.epochs = settings.epochs
        self._settings = settings
        self._name = dataset.name
        self._workdir = workdir
        self._turns = Turns(self._run)
        self._hooks = Hooks(settings, self._turns)
        self._rank = rank
        self._overrides = arguments(settings, dataset.for_trainer(workdir), workdir)
        if rank is not None:
            self._overrides["device"] = devices(settings, rank)
        self._failure: Alarm | None = None
        self._best = BestModel(workdir)
        with seeded(settings.seed, "model"), contained(scans):
            position = self._turns.advance()
        assert position == READY
        self._trainer = self._hooks.trainer

    def _run(self) -> None:
        new_trainer(self._overrides, self._hooks.callbacks(), self._rank).train()

    @property
    def model(self) -> nn.Module:
        """The network that is trained."""
        model: nn.Module = unwrap_model(self._trainer.model)
        return model

    def phase(self, epoch: int) -> str:
        """See `phase_of`."""
        return phase_of(self._settings, epoch)

    def train_epoch(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """Let the trainer train `epoch`. "train" is the sum of Ultralytics' own loss items, each with its weight."""
        began = time.perf_counter()
        position = self._advance()
        assert position == TRAINED, f"the trainer is at {position} in epoch {epoch}"
        items = {name: float(value) for name, value in self._trainer.tloss.items()}
        losses = {"train": sum(items.values())} | {f"train/{name}": value for name, value in items.items()}
        broken = next((name for name, value in losses.items() if not math.isfinite(value)), None)
        if broken or not bool(self._trainer.loss.isfinite()):
            self._failure = Alarm("nonfinite", f"loss {broken or 'of the last batch'} of epoch {epoch} is not finite")
        return losses, {"train": time.perf_counter() - began}

    def steps(self) -> list[float]:
        """See `trainables.loop.Stepwise`."""
        return self._hooks.steps

    def evaluate(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """Ultralytics' evaluation of the moving average: "fitness" and its keys, its losses as "val/…"."""
        if self._failure:  # the trainer would raise, or go back to an earlier checkpoint
            return {}, {}
        if getattr(self._trainer, "tloss", None) is None:  # nothing was trained: a checkpoint is evaluated
            self._trainer.loss = torch.zeros(1)  # which it reads for models without a fitness
            self._trainer.metrics, self._trainer.fitness = self._trainer.validate()
        else:
            try:
                position = self._advance()
            except RuntimeError as error:
                if not self._is_lost(error):
                    raise
                self._failure = Alarm("nonfinite", f"fitness of epoch {epoch} is not finite")
                return {}, {}
            assert position == EVALUATED
            if not self._is_first:
                return {}, {}
            self._best.look(self._trainer)
            if epoch == self.epochs:
                EvaluatedModel.of(self._trainer).write(self._workdir / LAST, self._trainer)
                self._best.write(self._trainer)
        named = {name: float(value) for name, value in self._trainer.metrics.items()}
        losses = {name: value for name, value in named.items() if name.startswith("val/")}
        metrics = {"fitness": float(self._trainer.fitness)} | {
            name: value for name, value in named.items() if name not in losses
        }
        return metrics, {"val": sum(losses.values())} | losses

    @property
    def _is_first(self) -> bool:
        """Whether this process evaluates and writes: that of the whole training, or the first of several."""
        return self._rank is None or self._rank.number == 0

    def _is_lost(self, error: RuntimeError) -> bool:
        """Whether the trainer raised `error` because the fitness, which the first process knows, is not finite."""
        if self._is_first:
            return not math.isfinite(float(self._trainer.fitness or 0.0))
        return GOES_BACK in str(error)

    def _advance(self) -> str | None:
        with logged():
            return self._turns.advance()

    def alarm(self) -> Alarm | None:
        """Losses or a fitness that are no numbers."""
        return self._failure

    def rates(self) -> dict[str, float]:
        """Learning rates by the number of the optimizer's group, as in Ultralytics' results."""
        return {name.removeprefix("lr/"): float(rate) for name, rate in getattr(self._trainer, "lr", {}).items()}

    def state(self) -> dict[str, Any]:
        """See `trainables.ultralytics.state`."""
        metrics = {name: float(value) for name, value in self._trainer.metrics.items()}
        state = {
            **states.state_of(self._hooks),
            "metrics": metrics | {"fitness": float(self._trainer.fitness)},
            "arguments": states.plain(vars(self._trainer.args)),
            "best": self._best.state(self._trainer),
        }
        return {"sets": {self._name: state}}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned.

        Raises:
            CheckpointError: the data have other classes, or number them otherwise.
        """
        of_sets = state["sets"]
        saved = of_sets.get(self._name) or next(iter(of_sets.values()))  # of another data set, in an evaluation
        trained, present = ([*network["names"].values()] for network in (saved["network"], vars(self.model)))
        if trained != present:  # Ultralytics reads the labels itself, by their numbers
            raise CheckpointError(
                f"its classes are {listed(trained)}, those of the data {listed(present)}; both must have the same "
                "names in the same order"
            )
        states.load_state(self._hooks, saved)
        evaluated = EvaluatedModel(saved["epoch"] + 1, saved["ema"], saved["metrics"], saved["results"])
        self._best.load(saved["best"], evaluated)

    def close(self) -> None:
        """Write the best model, and end the trainer's thread and its loaders' processes."""
        if self._hooks.accumulation is not None and self._is_first:  # it was set up
            self._best.write(self._trainer)
        self._turns.close()
        for name in ("train_loader", "test_loader"):
            loader: Any = getattr(self._hooks.trainer, name, None)
            if hasattr(loader, "close"):
                loader.close()
