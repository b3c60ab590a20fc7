"""One training of SlowFast, as the shared epoch loop drives it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import RandomSampler, WeightedRandomSampler

from trainables import device as gpu
from trainables.backends import placed
from trainables.loading import Batches, Timed, shuffled
from trainables.loop import seeded
from trainables.precision import Precision
from trainables.slowfast.clips import TrainingClips
from trainables.slowfast.data import ThermalData
from trainables.slowfast.losses import class_loss
from trainables.slowfast.metrics import accuracy, confusion
from trainables.slowfast.model import VideoClassifier, class_weights
from trainables.slowfast.settings import SlowfastSettings
from trainables.slowfast.weights import load_model

FLOOR = 0.01
"""Share of the learning rate at the end. Ours: the thermal SlowFast report (document 004) does not say what follows
warm-up."""


class SlowfastTraining:
    """SGD or AdamW with a rate for the backbone and one for the head; see `trainables.loop.Training`.

    Raises:
        CheckpointError: the weights cannot be had.
    """

    def __init__(self, settings: SlowfastSettings, data: ThermalData) -> None:
        self.epochs = settings.epochs
        self._settings = settings
        self._names = data.names
        self._device = gpu.device(settings.device)
        with seeded(settings.seed, "model"):
            network = new_network(settings, len(data.names))
        load_model(network, settings, data.names)
        self.model: torch.nn.Module = placed(network, self._device, settings)
        self._precision = Precision(self._device, settings.mixed_precision)
        self._optimizer = _optimizer(settings, network)
        self._steps: list[float] = []
        self._class_weights = class_weights(_clips_by_class(data).float()).to(self._device)
        self._train, self._val = loaders(settings, data, self._device)

    def phase(self, epoch: int) -> str:
        """Warm-up ("warmup") while the learning rate rises, then "main"."""
        return "warmup" if epoch <= self._settings.warmup_epochs else "main"

    def steps(self) -> list[float]:
        """See `trainables.loop.Stepwise`."""
        return self._steps

    def train_epoch(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """Train on as many clips as there are."""
        self.model.train()
        self._steps = []
        total, batches = 0.0, Timed(self._train)
        for index, (clips, classes) in enumerate(batches):
            self._set_rate((epoch - 1) + index / len(self._train))
            self._steps.append(self._step(clips, classes))
            total += self._steps[-1]
        return {"train": total / len(self._train)}, batches.seconds()

    def evaluate(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """Accuracies, and the loss of all clips together.

        A weighted loss of a batch is no number where all its clips are of a class that the training split lacks.
        """
        self.model.eval()
        scores, labels = [], []
        with torch.no_grad():
            for clips, classes in self._val:
                scores.append(self._scores(clips))
                labels.append(classes)
            logits, truth = torch.cat(scores), torch.cat(labels)
            loss = float(self._loss(logits, truth.to(self._device)))
        results = np.asarray(logits.double().cpu()), np.asarray(truth)
        self._confusion = confusion(*results)
        return accuracy(*results, self._names), {"val": loss}

    def taken(self) -> dict[str, float]:
        """Clips of each class that the last evaluation took for which, where any: "confusion/<true>/<predicted>"."""
        true, predicted = np.nonzero(self._confusion)
        return {
            f"confusion/{self._names[row]}/{self._names[column]}": float(self._confusion[row, column])
            for row, column in zip(true, predicted, strict=True)
        }

    def rates(self) -> dict[str, float]:
        """Learning rates of the backbone and of the head."""
        return {group["name"]: float(group["lr"]) for group in self._optimizer.param_groups}

    def state(self) -> dict[str, Any]:
        """Weights and the optimizer's moments; the schedule follows from the epoch alone.

        Names and temperatures are for those who have the checkpoint but not the data.
        """
        return {
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "names": list(self._names),
            "span": list(self._splits[0].span),
            **self._precision.state(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned."""
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._precision.load_state(state)
        for clips in self._splits:  # other data are evaluated in the temperatures that were trained with
            clips.span = state["span"][0], state["span"][1]

    def close(self) -> None:
        """End the processes that prepare batches."""
        self._train.restart()
        self._val.restart()

    @property
    def _splits(self) -> tuple[TrainingClips, TrainingClips]:
        return self._train.dataset, self._val.dataset

    def _set_rate(self, done: float) -> None:
        """The rates after `done` epochs: a line up to lr, then half a cosine down to `FLOOR` of it."""
        warmup = self._settings.warmup_epochs
        if done < warmup:
            share = max(done, 1 / len(self._train)) / warmup
        else:
            progress = (done - warmup) / max(1.0, self.epochs - warmup)
            share = FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
        for group in self._optimizer.param_groups:
            ratio = self._settings.backbone_lr_ratio if group["name"] == "backbone" else 1.0
            group["lr"] = self._settings.lr * ratio * share

    def _step(self, clips: Tensor, classes: Tensor) -> float:
        """One optimizer step on a batch, a part of it at a time; returns its loss."""
        parts = self._settings.batch_parts
        self._optimizer.zero_grad()
        total = 0.0
        for part_clips, part_classes in zip(clips.chunk(parts), classes.chunk(parts), strict=True):
            share = len(part_clips) / len(clips)
            loss = self._loss(self._scores(part_clips), part_classes.to(self._device, non_blocking=True))
            self._precision.backward(loss * share)
            total += float(loss.detach()) * share
        self._precision.step(self._optimizer)
        return total

    def _scores(self, clips: Tensor) -> Tensor:
        with self._precision.autocast():
            scores: Tensor = self.model(clips.to(self._device, non_blocking=True))
        return scores.float()

    def _loss(self, scores: Tensor, classes: Tensor) -> Tensor:
        settings = self._settings
        return class_loss(
            scores,
            classes,
            kind=settings.loss,
            gamma=settings.focal_gamma,
            smoothing=settings.label_smoothing,
            weights=self._class_weights,
        )


