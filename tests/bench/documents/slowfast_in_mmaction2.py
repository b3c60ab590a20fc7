"""slowfast's exported configuration in MMEngine's and MMAction2's own code.

Neither is a dependency. With `mmengine`, `mmcv-lite<2.2` (which MMAction2 1.2.0 asks for) and MMAction2's source in a
folder of their own:

    PYTHONPATH=$PWD:MMAction2:SITE python tests/bench/documents/slowfast_in_mmaction2.py
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainables.slowfast.losses import class_loss
from trainables.slowfast.recipe import Slowfast
from trainables.slowfast.settings import SlowfastSettings
from trainables.slowfast.training import SlowfastTraining, new_network

CLASSES, STEPS = 6, 5
CASES: dict[str, dict[str, Any]] = {
    "thermal": {},
    "focal": {"loss": "focal", "focal_gamma": 1.5, "label_smoothing": 0.1},
    "weighted": {"loss": "weighted"},
    "no warm-up": {"warmup_epochs": 0},
    "all warm-up": {"epochs": 3, "warmup_epochs": 15},
    "adamw, frozen": {"optimizer": "adamw", "freeze": 2, "reduction": 4},
}


def upstream_name(name: str) -> str:
    """MMAction2's name of the weight that pytorchvideo's network has as `name`."""
    parts = name.split(".")
    block = int(parts[1])
    if block == 6:
        return "cls_head.fc_cls." + parts[-1]
    if parts[2] == "multipathway_fusion":
        lateral = "conv1_lateral" if block == 0 else f"layer{block}_lateral"
        return f"backbone.slow_path.{lateral}.{'conv' if parts[3].startswith('conv') else 'bn'}.{parts[-1]}"
    pathway = f"backbone.{('slow', 'fast')[int(parts[3])]}_path"
    if block == 0:
        return f"{pathway}.conv1.{'conv' if parts[4] == 'conv' else 'bn'}.{parts[-1]}"
    layer = f"{pathway}.layer{block}.{parts[5]}"
    if parts[6].startswith("branch1"):
        return f"{layer}.downsample.{'conv' if parts[6].endswith('conv') else 'bn'}.{parts[-1]}"
    kind, letter = parts[7].split("_")
    return f"{layer}.conv{'abc'.index(letter) + 1}.{'conv' if kind == 'conv' else 'bn'}.{parts[-1]}"


def check(name: str, settings: SlowfastSettings) -> str:
    """Load, build and compare one exported configuration."""
    from mmaction.registry import HOOKS, METRICS, MODELS, PARAM_SCHEDULERS, TRANSFORMS  # type: ignore[import-not-found]
    from mmengine.config import Config  # type: ignore[import-not-found]
    from mmengine.optim import build_optim_wrapper  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, folder)
        config = Config.fromfile(str(Slowfast().export(settings, Path(folder))[0]))
        sys.path.remove(folder)
    config.model.cls_head.num_classes = CLASSES
    weights = torch.linspace(0.5, 2.0, CLASSES)
    if settings.loss == "weighted":
        config.model.cls_head.loss_cls.class_weight = weights.tolist()
    theirs, ours = MODELS.build(config.model), new_network(settings, CLASSES)
    for loader in (config.train_dataloader, config.val_dataloader):
        for step in loader.dataset.pipeline:
            TRANSFORMS.build(step)
    METRICS.build(config.val_evaluator)
    HOOKS.build(config.custom_hooks[0])
    HOOKS.build(config.default_hooks.checkpoint)

    state = {upstream_name(name): value for name, value in ours.network.state_dict().items()}
    missing = Counter(state.keys() ^ theirs.state_dict().keys())
    assert not missing, missing
    fast = state["cls_head.fc_cls.weight"].shape[1] // (settings.reduction + 1)
    state["cls_head.fc_cls.weight"] = state["cls_head.fc_cls.weight"].roll(fast, dims=1)  # fast features come first
    theirs.load_state_dict(state)
    score = float((_scores(theirs, settings) - _scores(ours, settings)).abs().max())
    loss = _loss_gap(theirs.cls_head.loss_cls, settings, weights)

    wrapper = build_optim_wrapper(theirs, config.optim_wrapper)
    rate = _rate_gap(wrapper, [PARAM_SCHEDULERS, config.param_scheduler], settings, ours)
    return f"| {name} | {len(state)} | {score:.1e} | {loss:.1e} | {rate:.1e} |"


@torch.no_grad()
def _scores(model: nn.Module, settings: SlowfastSettings) -> Tensor:
    clips = torch.rand(2, 3, settings.frames, *settings.input_size, generator=torch.Generator().manual_seed(0))
    model.eval()
    if hasattr(model, "cls_head"):
        scores: Tensor = model.cls_head(model.backbone(clips))  # type: ignore[operator]
        return scores
    return torch.as_tensor(model(clips))


def _loss_gap(loss: Any, settings: SlowfastSettings, weights: Tensor) -> float:
    scores = torch.randn(8, CLASSES, generator=torch.Generator().manual_seed(1))
    classes = torch.arange(8) % CLASSES
    smoothing = settings.label_smoothing
    label: Tensor = classes
    if smoothing:  # as MMAction2's BaseHead
        label = (1 - smoothing) * nn.functional.one_hot(classes, CLASSES) + smoothing / CLASSES
    mine = class_loss(
        scores, classes, kind=settings.loss, gamma=settings.focal_gamma, smoothing=smoothing, weights=weights
    )
    return abs(float(loss(scores, label)) - float(mine))


def _rate_gap(wrapper: Any, scheduled: list[Any], settings: SlowfastSettings, ours: Any) -> float:
    """Largest difference of the head's and the backbone's rate over all steps, as a share of the settings' rate."""
    registry, described = scheduled
    schedulers = []
    for description in described:
        scheduler = registry.get(description["type"])
        arguments = {
            name: value for name, value in description.items() if name not in ("type", "convert_to_iter_based")
        }
        schedulers.append(scheduler.build_iter_from_epoch(wrapper, **arguments, epoch_length=STEPS))
    training = SlowfastTraining.__new__(SlowfastTraining)
    training.epochs, training._settings, training._train = settings.epochs, settings, range(STEPS)  # type: ignore[assignment]
    backbone, head = ours.parts()
    training._optimizer = torch.optim.SGD([{"name": "backbone", "params": backbone}, {"name": "head", "params": head}])
    worst = 0.0
    for step in range(settings.epochs * STEPS):
        training._set_rate(step / STEPS)
        rates = [group["lr"] for group in wrapper.param_groups]
        for mine, theirs in zip(training.rates().values(), (min(rates), max(rates)), strict=True):
            worst = max(worst, abs(mine - theirs) / settings.lr)
        wrapper.optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return worst


def main() -> None:
    """Print one row a configuration."""
    from mmaction.utils import register_all_modules  # type: ignore[import-not-found]

    register_all_modules(init_default_scope=True)
    small = {"weights": "none", "stem_width": 16, "frames": 16, "input_size": [64, 96], "warmup_epochs": 10}
    print("| configuration | weights | largest score difference | loss difference | rate difference, of lr |")
    print("| --- | --- | --- | --- | --- |")
    for name, change in CASES.items():
        print(check(name, Slowfast().settings("paper", small | change)), flush=True)


if __name__ == "__main__":
    main()
