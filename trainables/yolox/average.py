"""Upstream's moving average of the weights, updated in a few calls."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from yolox.utils import ModelEMA

DECAY = 0.9998
"""That of upstream's trainer."""


class MovingAverage(ModelEMA):  # type: ignore[misc]
    """Upstream's `ModelEMA` of `model`: the same bits, without its walk over both models' tensors one by one."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model, DECAY)
        averaged, trained = self.ema.state_dict(), model.state_dict()
        # Both models are changed and loaded in place alone, so these stay their tensors.
        names = [name for name, value in averaged.items() if value.is_floating_point()]
        self._averaged: list[Tensor] = [averaged[name] for name in names]
        self._trained: list[Tensor] = [trained[name] for name in names]

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in one step of the model that this was made of."""
        self.updates += 1
        decay = self.decay(self.updates)
        torch._foreach_mul_(self._averaged, decay)
        torch._foreach_add_(self._averaged, torch._foreach_mul(self._trained, 1.0 - decay))
