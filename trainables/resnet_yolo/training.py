"""One training of the detector, as the shared epoch loop drives it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainables import device as gpu
from trainables.backends import placed
from trainables.loading import Batches, Timed, shuffled
from trainables.loop import seeded
from trainables.precision import Precision
from trainables.resnet_yolo.augment import HeldOutImages, TrainingImages, collate
from trainables.resnet_yolo.data import YoloData
from trainables.resnet_yolo.detections import detections
from trainables.resnet_yolo.losses import Losses, Target, detection_losses
from trainables.resnet_yolo.model import Detector, Predictions
from trainables.resnet_yolo.schedule import matching_iou, rate_share
from trainables.resnet_yolo.settings import ResnetYoloSettings
from trainables.resnet_yolo.weights import load_detector
from trainables.vision.average_precision import Detections, Objects, average_precision
from trainables.vision.one_class import AFTER, one_class


class ResnetYoloTraining:
    """AdamW with the schedules of the ResNet-18 and YOLOv8 fixes report (document 002); methods: see `loop.Training`.

    Raises:
        CheckpointError: the backbone's weights cannot be had.
    """

    def __init__(self, settings: ResnetYoloSettings, data: YoloData) -> None:
        self.epochs = settings.epochs
        self._settings = settings
        self._names = data.names
        self._device = gpu.device(settings.device)
        with seeded(settings.seed, "model"):
            self._detector = new_detector(settings, len(data.names))
        load_detector(self._detector, settings.weights, data.names)
        self.model: torch.nn.Module = placed(self._detector, self._device, settings)
        self._precision = Precision(self._device, settings.mixed_precision)
        backbone = list(self._detector.backbone.parameters())
        head = [*self._detector.neck.parameters(), *self._detector.heads.parameters()]
        self._optimizer = torch.optim.AdamW(
            [{"name": "backbone", "params": backbone}, {"name": "head", "params": head}],
            lr=settings.lr,
            weight_decay=settings.weight_decay,
            foreach=True,
        )
        self._held_out = data.val
        self._train, self._val = loaders(settings, data, self._device)
        self._remark = ""
        self._steps: list[float] = []

    def phase(self, epoch: int) -> str:
        """Warm-up ("warmup") while the learning rate rises, then "main"."""
        return "warmup" if epoch <= self._settings.warmup_epochs else "main"

    def remark(self) -> str:
        """Whether the last evaluation found one class alone."""
        return self._remark

    def steps(self) -> list[float]:
        """See `trainables.loop.Stepwise`."""
        return self._steps

    def train_epoch(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """Train on each image once; an optimizer step every `accumulation` batches."""
        self._begin(epoch)
        self._steps = []
        iou = self._matching_iou(epoch)
        count, every = len(self._train), self._settings.accumulation
        sums = torch.zeros(3, dtype=torch.float64)
        batches = Timed(self._train)
        for index, (pixels, targets) in enumerate(batches):
            losses = self._losses(self._forward(pixels), targets, iou)
            group = min(every, count - index // every * every)
            self._precision.backward(losses.total)
            if (index + 1) % every == 0 or index + 1 == count:
                self._step(group)
            values = torch.stack(losses).detach().double().cpu()
            sums += values
            self._steps.append(float(values[0]))
        return _named("train", sums / count), batches.seconds()

    def evaluate(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """COCO average precision, and the loss at the ramp's last matching IoU, which is comparable over epochs."""
        self.model.eval()
        truth: list[Objects] = []
        detected: list[Detections] = []
        sums = torch.zeros(3, dtype=torch.float64)
        with torch.no_grad():
            for pixels, targets in self._val:
                predictions = self._forward(pixels)
                sums += torch.stack(self._losses(predictions, targets, self._settings.iou_end)).double().cpu()
                detected += detections(predictions, self._settings.image_size, self._settings.score_threshold)
                truth += [self._objects(target, len(truth) + index) for index, target in enumerate(targets)]
        self._remark = one_class(detected, truth, self._names) if epoch > AFTER * self.epochs else ""
        return average_precision(truth, detected, self._names), _named("val", sums / len(self._val))

    def _objects(self, target: Target, index: int) -> Objects:
        crowds = self._held_out.crowds(index, self._settings.image_size)
        boxes, classes = np.asarray(target.boxes), np.asarray(target.classes)
        return Objects(boxes, classes, crowds[:, 1:], crowds[:, 0].astype(np.int64))

    def rates(self) -> dict[str, float]:
        """Learning rates of the backbone (0 while it is frozen) and of the head."""
        return {group["name"]: float(group["lr"]) for group in self._optimizer.param_groups}

    def state(self) -> dict[str, Any]:
        """Weights, AdamW's moments and the classes' names; the schedules follow from the epoch alone."""
        names = list(self._names)
        state = {"model": self.model.state_dict(), "optimizer": self._optimizer.state_dict(), "names": names}
        return state | self._precision.state()

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned."""
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._precision.load_state(state)

    def close(self) -> None:
        """End the processes that prepare batches."""
        self._train.restart()
        self._val.restart()

    def _begin(self, epoch: int) -> None:
        """Set the epoch's learning rate, and freeze the backbone, its batch-norms too, in the first epochs."""
        frozen = epoch <= self._settings.freeze_epochs
        self.model.train()
        self._detector.backbone.train(not frozen)
        self._detector.backbone.requires_grad_(not frozen)
        share = rate_share(
            epoch,
            epochs=self.epochs,
            warmup_epochs=self._settings.warmup_epochs,
            warmup_start=self._settings.warmup_start,
        )
        for group in self._optimizer.param_groups:
            group["lr"] = 0.0 if frozen and group["name"] == "backbone" else self._settings.lr * share

    def _matching_iou(self, epoch: int) -> float:
        settings = self._settings
        return matching_iou(epoch, start=settings.iou_start, end=settings.iou_end, ramp_epochs=settings.iou_ramp_epochs)

    def _forward(self, pixels: Tensor) -> Predictions:
        with self._precision.autocast():
            predictions: Predictions = self.model(pixels.to(self._device, non_blocking=True).float() / 255)
        return predictions

    def _losses(self, predictions: Predictions, targets: list[Target], iou: float) -> Losses:
        settings = self._settings
        return detection_losses(
            predictions,
            [Target(*(part.to(self._device, non_blocking=True) for part in target)) for target in targets],
            threshold=iou,
            gamma=settings.focal_gamma,
            box_weight=settings.box_weight,
            cls_weight=settings.cls_weight,
        )

    def _step(self, batches: int) -> None:
        """One optimizer step on the mean gradient of the last `batches` batches."""
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                parameter.grad /= batches
        self._precision.step(self._optimizer)
        self._optimizer.zero_grad(set_to_none=True)


