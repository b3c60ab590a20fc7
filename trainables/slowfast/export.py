"""The settings as a configuration of MMAction2, which the thermal SlowFast report (document 004) trained with."""

from __future__ import annotations

from collections.abc import Mapping
from pprint import pformat
from typing import Any

from trainables.slowfast.settings import SlowfastSettings

MODULES = {
    "slowfast": "slowfast_thermal_finetuning.py",
    "slow": "slowonly_thermal_finetuning.py",
    "x3d": "x3d_thermal_finetuning.py",
}
"""The file of a configuration, by the setting `model`."""
FOCAL_MODULE = "steadytune_focal_loss.py"
MIDDLE, SPREAD = 0.45 * 255, 0.225 * 255
"""As `clips.MIDDLE` and `SPREAD`, for the frames from 0 to 255 that MMAction2's pipeline works on."""
FLOOR = 0.01
"""As `training.FLOOR`."""
START = 1e-6
"""Share of the learning rate in the first step. MMEngine's LinearLR divides by its start and cannot begin at 0."""
PATIENCE = 20
"""Epochs without a better one, after which document 004's training ended."""
BEST = "acc/mean1"
"""What MMAction2's AccMetric calls the mean class accuracy."""
SMALLEST_BOTTLENECK_DEPTH = 50
X3D_STEM, X3D_FEATURES = 24, 432
"""Channels of MMAction2's X3D with `gamma_w` 1: of its stem, and of what its head gets."""

HEADER = '''"""Written by steadytune, in the fields of MMAction2's {model} configurations.

To fill in, because your data have it and these settings do not: `model.cls_head.num_classes`, the `type` and files of
both data sets (frames from 0 to 255, in three equal channels){weights}.

If your clips have more than {frames} frames, over which the training spread its own evenly: `frame_interval` of both
`SampleFrames`: the frames of a clip / {frames}{interval}.{untrained}
"""

'''
CLASS_WEIGHTS = """, and `model.cls_head.loss_cls.class_weight`: for each
class, the number of clips / (number of classes * clips of that class)"""

NAMES = {"slowfast": "SlowFast", "slow": "SlowOnly", "x3d": "X3D"}
"""What MMAction2 calls a network, by the setting `model`."""
UNTRAINED = """

MMAction2's own X3D configurations are for tests alone; it has trained none."""

FOCAL = '''"""Written by steadytune. MMAction2's own CBFocalLoss is another loss: sigmoid, and weighted by class."""

import torch
from mmaction.models.losses import BaseWeightedLoss
from mmaction.registry import MODELS
from torch.nn.functional import cross_entropy


@MODELS.register_module()
class SoftmaxFocalLoss(BaseWeightedLoss):
    """Mean of (1 - p) ** gamma * cross-entropy, where p is the probability of the right class."""

    def __init__(self, loss_weight=1.0, gamma=2.0):
        super().__init__(loss_weight=loss_weight)
        self.gamma = gamma

    def _forward(self, cls_score, label, **kwargs):
        each = cross_entropy(cls_score, label, reduction="none")
        right = label if label.dim() == 1 else label.argmax(dim=1)
        share = cls_score.softmax(dim=1).gather(1, right[:, None]).squeeze(1)
        return torch.mean((1 - share).clamp(min=1e-8) ** self.gamma * each)  # of 0 the slope may be infinite
'''


def files(settings: SlowfastSettings) -> dict[str, str]:
    """A configuration in the fields of MMAction2's; with a focal loss, `FOCAL_MODULE` too."""
    lines = [f"{name} = {pformat(value, sort_dicts=False, width=100)}\n" for name, value in fields(settings).items()]
    header = HEADER.format(
        model=NAMES[settings.model],
        weights=CLASS_WEIGHTS if settings.loss == "weighted" else "",
        frames=settings.frames,
        interval=f" * {settings.alpha}" if settings.model == "slow" else "",
        untrained=UNTRAINED if settings.model == "x3d" else "",
    )
    focal = {FOCAL_MODULE: FOCAL} if settings.loss == "focal" else {}
    return {MODULES[settings.model]: header + "".join(lines)} | focal


