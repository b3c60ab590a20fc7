"""One training of YOLOX, as the shared epoch loop drives it."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from yolox.data import MosaicDetection

from trainables import device as gpu
from trainables.backends import placed
from trainables.loading import Batches, Timed, shuffled
from trainables.loop import seeded
from trainables.precision import Precision
from trainables.recipe import Alarm
from trainables.vision.average_precision import Detections, Objects, average_precision
from trainables.vision.coco_layout import Picture
from trainables.vision.one_class import AFTER, one_class
from trainables.yolox.average import MovingAverage
from trainables.yolox.data import CocoData
from trainables.yolox.detections import detections
from trainables.yolox.experiment import Detector, Experiment
from trainables.yolox.export import fields
from trainables.yolox.images import HeldOut, Pictures, training_images
from trainables.yolox.settings import YoloxSettings
from trainables.yolox.weights import load_detector

RESIZE_EVERY = 10
"""Steps between two input sizes, across epochs: upstream's trainer's."""
LEAST_HEIGHT = 2
"""Of an input, in 32 pixels: of one cell in the last maps, batch-norm has no deviation in a batch of one."""
GROUPS = ("norm", "weights", "bias")
"""Of upstream's optimizer, in its order."""
PARTS = {"": "total_loss", "/iou": "iou_loss", "/conf": "conf_loss", "/cls": "cls_loss", "/l1": "l1_loss"}
HELD_OUT = ("", "/iou", "/conf", "/cls")
"""Parts of the held-out loss: in all epochs those of the first ones, so that it can be compared over epochs."""


