"""The settings as a YOLOX configuration: what the training is built from, and what upstream's trainer loads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainables.yolox.settings import YoloxSettings

MODULE = "yolox_experiment.py"
REFERENCE_BATCH = 32
"""Images that the setting `lr` is for."""
HEADER = '''"""Written by steadytune; upstream's trainer loads it from this folder:

    yolox train -c yolox_experiment:Tuned -b {batch} -D data_dir=DATA -D num_classes=CLASSES{mixed}{checkpoint}

Upstream closes mosaic one epoch before its last {no_aug} epochs; steadytune closed it with them.
Upstream trains on at most 120 objects of an image; steadytune on all of them.
"""
'''


def fields(settings: YoloxSettings) -> Mapping[str, Any]:
    """`settings` under the names of upstream's `YoloxConfig`."""
    size = tuple(settings.input_size)
    return {
        "max_epoch": settings.epochs,
        "input_size": size,
        "test_size": size,
        "basic_lr_per_img": settings.lr * settings.lr_scale / REFERENCE_BATCH,
        "momentum": settings.momentum,
        "weight_decay": settings.weight_decay,
        "scheduler": settings.schedule,
        "warmup_epochs": settings.warmup_epochs,
        "min_lr_ratio": settings.min_lr_ratio,
        "no_aug_epochs": settings.no_aug_epochs,
        "mosaic_prob": settings.mosaic_prob,
        "mixup_prob": settings.mixup_prob,
        "hsv_prob": settings.hsv_prob,
        "flip_prob": settings.flip_prob,
        "degrees": settings.degrees,
        "translate": settings.translate,
        "shear": settings.shear,
        "mosaic_scale": (settings.scale_min, settings.scale_max),
        "freeze": settings.freeze,
        "loss_weights": {
            "iou_loss": settings.reg_weight,
            "conf_loss": settings.conf_weight,
            "cls_loss": settings.cls_weight,
            "l1_loss": settings.l1_weight,
        },
        "ema": settings.ema,
        "multiscale_range": int(settings.multiscale * size[0] / 32),
        "depth": settings.depth,
        "width": settings.width,
        "norm_momentum": settings.norm_momentum,
        "test_conf": settings.score_threshold,
        "nmsthre": settings.nms_threshold,
        "seed": settings.seed,
        "data_num_workers": settings.workers,
        "eval_interval": 1,
    }


def files(settings: YoloxSettings) -> dict[str, str]:
    """`MODULE`: an experiment class of upstream's kind."""
    checkpoint = "" if settings.weights == "none" else f" --ckpt WEIGHTS  # {settings.weights}"
    mixed = " --fp16" if settings.mixed_precision else ""
    header = HEADER.format(batch=settings.batch, no_aug=settings.no_aug_epochs, mixed=mixed, checkpoint=checkpoint)
    source = Path(__file__).with_name("experiment.py").read_text(encoding="utf-8")
    source = source.partition('"""\n')[2]  # without its docstring
    values = "".join(f"        self.{name} = {value!r}\n" for name, value in fields(settings).items())
    tuned = (
        "\n\nclass Tuned(Experiment):\n"
        '    """The values that steadytune found."""\n\n'
        "    def __init__(self) -> None:\n        super().__init__()\n"
    )
    return {MODULE: header + source + tuned + values}