def new_training(settings: ResnetYoloSettings, data: YoloData, workdir: Path) -> ResnetYoloTraining:
    """A training from its start; see `trainables.loop_recipe.PackageRecipe`."""
    return ResnetYoloTraining(settings, data)


def new_detector(settings: ResnetYoloSettings, classes: int) -> Detector:
    """The model that `settings` describe, at its random start."""
    return Detector(
        classes,
        widths=settings.widths,
        blocks=settings.blocks,
        neck_channels=settings.neck_channels,
        dropout=settings.dropout,
        clamp=settings.clamp,
        norm_momentum=settings.norm_momentum,
    )


Batch = tuple[Tensor, list[Target]]


def loaders(
    settings: ResnetYoloSettings, data: YoloData, device: torch.device
) -> tuple[Batches[Batch], Batches[Batch]]:
    """Batches of the training split, shuffled and augmented, and of the held-out one."""
    size, workers = settings.image_size, settings.workers
    train = TrainingImages(data.train, size, flip=settings.flip, hsv=settings.hsv, mosaic=settings.mosaic)
    held_out = HeldOutImages(data.val, size)
    if workers:  # each would keep pictures of its own otherwise
        data.train.preload(size)
        data.val.preload(size)
    return (
        Batches(train, settings.batch, workers=workers, device=device, order=shuffled(train), collate=collate),
        Batches(held_out, settings.batch, workers=workers, device=device, collate=collate),
    )


def _named(split: str, values: Tensor) -> dict[str, float]:
    total, box, cls = values.tolist()
    return {split: total, f"{split}/box": box, f"{split}/cls": cls}