class YoloxTraining:
    """Upstream's model, losses, augmentation and optimizer groups; see `trainables.loop.Training` for the methods.

    Raises:
        CheckpointError: the weights of the backbone cannot be had.
    """

    def __init__(self, settings: YoloxSettings, data: CocoData) -> None:
        self.epochs = settings.epochs
        self._settings = settings
        self._data = data
        self._device = gpu.device(settings.device)
        self._experiment = experiment(settings, len(data.names))
        with seeded(settings.seed, "model"):
            self._detector: Detector = self._experiment.get_model()
        load_detector(self._detector, settings.weights, data.names)
        self.model: torch.nn.Module = placed(self._detector, self._device, settings)
        self._precision = Precision(self._device, settings.mixed_precision)
        self._optimizer: torch.optim.Optimizer = self._experiment.get_optimizer(settings.batch)
        for group, name in zip(self._optimizer.param_groups, GROUPS, strict=True):
            group |= {"name": name, "foreach": True}
        self._ema = MovingAverage(self._detector) if settings.ema else None
        self._train = training_loader(settings, self._experiment, data, self._device)
        self._images: MosaicDetection = self._train.dataset
        self._held_out = Pictures(data.val, self._experiment.input_size, data.cache)
        self._val: Batches[Any] = Batches(
            HeldOut(self._held_out), settings.batch, workers=settings.workers, device=self._device
        )
        rate = self._experiment.basic_lr_per_img * settings.batch
        self._schedule = self._experiment.get_lr_scheduler(rate, len(self._train))
        self._lost: Alarm | None = None
        self._steps: list[float] = []
        self._remark = ""

    def phase(self, epoch: int) -> str:
        """The last epochs are "finetune", the first "warmup", those between "main"."""
        if epoch > self.epochs - self._settings.no_aug_epochs:
            return "finetune"
        return "warmup" if epoch <= self._settings.warmup_epochs else "main"

    def alarm(self) -> Alarm | None:
        """Set once upstream's matching met predictions that are no numbers."""
        return self._lost

    def remark(self) -> str:
        """Whether the last evaluation found one class alone."""
        return self._remark

    def steps(self) -> list[float]:
        """See `trainables.loop.Stepwise`."""
        return self._steps

    def train_epoch(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """Train on each image once."""
        self._begin(epoch)
        sums = torch.zeros(len(PARTS), dtype=torch.float64)
        self._steps = []
        batches = Timed(self._train)
        for index, (pixels, targets, _, _) in enumerate(batches):
            try:
                losses = self._step((epoch - 1) * len(self._train) + index, pixels, targets)
            except RuntimeError as error:
                if "between 0 and 1" not in str(error):
                    raise
                self._lost = Alarm("nonfinite", f"predictions are no longer finite at step {index + 1}")
                break
            sums += losses
            self._steps.append(float(losses[0]))
        return _named("train", sums / max(1, len(self._steps))), batches.seconds()

    def evaluate(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """COCO average precision in the pixels on disk, and the losses of `HELD_OUT`."""
        model: Detector = self._ema.ema if self._ema else self._detector
        model.eval()
        detected: list[Detections] = []
        sums = torch.zeros(len(PARTS), dtype=torch.float64)
        with torch.no_grad(), _quiet():
            for pixels, targets, indexes in self._val:
                images = pixels.to(self._device, non_blocking=True)
                with self._precision.autocast():
                    features = model.backbone(images)
                    predictions = model.head(features)
                    if self._lost is None and bool(predictions.isfinite().all()):
                        sums += _held_out_losses(model, features, targets.to(self._device), images)
                detected += self._detections(predictions, indexes.tolist())
        truth = list(map(_objects, self._data.val))
        self._remark = one_class(detected, truth, self._data.names) if epoch > AFTER * self.epochs else ""
        return average_precision(truth, detected, self._data.names), _named("val", sums / len(self._val), HELD_OUT)

    def rates(self) -> dict[str, float]:
        """Learning rates of upstream's three groups: one and the same, as its trainer sets them."""
        return {group["name"]: float(group["lr"]) for group in self._optimizer.param_groups}

    def state(self) -> dict[str, Any]:
        """Weights, their moving average, the momenta and the classes' names; the rest follows from the epoch alone."""
        state = {"model": self._detector.state_dict(), "optimizer": self._optimizer.state_dict()}
        state |= {"names": list(self._data.names), **self._precision.state()}
        if self._ema:
            state |= {"ema": self._ema.ema.state_dict(), "updates": self._ema.updates}
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned."""
        self._detector.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._precision.load_state(state)
        if self._ema:
            self._ema.ema.load_state_dict(state["ema"])
            self._ema.updates = state["updates"]

    def close(self) -> None:
        """End the processes that prepare batches."""
        self._train.restart()
        self._val.restart()

    def _begin(self, epoch: int) -> None:
        """Close mosaic and add the L1 loss for the last epochs.

        Upstream does so one epoch earlier than its schedule's flat part. The YOLOX stability report (document 001)
        counts its last eight.
        """
        last = epoch > self.epochs - self._settings.no_aug_epochs
        if self._images.enable_mosaic == last:
            self._images.enable_mosaic = not last
            self._train.restart()
        self._detector.head.use_l1 = last
        self._detector.train()

    def _step(self, step: int, pixels: Tensor, targets: Tensor) -> Tensor:
        """One optimizer step on a batch, a part of it at a time; returns its losses in the order of `PARTS`."""
        pixels, targets = (tensor.to(self._device, non_blocking=True) for tensor in (pixels, targets))
        images, targets = self._experiment.preprocess(pixels, targets, self._size_at(step))
        if step:  # the first rate is the optimizer's own, as upstream's
            for group in self._optimizer.param_groups:
                group["lr"] = self._schedule.update_lr(step)
        parts = self._settings.batch_parts
        self._optimizer.zero_grad()
        values = torch.zeros(len(PARTS), dtype=torch.float64)
        for part_images, part_targets in zip(images.chunk(parts), targets.chunk(parts), strict=True):
            share = len(part_images) / len(images)
            with _quiet(), self._precision.autocast():
                losses = self._detector(part_images, part_targets)
            self._precision.backward(losses["total_loss"] * share)
            values += _values(losses) * share
        self._precision.step(self._optimizer)
        if self._ema:
            self._ema.update(self._detector)
        return values

    def _size_at(self, step: int) -> tuple[int, int]:
        """Height and width of the input in `step`, counted over the whole training.

        Every `RESIZE_EVERY` steps a height within `multiscale` of the setting's is drawn, and the width to it, as
        upstream draws them; by the number of the draw, so that a resumed training has the sizes that it would have had.
        """
        height, width = self._experiment.input_size
        most, draws = self._experiment.multiscale_range, step // RESIZE_EVERY
        if not most or not draws:
            return height, width
        change = random.Random(f"{self._settings.seed}/size/{draws}").randint(-most, most)
        drawn = max(LEAST_HEIGHT, height // 32 + change)
        return 32 * drawn, 32 * int(drawn * width / height)

    def _detections(self, predictions: Tensor, indexes: list[int]) -> list[Detections]:
        pictures = [self._data.val[index] for index in indexes]
        sizes = [(picture.width, picture.height) for picture in pictures]
        return detections(predictions, sizes, len(self._data.names), self._settings)


def training_loader(settings: YoloxSettings, config: Experiment, data: CocoData, device: torch.device) -> Batches[Any]:
    """Batches of the training split, shuffled and augmented by upstream."""
    images = training_images(Pictures(data.train, config.input_size, data.cache), config)
    return Batches(images, settings.batch, workers=settings.workers, device=device, order=shuffled(images))


def new_training(settings: YoloxSettings, data: CocoData, workdir: Path) -> YoloxTraining:
    """A training from its start; see `trainables.loop_recipe.PackageRecipe`."""
    return YoloxTraining(settings, data)


def experiment(settings: YoloxSettings, classes: int) -> Experiment:
    """A configuration of this training alone: upstream's keep model and optimizer."""
    config = Experiment()
    config.num_classes = classes
    for name, value in fields(settings).items():
        setattr(config, name, value)
    return config


def _objects(picture: Picture) -> Objects:
    boxes, crowds = picture.boxes.astype(np.float32), picture.crowds[:, :4].astype(np.float32)
    return Objects(boxes, picture.classes, crowds, picture.crowds[:, 4].astype(np.int64))


def _held_out_losses(model: Detector, features: Any, targets: Tensor, images: Tensor) -> Tensor:
    """Losses with the batch-norm statistics of evaluation: whether the head returns losses, its own flag decides."""
    model.head.training, model.head.use_l1 = True, False
    try:
        total, iou, conf, cls, l1, _ = model.head(features, targets, images)
    finally:
        model.head.training = False
    parts = {"total_loss": total, "iou_loss": iou, "conf_loss": conf, "cls_loss": cls, "l1_loss": l1}
    return _values(model.weighted(parts))


def _values(losses: Mapping[str, Any]) -> Tensor:
    values = [torch.as_tensor(losses[name], dtype=torch.float64).detach().cpu() for name in PARTS.values()]
    return torch.stack(values)


def _named(split: str, values: Tensor, parts: Sequence[str] = tuple(PARTS)) -> dict[str, float]:
    return {f"{split}{part}": value for part, value in zip(PARTS, values.tolist(), strict=True) if part in parts}


@contextmanager
def _quiet() -> Iterator[None]:
    """Upstream's head names torch.cuda.amp, which torch warns of at every step."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*(torch\.cuda\.amp|CUDA is not available).*")
        yield