def new_training(settings: SlowfastSettings, data: ThermalData, workdir: Path) -> SlowfastTraining:
    """A training from its start; see `trainables.loop_recipe.PackageRecipe`."""
    return SlowfastTraining(settings, data)


def new_network(settings: SlowfastSettings, classes: int) -> VideoClassifier:
    """The network of `settings` for so many classes, with random weights."""
    return VideoClassifier(settings, classes)


def _optimizer(settings: SlowfastSettings, network: VideoClassifier) -> torch.optim.Optimizer:
    backbone, head = network.parts()
    groups = [{"name": "backbone", "params": backbone}, {"name": "head", "params": head}]
    if settings.optimizer == "sgd":
        momentum, decay = settings.momentum, settings.weight_decay
        return torch.optim.SGD(groups, lr=settings.lr, momentum=momentum, weight_decay=decay, foreach=True)
    betas = (settings.momentum, 0.999)
    return torch.optim.AdamW(groups, lr=settings.lr, betas=betas, weight_decay=settings.weight_decay, foreach=True)


Batch = tuple[Tensor, Tensor]


def loaders(
    settings: SlowfastSettings, data: ThermalData, device: torch.device
) -> tuple[Batches[Batch], Batches[Batch]]:
    """Batches of the training split, drawn and augmented as `settings` say, and of the held-out one."""
    span = float(data.train.frames.min()), float(data.train.frames.max())
    train = TrainingClips(data.train, settings, span)
    val = TrainingClips(data.val, settings, span, augment=False)
    order: RandomSampler | WeightedRandomSampler = shuffled(train)
    if settings.sampling == "balanced":
        share = 1 / _clips_by_class(data).clamp(min=1).double()
        order = WeightedRandomSampler(share[torch.tensor(data.train.labels)].tolist(), len(train))
    workers, batch = settings.workers, settings.batch
    return (
        Batches(train, batch, workers=workers, device=device, order=order),
        Batches(val, batch, workers=workers, device=device),
    )


def _clips_by_class(data: ThermalData) -> Tensor:
    return torch.bincount(torch.tensor(data.train.labels), minlength=len(data.names))
