"""Upstream's configuration and model, extended for the YOLOX stability report (document 001).

Depends on yolox and torch alone.

The training builds its parts from `Experiment`; the exporter writes this very file with the values of a training below
it, so upstream's own trainer is given what was tuned.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from yolox.config import YoloxConfig
from yolox.models import YoloPafpn, YoloxHead, YoloxModule
from yolox.utils import LRScheduler

CHANNELS = [256, 512, 1024]
UPSTREAM = {"iou_loss": 5.0, "conf_loss": 1.0, "cls_loss": 1.0, "l1_loss": 1.0}
"""Weights of the losses that upstream's head has fixed in its code."""
MIDDLE = 1 / 3
"""Share of the rate at which fine-tuning begins: the report goes 3e-4, 1e-4, 3e-5."""


class Detector(YoloxModule):  # type: ignore[misc]
    """YOLOX with frozen parts that stay frozen, and losses of any weight; `weights` by the names of `UPSTREAM`."""

    def __init__(self, backbone: YoloPafpn, head: YoloxHead, freeze: str, weights: dict[str, float]) -> None:
        super().__init__(backbone, head)
        self.shares = {name: weights[name] / usual for name, usual in UPSTREAM.items()}
        # Upstream calls the whole of backbone and neck "backbone", and its CSPDarknet the backbone of that.
        self._frozen = {"none": [], "backbone": [backbone.backbone], "backbone+neck": [backbone]}[freeze]
        for part in self._frozen:
            part.requires_grad_(False)
        # In mixed precision boxes and losses are float32 all the same: 16 bits place no box to the pixel.
        head.register_forward_pre_hook(_full_inputs)
        for convolution in (*head.reg_preds, *head.obj_preds, *head.cls_preds):
            convolution.register_forward_hook(_full_output)

    def train(self, mode: bool = True) -> Detector:
        """Switch to training; the statistics of frozen batch-norms stay as they are."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self

    def weighted(self, parts: dict[str, Any]) -> dict[str, Any]:
        """Upstream's losses of a batch by name, with the weights of this training in place of upstream's."""
        losses = {name: parts[name] * share for name, share in self.shares.items()}
        added = sum(parts[name] * (share - 1) for name, share in self.shares.items() if share != 1)
        return parts | losses | {"total_loss": parts["total_loss"] + added}

    def forward(self, images: torch.Tensor, targets: torch.Tensor | None = None) -> Any:
        """Losses by name while training, predictions (B, N, 5 + C) otherwise."""
        outputs = super().forward(images, targets)
        return self.weighted(outputs) if self.training else outputs


def _full_inputs(head: torch.nn.Module, inputs: Any) -> Any:
    features, *others = inputs
    return (tuple(level.float() for level in features), *others)


def _full_output(convolution: torch.nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
    return output.float()


class ThreePhases:
    """The report's learning rate: a line from 0 to `lr`, half a cosine to a third of it, another to the least."""

    def __init__(self, lr: float, steps: int, *, epochs: int, warmup: int, finetune: int, least: float) -> None:
        self._lr = lr
        self._rise = steps * warmup
        self._fall = max(self._rise, steps * (epochs - finetune))
        self._end = steps * epochs
        self._least = least

    def update_lr(self, step: int) -> float:
        """The rate at `step`, counted from 0 over the whole training."""
        if step < self._rise:
            return self._lr * step / self._rise
        middle = max(MIDDLE, self._least)
        if step < self._fall:
            share = _cosine(1.0, middle, (step - self._rise) / (self._fall - self._rise))
        else:
            share = _cosine(middle, self._least, (step - self._fall) / max(1, self._end - self._fall))
        return self._lr * share


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


class Experiment(YoloxConfig):  # type: ignore[misc]
    """A YOLOX configuration with the parts to freeze, the weight of the box loss and the schedule."""

    def __init__(self) -> None:
        super().__init__("steadytune")
        self.freeze = "none"
        self.loss_weights = dict(UPSTREAM)
        self.norm_momentum = 0.03

    def get_model(self) -> Detector:
        """The model, built on the first call."""
        if getattr(self, "model", None) is None:
            backbone = YoloPafpn(self.depth, self.width, in_channels=CHANNELS, act=self.act)
            head = YoloxHead(self.num_classes, self.width, in_channels=CHANNELS, act=self.act)
            self.model = Detector(backbone, head, self.freeze, self.loss_weights)
        model: Detector = super().get_model()
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = self.norm_momentum
        return model

    def get_lr_scheduler(self, lr: float, iters_per_epoch: int) -> ThreePhases | LRScheduler:
        """`ThreePhases`, or a schedule of upstream's."""
        if self.scheduler != "three_phase":
            return super().get_lr_scheduler(lr, iters_per_epoch)
        return ThreePhases(
            lr,
            iters_per_epoch,
            epochs=self.max_epoch,
            warmup=self.warmup_epochs,
            finetune=self.no_aug_epochs,
            least=self.min_lr_ratio,
        )