def fields(settings: SlowfastSettings) -> Mapping[str, Any]:
    """`settings` under MMAction2's and MMEngine's names; those that they have no name for are under `steadytune`."""
    optimizer: dict[str, Any] = {"type": "SGD", "lr": settings.lr, "momentum": settings.momentum}
    if settings.optimizer == "adamw":
        optimizer = {"type": "AdamW", "lr": settings.lr, "betas": (settings.momentum, 0.999)}
    focal = {"custom_imports": {"imports": [FOCAL_MODULE.removesuffix(".py")]}} if settings.loss == "focal" else {}
    return {
        "default_scope": "mmaction",
        **focal,
        "model": {
            "type": "Recognizer3D",
            "backbone": _backbone(settings),
            "cls_head": _head(settings),
            "data_preprocessor": {
                "type": "ActionDataPreprocessor",
                "mean": [MIDDLE] * 3,
                "std": [SPREAD] * 3,
                "format_shape": "NCTHW",
            },
        },
        "train_dataloader": _loader(settings, _training_pipeline(settings), shuffle=True),
        "val_dataloader": _loader(settings, _held_out_pipeline(settings), shuffle=False),
        "val_evaluator": {"type": "AccMetric"},
        "optim_wrapper": {
            **({"type": "AmpOptimWrapper", "dtype": "bfloat16"} if settings.mixed_precision else {}),
            "optimizer": optimizer | {"weight_decay": settings.weight_decay},
            "paramwise_cfg": {"custom_keys": {"backbone": {"lr_mult": settings.backbone_lr_ratio}}},
        },
        "param_scheduler": _schedulers(settings),
        "train_cfg": {"type": "EpochBasedTrainLoop", "max_epochs": settings.epochs, "val_interval": 1},
        "val_cfg": {"type": "ValLoop"},
        "default_hooks": {"checkpoint": {"type": "CheckpointHook", "save_best": BEST, "rule": "greater"}},
        "custom_hooks": [
            {
                "type": "EarlyStoppingHook",
                "monitor": BEST,
                "rule": "greater",
                "min_delta": 0.0,
                "patience": PATIENCE,
            }
        ],
        "randomness": {"seed": settings.seed},
        "steadytune": {"sampling": settings.sampling, "weights": settings.weights},
    }


def _schedulers(settings: SlowfastSettings) -> list[dict[str, Any]]:
    """A line up to the rate, then half a cosine down to `FLOOR` of it, by step; MMEngine refuses one of length 0."""
    warmup = settings.warmup_epochs
    by_step = {"by_epoch": True, "convert_to_iter_based": True}
    schedulers: list[dict[str, Any]] = []
    if warmup:
        schedulers.append({"type": "LinearLR", "start_factor": START, "begin": 0, "end": warmup, **by_step})
    if warmup < settings.epochs:
        cosine = {"type": "CosineAnnealingLR", "eta_min_ratio": FLOOR, "begin": warmup, "end": settings.epochs}
        schedulers.append(cosine | by_step)
    return schedulers


