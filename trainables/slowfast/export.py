"""The settings as a configuration of MMAction2, which the thermal SlowFast report (document 004) trained with."""

from __future__ import annotations

from collections.abc import Mapping
from pprint import pformat
from typing import Any

from trainables.slowfast.settings import SlowfastSettings

MODULE = "slowfast_thermal_finetuning.py"


def files(settings: SlowfastSettings) -> dict[str, str]:
    """`MODULE`: a configuration in the fields of MMAction2's SlowFast ones."""
    lines = [f"{name} = {pformat(value, sort_dicts=False, width=100)}\n" for name, value in fields(settings).items()]
    module = '"""Written by steadytune, in the fields of MMAction2\'s SlowFast configurations."""\n\n' + "".join(lines)
    return {MODULE: module}


def fields(settings: SlowfastSettings) -> Mapping[str, Any]:
    """`settings` under MMAction2's names; those that it has no name for are under `steadytune`.

    The head's `num_classes` and the data set's class are not among the settings: the data have them.
    """
    optimizer: dict[str, Any] = {"type": "SGD", "lr": settings.lr, "momentum": settings.momentum}
    if settings.optimizer == "adamw":
        optimizer = {"type": "AdamW", "lr": settings.lr, "betas": (settings.momentum, 0.999)}
    return {
        "model": {"type": "Recognizer3D", "backbone": _backbone(settings), "cls_head": _head(settings)},
        "train_pipeline": _pipeline(settings),
        "train_dataloader": {"batch_size": settings.batch, "num_workers": settings.workers},
        "optim_wrapper": {
            "optimizer": optimizer | {"weight_decay": settings.weight_decay},
            "paramwise_cfg": {"custom_keys": {"backbone": {"lr_mult": settings.backbone_lr_ratio}}},
        },
        "param_scheduler": [
            {"type": "LinearLR", "by_epoch": True, "begin": 0, "end": settings.warmup_epochs},
            {"type": "CosineAnnealingLR", "by_epoch": True, "begin": settings.warmup_epochs, "end": settings.epochs},
        ],
        "train_cfg": {"type": "EpochBasedTrainLoop", "max_epochs": settings.epochs, "val_interval": 1},
        "steadytune": {
            "sampling": settings.sampling,
            "loss": settings.loss,
            "norm_momentum": settings.norm_momentum,
            "weights": settings.weights,
            "seed": settings.seed,
        },
    }


def _backbone(settings: SlowfastSettings) -> dict[str, Any]:
    slow = _pathway(settings, settings.stem_width, kernel=1)
    fast = _pathway(settings, settings.stem_width // settings.reduction, kernel=5)
    return {
        "type": "ResNet3dSlowFast",
        "resample_rate": settings.alpha,
        "speed_ratio": settings.alpha,
        "channel_ratio": settings.reduction,
        "slow_pathway": slow | {"lateral": True, "inflate": (0, 0, 1, 1)},
        "fast_pathway": fast | {"lateral": False},
    }


def _pathway(settings: SlowfastSettings, channels: int, kernel: int) -> dict[str, Any]:
    """What both pathways have in MMAction2's `slowfast_r50.py`, with `kernel` frames in the first convolution."""
    return {
        "type": "resnet3d",
        "depth": settings.depth,
        "pretrained": None,
        "base_channels": channels,
        "conv1_kernel": (kernel, 7, 7),
        "conv1_stride_t": 1,
        "pool1_stride_t": 1,
        "frozen_stages": settings.freeze - 1,
    }


def _head(settings: SlowfastSettings) -> dict[str, Any]:
    loss: dict[str, Any] = {"type": "CrossEntropyLoss"}
    if settings.loss == "focal":
        loss = {"type": "FocalLoss", "gamma": settings.focal_gamma}
    features = settings.stem_width * (32 if settings.depth >= 50 else 8)  # of the slow pathway's last stage
    return {
        "type": "SlowFastHead",
        "in_channels": features + features // settings.reduction,
        "dropout_ratio": settings.dropout,
        "label_smooth_eps": settings.label_smoothing,
        "loss_cls": loss,
    }


def _pipeline(settings: SlowfastSettings) -> list[dict[str, Any]]:
    height, width = settings.input_size
    return [
        {"type": "SampleFrames", "clip_len": settings.frames, "num_clips": 1},
        {"type": "RandomResizedCrop", "area_range": (settings.crop_scale_min, 1.0)},
        {"type": "Resize", "scale": (width, height), "keep_ratio": False},
        {"type": "Flip", "flip_ratio": settings.flip},
        {"type": "ColorJitter", "brightness": settings.jitter, "contrast": settings.jitter},
        {"type": "RandomErasing", "erase_prob": settings.erasing},
    ]
