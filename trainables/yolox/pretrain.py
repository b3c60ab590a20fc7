"""Trains the small backbone that the tiny preset freezes: `python -m trainables.yolox.pretrain`, minutes on a core.

It sees all ten digits, in training handwriting only, so nothing that a sweep is scored on. Its weights are kept in half
precision; the batch-norm statistics are taken anew with those, in full: the input's variance is beyond half's range.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainables.samples.coco_digits import write_coco
from trainables.torch_file import load_torch
from trainables.yolox.data import CocoData, open_coco
from trainables.yolox.images import HeldOut, Pictures
from trainables.yolox.recipe import Yolox
from trainables.yolox.settings import YoloxSettings
from trainables.yolox.training import YoloxTraining
from trainables.yolox.weights import PREFIX, SHIPPED

OVERRIDES: dict[str, Any] = {
    "epochs": 15,
    "lr": 1e-4,
    "lr_scale": 2000.0,
    "weights": "none",
    "freeze": "none",
    "ema": False,
    "schedule": "yoloxwarmcos",
    "warmup_epochs": 2,
    "no_aug_epochs": 4,
    "min_lr_ratio": 0.05,
}


def trained(data: CocoData, settings: YoloxSettings, folder: Path) -> dict[str, Tensor]:
    """The last weights of a training from random ones, in half precision."""
    for epoch in Yolox().train(settings, data, folder):
        print(f"epoch {epoch.epoch}: loss {epoch.losses['train']:.3f}, map50 {epoch.metrics['map50']:.3f}", flush=True)
    epoch.save(folder)
    state = load_torch(folder / "state.pt")["training"]["model"]
    return {name: value.half() for name, value in state.items() if "running_" not in name}


def with_statistics(weights: dict[str, Tensor], data: CocoData, settings: YoloxSettings) -> dict[str, Tensor]:
    """`weights` of backbone and neck, and the batch-norm statistics that the training images have with them."""
    training = YoloxTraining(settings, data)
    model = training.model
    model.load_state_dict(weights, strict=False)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a plain mean over the batches
    model.train()
    images = HeldOut(Pictures(data.train, settings.input_size, data.cache))
    backbone = model.get_submodule(PREFIX.rstrip("."))
    with torch.no_grad():
        for pixels, _, _ in torch.utils.data.DataLoader(images, batch_size=50):
            backbone(pixels)
    weights = {name: value for name, value in model.state_dict().items() if name.startswith(PREFIX)}
    return {name: value if "running_" in name else value.half() for name, value in weights.items()}


def main() -> None:
    """Train, take the statistics, and write `weights.SHIPPED`."""
    torch.set_num_threads(1)
    settings = Yolox().settings("tiny", OVERRIDES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = open_coco(write_coco(folder / "digits", digits=range(10), train=500, val=60, seed=7))
        weights = with_statistics(trained(data, settings, folder), data, settings)
    torch.save({"model": weights}, SHIPPED["digits"])


if __name__ == "__main__":
    main()