def _backbone(settings: SlowfastSettings) -> dict[str, Any]:
    if settings.model == "x3d":
        return {
            "type": "X3D",
            "gamma_w": settings.stem_width / X3D_STEM,
            "gamma_b": 2.25,
            "gamma_d": settings.x3d_depth,
            "norm_cfg": {"type": "BN3d", "requires_grad": True, "momentum": settings.norm_momentum},
            "norm_eval": False,
            "frozen_stages": settings.freeze - 1,
        }
    if settings.model == "slow":
        pathway = _pathway(settings, settings.stem_width, kernel=1)
        return pathway | {"type": "ResNet3dSlowOnly", "lateral": False, "inflate": (0, 0, 1, 1)}
    slow = _pathway(settings, settings.stem_width, kernel=1)
    fast = _pathway(settings, settings.stem_width // settings.reduction, kernel=5)
    # pytorchvideo's lateral convolutions have a batch-norm and a ReLU, MMAction2's only if asked for.
    lateral = {"lateral": True, "lateral_norm": True, "fusion_kernel": settings.fusion_kernel}
    return {
        "type": "ResNet3dSlowFast",
        "resample_rate": settings.alpha,
        "speed_ratio": settings.alpha,
        "channel_ratio": settings.reduction,
        "slow_pathway": slow | lateral | {"inflate": (0, 0, 1, 1)},
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
        "norm_cfg": {"type": "BN3d", "requires_grad": True, "momentum": settings.norm_momentum},
        "norm_eval": False,
        "frozen_stages": settings.freeze - 1,
    }


def _head(settings: SlowfastSettings) -> dict[str, Any]:
    loss: dict[str, Any] = {"type": "CrossEntropyLoss"}
    if settings.loss == "weighted":
        loss["class_weight"] = []  # the first step is refused until it is filled in
    if settings.loss == "focal":
        loss = {"type": "SoftmaxFocalLoss", "gamma": settings.focal_gamma}
    shared = {"dropout_ratio": settings.dropout, "label_smooth_eps": settings.label_smoothing, "loss_cls": loss}
    if settings.model == "x3d":
        channels = round(X3D_FEATURES * settings.stem_width / X3D_STEM)
        return {"type": "X3DHead", "in_channels": channels, "fc1_bias": False, **shared, "average_clips": "prob"}
    features = settings.stem_width * (32 if settings.depth >= SMALLEST_BOTTLENECK_DEPTH else 8)  # the last slow stage's
    if settings.model == "slow":
        return {"type": "I3DHead", "in_channels": features, **shared, "average_clips": "prob"}
    channels = features + features // settings.reduction
    return {"type": "SlowFastHead", "in_channels": channels, **shared, "average_clips": "prob"}


def _loader(settings: SlowfastSettings, pipeline: list[dict[str, Any]], *, shuffle: bool) -> dict[str, Any]:
    return {
        "batch_size": settings.batch,
        "num_workers": settings.workers,
        "sampler": {"type": "DefaultSampler", "shuffle": shuffle},
        "dataset": {"pipeline": pipeline},
    }


def _frames(settings: SlowfastSettings) -> dict[str, int]:
    """Which frames of a clip are taken: all that the training took, but those of SlowOnly's one pathway alone."""
    if settings.model == "slow":
        return {"clip_len": settings.frames // settings.alpha, "frame_interval": settings.alpha}
    return {"clip_len": settings.frames}


def _training_pipeline(settings: SlowfastSettings) -> list[dict[str, Any]]:
    height, width = settings.input_size
    jitter = {"brightness": settings.jitter, "contrast": settings.jitter, "saturation": 0.0, "hue": 0.0}
    erasing = {"max_area_ratio": 0.33, "aspect_range": (0.3, 3.3), "fill_color": (round(MIDDLE),) * 3}  # torchvision's
    return [
        {"type": "SampleFrames", **_frames(settings), "num_clips": 1},
        {"type": "RandomResizedCrop", "area_range": (settings.crop_scale_min, 1.0)},
        {"type": "Resize", "scale": (width, height), "keep_ratio": False},
        {"type": "Flip", "flip_ratio": settings.flip},
        {"type": "ColorJitter", **jitter},
        {"type": "RandomErasing", "erase_prob": settings.erasing, **erasing},
        {"type": "FormatShape", "input_format": "NCTHW"},
        {"type": "PackActionInputs"},
    ]


def _held_out_pipeline(settings: SlowfastSettings) -> list[dict[str, Any]]:
    height, width = settings.input_size
    return [
        {"type": "SampleFrames", **_frames(settings), "num_clips": 1, "test_mode": True},
        {"type": "Resize", "scale": (width, height), "keep_ratio": False},
        {"type": "FormatShape", "input_format": "NCTHW"},
        {"type": "PackActionInputs"},
    ]
