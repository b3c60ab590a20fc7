"""The settings as Ultralytics' own configuration, and in our form. The training itself reads the former."""

from __future__ import annotations

from typing import Any

import yaml

from trainables.rgbt.architecture import first_layers, model_yaml
from trainables.rgbt.settings import TEACHERS, RgbtSettings

CONFIG = "train.yaml"

HEADER = """\
# Written by steadytune. In this folder:
#   python -m trainables.rgbt.stacked YOUR/data.yaml .    # data.yaml and 4-channel images out of your pairs
#   yolo train cfg=train.yaml
# Ultralytics has no name for these, which settings.yaml keeps: {ours}
"""


def files(settings: RgbtSettings) -> dict[str, str]:
    """`CONFIG` and the model that it names."""
    described = model_yaml(settings.model, settings.fusion)
    config = configuration(settings)
    header = HEADER.format(ours=", ".join(f"{name}={value}" for name, value in without_upstream_name(settings).items()))
    return {
        CONFIG: header + yaml.safe_dump(config, sort_keys=False),
        str(config["model"]): yaml.safe_dump(described, sort_keys=False),
    }


def configuration(settings: RgbtSettings) -> dict[str, Any]:
    """`settings` under Ultralytics' names.

    What Ultralytics does behind a search space is switched off: accumulation to `nbs` 64 images and the scaling of
    weight decay that goes with it, the rise of the biases' rate from 0.1, the momentum's own warm-up.
    """
    momentum = settings.momentum if settings.optimizer == "SGD" else settings.beta1
    return {
        "task": "detect",
        "mode": "train",
        "model": f"yolo26{settings.model}{'-two-stream' if settings.fusion == 'two-stream' else ''}.yaml",
        "data": "data.yaml",
        "epochs": settings.epochs,
        "imgsz": settings.image_size,
        "batch": settings.batch,
        "nbs": settings.batch,
        "optimizer": settings.optimizer,
        "lr0": settings.lr0,
        "lrf": settings.lrf,
        "momentum": momentum,
        "weight_decay": settings.weight_decay,
        "warmup_epochs": settings.warmup_epochs,
        "warmup_momentum": momentum,
        "warmup_bias_lr": 0.0,
        "box": settings.box,
        "cls": settings.cls,
        "dfl": settings.l1,
        "mosaic": settings.mosaic,
        "mixup": settings.mixup,
        "cutmix": settings.cutmix,
        "fliplr": settings.fliplr,
        "translate": settings.translate,
        "scale": settings.scale,
        "close_mosaic": settings.close_mosaic,
        "multi_scale": settings.multi_scale,
        "freeze": [first + layer for first in first_layers(settings.fusion) for layer in range(1, settings.freeze)]
        or None,
        "pretrained": _pretrained(settings),
        "distill_model": _teacher(settings) if settings.distills else None,
        "dis": settings.distill_weight,
        "amp": "bf16" if settings.mixed_precision else False,
        "seed": settings.seed,
        "workers": settings.workers,
        "device": None if settings.device == "auto" else settings.device.removeprefix("cuda:").replace("cuda", "0"),
    }


def without_upstream_name(settings: RgbtSettings) -> dict[str, Any]:
    """The settings that Ultralytics has no name for."""
    names = ["modality", "fusion", "thermal_init", "modality_dropout", "thermal_clahe", "hsv"]
    names += ["norm_momentum", "unfreeze_epoch"]
    if settings.weights != "none" and not _pretrained(settings):
        names.append("weights")
    if settings.distills and not _teacher(settings):
        names.append("teacher")
    return {name: getattr(settings, name) for name in names}


def _teacher(settings: RgbtSettings) -> str | None:
    """The teacher as a file that Ultralytics can read; None: it is a checkpoint directory of ours."""
    if settings.teacher in TEACHERS:
        return f"{settings.teacher}.pt"
    return settings.teacher if settings.teacher.endswith(".pt") else None


def _pretrained(settings: RgbtSettings) -> str | bool:
    if settings.fusion == "two-stream":
        return False  # Ultralytics would find one backbone's weights under no name of the two
    if settings.weights == "ultralytics":
        return f"yolo26{settings.model}.pt"
    return settings.weights if settings.weights.endswith(".pt") else False  # no checkpoint directory of ours
