"""The optimizer, with Ultralytics' three groups of parameters."""

from __future__ import annotations

import torch
from torch import nn

from trainables.rgbt.settings import RgbtSettings

GRADIENT_NORM = 10.0
"""The gradient is cut to this norm before each step: Ultralytics' trainer."""


def optimizer(model: nn.Module, settings: RgbtSettings) -> torch.optim.Optimizer:
    """SGD or AdamW over the weights, which alone decay, the norms and the biases, as `BaseTrainer.build_optimizer`."""
    weights: list[nn.Parameter] = []
    norms: list[nn.Parameter] = []
    biases: list[nn.Parameter] = []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if "bias" in name:
                biases.append(parameter)
            elif isinstance(module, nn.BatchNorm2d):
                norms.append(parameter)
            else:
                weights.append(parameter)
    groups = [
        {"name": "weight", "params": weights, "weight_decay": settings.weight_decay},
        {"name": "norm", "params": norms, "weight_decay": 0.0},
        {"name": "bias", "params": biases, "weight_decay": 0.0},
    ]
    if settings.optimizer == "SGD":
        nesterov = settings.momentum > 0
        return torch.optim.SGD(groups, lr=settings.lr0, momentum=settings.momentum, nesterov=nesterov, foreach=True)
    return torch.optim.AdamW(groups, lr=settings.lr0, betas=(settings.beta1, 0.999), foreach=True)
