"""One training of the RGBT detector, as the shared epoch loop drives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from ultralytics.cfg import get_cfg
from ultralytics.utils.torch_utils import ModelEMA

from trainables import device as gpu
from trainables.backends import placed
from trainables.loading import Batches, Timed
from trainables.loop import seeded
from trainables.precision import Precision, full
from trainables.recipe import Alarm
from trainables.rgbt.architecture import first_layers
from trainables.rgbt.batches import part, prepared, training_loader
from trainables.rgbt.collapse import CollapseWatch
from trainables.rgbt.data import RgbtData
from trainables.rgbt.distillation import Distillation
from trainables.rgbt.evaluation import PARTS, Batch, HeldOut
from trainables.rgbt.export import configuration
from trainables.rgbt.model import build, first_filters
from trainables.rgbt.optimizer import GRADIENT_NORM, optimizer
from trainables.rgbt.schedule import frozen_layers, phase, rate_share
from trainables.rgbt.settings import RgbtSettings
from trainables.rgbt.weights import check_fits, load_teacher, load_weights


class RgbtTraining:
    """Ultralytics' model, losses, augmentation and EMA, driven epoch by epoch; see `trainables.loop.Training`.

    Raises:
        CheckpointError: the weights cannot be had.
    """

    def __init__(self, settings: RgbtSettings, data: RgbtData) -> None:
        self.epochs = settings.epochs
        self._settings = settings
        self._data = data
        self._device = gpu.device(settings.device)
        self._args = get_cfg(overrides=arguments(settings))
        weights = load_weights(settings.weights, settings.model)
        with seeded(settings.seed, "model"):
            detector = build(settings, data.names, self._args, weights)
        if weights is not None:
            check_fits(detector, weights, settings.weights)
        self._detector = placed(detector, self._device, settings)
        self._precision = Precision(self._device, settings.mixed_precision)
        self.model: nn.Module = self._detector
        self._ema = ModelEMA(self._detector)
        self._criterion = self._detector.init_criterion()
        self._distillation = self._with_teacher() if settings.distills else None
        self._parts = (*PARTS, "distill") if self._distillation else PARTS
        trained = nn.ModuleList([self._detector, *([self._distillation.adapters] if self._distillation else [])])
        self._optimizer = optimizer(trained, settings)
        self._parameters = list(trained.parameters())
        self._held_out = HeldOut(settings, data, self._args, self._precision)
        self._watch = CollapseWatch()
        self._gradients = torch.zeros(2)
        self._train: Batches[Batch] | None = None
        self._steps: list[float] = []
        if settings.workers:  # each would keep pictures of its own otherwise
            data.train.preload(settings.image_size, settings.thermal_clahe)

    def _with_teacher(self) -> Distillation:
        settings = self._settings
        teacher = placed(load_teacher(settings.teacher), self._device, settings)
        with seeded(settings.seed, "adapters"):
            distillation = Distillation(teacher, self._detector, f"teacher {settings.teacher}")
        distillation.adapters.to(self._device)
        return distillation

    def phase(self, epoch: int) -> str:
        """See `trainables.rgbt.schedule.phase`."""
        settings = self._settings
        return phase(
            epoch,
            epochs=self.epochs,
            warmup_epochs=settings.warmup_epochs,
            close_mosaic=settings.close_mosaic,
            freeze=settings.freeze,
            unfreeze_epoch=settings.unfreeze_epoch,
        )

    def steps(self) -> list[float]:
        """See `trainables.loop.Stepwise`."""
        return self._steps

    def train_epoch(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """Train on each pair once. "train" is minimised.

        Its parts are of YOLO26's one-to-one head alone, and "train/distill" what the teacher adds, with its weight.
        """
        self._begin(epoch)
        self._steps = []
        loader = self._loader(epoch)
        sums = torch.zeros(1 + len(self._parts), dtype=torch.float64)
        self._gradients = torch.zeros(2)
        batches = Timed(loader)
        for step, batch in enumerate(batches):
            self._set_rates(epoch, step, len(loader))
            values = self._backward(prepared(batch, self._settings, self._device))
            self._step()
            sums += values
            self._steps.append(float(values[0]))
        seconds = batches.seconds()
        self._gradients /= len(loader)
        total_mean, *means = (sums / len(loader)).tolist()
        losses = {"train": total_mean} | {
            f"train/{name}": value for name, value in zip(self._parts, means, strict=True)
        }
        return losses, seconds

    def evaluate(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """COCO average precision of the EMA: of all pairs, by scene, with thermal blanked; and the thermal filters."""
        metrics, losses = self._held_out.evaluate(self._ema.ema)
        weight = torch.cat(first_filters(self._detector), dim=1).detach()
        rgb, thermal = self._gradients.tolist()
        metrics |= {"thermal/gradient": thermal, "thermal/weight": float(weight[:, 3].norm()), "rgb/gradient": rgb}
        if self._settings.modality == "rgbt":
            blanked = metrics["no_thermal/map50_95"]
            self._watch.look(thermal=thermal, rgb=rgb, with_thermal=metrics["map50_95"], blanked=blanked)
        return metrics, losses

    def alarm(self) -> Alarm | None:
        """Modality collapse; never of a training that is meant to see RGB alone."""
        return self._watch.alarm()

    def rates(self) -> dict[str, float]:
        """Learning rates of weights, norms and biases."""
        return {group["name"]: float(group["lr"]) for group in self._optimizer.param_groups}

    def state(self) -> dict[str, Any]:
        """Weights, their EMA, the optimizer's moments, the collapse watch and the classes' names."""
        return {
            "names": list(self._data.names),
            "model": self._detector.state_dict(),
            "ema": self._ema.ema.state_dict(),
            "updates": self._ema.updates,
            "optimizer": self._optimizer.state_dict(),
            "watch": asdict(self._watch),
            **self._precision.state(),
            **(self._distillation.state() if self._distillation else {}),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned."""
        self._detector.load_state_dict(state["model"])
        self._ema.ema.load_state_dict(state["ema"])
        self._ema.updates = state["updates"]
        self._optimizer.load_state_dict(state["optimizer"])
        self._precision.load_state(state)
        if self._distillation:
            self._distillation.load_state(state)
        self._watch = CollapseWatch(**state["watch"])

    def close(self) -> None:
        """End the processes that prepare batches."""
        self._train = None
        self._held_out.close()

    def _loader(self, epoch: int) -> Batches[Batch]:
        """One for all epochs with mosaic, one for those without."""
        closing = epoch == 1 + self.epochs - self._settings.close_mosaic
        if self._train is None or closing:
            self._train = training_loader(self._settings, self._data, self._args, epoch, self._device)
        return self._train

    def _begin(self, epoch: int) -> None:
        """Freeze what the epoch freezes, batch-norms too, and set the weights of YOLO26's two heads for it."""
        settings = self._settings
        self.model.train()
        layers = frozen_layers(epoch, freeze=settings.freeze, unfreeze_epoch=settings.unfreeze_epoch)
        frozen = {first + layer for first in first_layers(settings.fusion) for layer in layers}
        for number, layer in enumerate(self._detector.model):
            layer.requires_grad_(number not in frozen)
            for module in layer.modules():
                if number in frozen and isinstance(module, nn.BatchNorm2d):
                    module.eval()
        self._criterion.updates = epoch - 2  # so that this is the update after epoch - 1, in a resumed training too
        self._criterion.update()

    def _set_rates(self, epoch: int, step: int, steps: int) -> None:
        settings = self._settings
        share = rate_share(
            epoch, step, steps=steps, epochs=self.epochs, warmup_epochs=settings.warmup_epochs, lrf=settings.lrf
        )
        for group in self._optimizer.param_groups:
            group["lr"] = settings.lr0 * share

    def _backward(self, batch: Batch) -> Tensor:
        """Add the gradients of a batch, a part of it at a time; returns its losses: all, then their parts."""
        count = len(batch["img"])
        values = torch.zeros(1 + len(self._parts), dtype=torch.float64)
        for images in torch.arange(count).chunk(self._settings.batch_parts):
            total, parts = self._loss(part(batch, int(images[0]), len(images)))
            self._precision.backward(total)  # Ultralytics' loss is the mean times the number of images
            means = torch.stack([total.detach() / len(images), *parts]).double().cpu()
            values += means * (len(images) / count)
        return values

    def _loss(self, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        with self._precision.autocast():
            predictions = self._detector(batch["img"])
            taught = self._distillation.taught(batch["taught_img"]) if self._distillation else {}
        predictions = full(predictions)
        totals, parts = self._criterion(predictions, batch)
        total, values = totals.sum(), list(parts.values())
        if self._distillation:
            features = predictions["one2many"]["feats"]
            distance = self._distillation.loss(features, full(taught)) * self._settings.distill_weight
            total = total + distance * len(batch["img"])
            values.append(distance.detach())
        return total, values

    def _step(self) -> None:
        """One optimizer step on the clipped gradient; notes what reached the first RGB and thermal filters."""
        self._precision.unscale(self._optimizer)
        gradients = [weight.grad for weight in first_filters(self._detector) if weight.grad is not None]
        if gradients:
            gradient = torch.cat(gradients, dim=1)
            self._gradients += torch.stack([gradient[:, :3].norm(), gradient[:, 3].norm()]).cpu()
        nn.utils.clip_grad_norm_(self._parameters, GRADIENT_NORM)
        self._precision.step(self._optimizer)
        self._optimizer.zero_grad(set_to_none=True)
        self._ema.update(self._detector)


def new_training(settings: RgbtSettings, data: RgbtData, workdir: Path) -> RgbtTraining:
    """A training from its start; see `trainables.loop_recipe.PackageRecipe`."""
    return RgbtTraining(settings, data)


def arguments(settings: RgbtSettings) -> dict[str, Any]:
    """Ultralytics' configuration without what names files or devices, which it would look for."""
    left_out = {"task", "mode", "model", "data", "pretrained", "device", "distill_model"}
    return {name: value for name, value in configuration(settings).items() if name not in left_out}
