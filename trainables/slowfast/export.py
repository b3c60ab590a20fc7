"""The settings as a Python configuration of MMAction2's kind, which document 004 trained with, and as YAML."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from pprint import pformat
from typing import Any

import yaml

from trainables.slowfast.settings import SlowfastSettings

MODULE = "slowfast_thermal_finetuning.py"
NATIVE = "settings.yaml"


def write(settings: SlowfastSettings, directory: Path) -> list[Path]:
    """Write `MODULE` and `NATIVE` (every setting) into `directory`; returns both."""
    directory.mkdir(parents=True, exist_ok=True)
    lines = [f"{name} = {pformat(value, sort_dicts=False, width=100)}\n" for name, value in fields(settings).items()]
    module = '"""Written by steadytune, in the fields of MMAction2\'s SlowFast configurations."""\n\n' + "".join(lines)
    native = yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)
    return [_written(directory / MODULE, module), _written(directory / NATIVE, native)]


def fields(settings: SlowfastSettings) -> Mapping[str, Any]:
    """`settings` under MMAction2's names; those that it has no name for are under `steadytune`."""
    loss = (
        {"type": "CrossEntropyLoss"}
        if settings.loss != "focal"
        else {"type": "FocalLoss", "gamma": settings.focal_gamma}
    )
    optimizer: dict[str, Any] = {"type": "SGD", "lr": settings.lr, "momentum": settings.momentum}
    if settings.optimizer == "adamw":
        optimizer = {"type": "AdamW", "lr": settings.lr, "betas": (settings.momentum, 0.999)}
    height, width = settings.input_size
    return {
        "model": {
            "type": "Recognizer3D",
            "backbone": {
                "type": "ResNet3dSlowFast",
                "resample_rate": settings.alpha,
                "speed_ratio": settings.alpha,
                "channel_ratio": settings.reduction,
                "slow_pathway": {"type": "resnet3d", "depth": settings.depth, "base_channels": settings.stem_width},
                "frozen_stages": settings.freeze - 1,
            },
            "cls_head": {
                "type": "SlowFastHead",
                "dropout_ratio": settings.dropout,
                "label_smooth_eps": settings.label_smoothing,
                "loss_cls": loss,
            },
        },
        "train_pipeline": [
            {"type": "SampleFrames", "clip_len": settings.frames, "num_clips": 1},
            {"type": "RandomResizedCrop", "area_range": (settings.crop_scale_min, 1.0)},
            {"type": "Resize", "scale": (width, height), "keep_ratio": False},
            {"type": "Flip", "flip_ratio": settings.flip},
            {"type": "ColorJitter", "brightness": settings.jitter, "contrast": settings.jitter},
            {"type": "RandomErasing", "erase_prob": settings.erasing},
        ],
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


def _written(path: Path, text: str) -> Path:
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
    return path
