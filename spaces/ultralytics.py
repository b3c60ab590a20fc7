"""What may be searched for ultralytics: the names and bounds of Ultralytics' own `model.tune`, cut to the task.

Four things differ. The optimizer is drawn too, because `auto`, the default, ignores `lr0` and `momentum`. Learning
rates are drawn on a logarithmic scale, within bounds that depend on the optimizer. Settings that the task's loss and
transforms do not read are left out. The gains of poses and angles, which `model.tune` does not search, are drawn within
a factor of 3 around their defaults (our choice).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spaces.added import NEVER, draw_added
from spaces.space import Draw, Space
from spaces.value_range import is_range
from trainables.ultralytics.settings import UltralyticsSettings
from trainables.ultralytics.tasks import Task, task_of

OPTIMIZERS = ("AdamW", "SGD", "MuSGD")
"""The optimizers that Ultralytics' `auto` chooses from, and SGD."""
ADAMW_RATES = (5e-5, 1e-2)
"""Bounds of `lr0`: `auto` takes .002 for one class and .00012 for eighty. `model.tune` has 1e-5 to 1e-2 for all."""
SGD_RATES = (1e-3, 1e-1)
"""The same for SGD and MuSGD: a factor of ten on either side of Ultralytics' default, which `auto` takes for MuSGD."""


def space_for(settings: Mapping[str, Any]) -> Space:
    """The space of a sweep.

    Args:
        settings: the preset's, with what the user pinned or narrowed on top. A range for a name that is not searched by
            default, such as model or imgsz, adds the name.
    """
    model = settings["model"]
    task = task_of({**settings, "model": model[0] if isinstance(model, list) and model else model})
    extra = {name: chosen for name, chosen in settings.items() if is_range(chosen) and _can_be_added(name)}

    def space(draw: Draw) -> None:
        _optimizer(draw)
        _losses(draw, task)
        (_classification if task == "classify" else _scenes)(draw, task)
        for name, chosen in extra.items():
            if name not in draw.values:
                draw_added(draw, name, chosen, UltralyticsSettings)

    return space


def _optimizer(draw: Draw) -> None:
    name = draw.choice("optimizer", OPTIMIZERS)
    if name != "auto":
        draw.float("lr0", *(ADAMW_RATES if name == "AdamW" else SGD_RATES), log=True)
        draw.float("momentum", 0.7, 0.98)
    draw.float("lrf", 0.01, 1.0, log=True)
    draw.float("weight_decay", 0.0, 0.001)
    draw.float("warmup_epochs", 0.0, 5.0)
    if name in ("SGD", "MuSGD"):
        draw.float("warmup_momentum", 0.0, 0.95)


def _losses(draw: Draw, task: Task) -> None:
    if task == "classify":
        return
    draw.float("box", 1.0, 20.0)
    draw.float("cls", 0.1, 4.0)
    draw.float("cls_pw", 0.0, 1.0)
    draw.float("dfl", 0.4, 12.0)
    if task == "pose":
        draw.float("pose", 4.0, 36.0, log=True)
        draw.float("kobj", 0.33, 3.0, log=True)
        draw.float("rle", 0.33, 3.0, log=True)
    if task == "obb":
        draw.float("angle", 0.33, 3.0, log=True)


def _scenes(draw: Draw, task: Task) -> None:
    _colours(draw)
    draw.float("degrees", 0.0, 45.0)
    draw.float("translate", 0.0, 0.9)
    draw.float("scale", 0.0, 0.95)
    draw.float("shear", 0.0, 10.0)
    draw.float("perspective", 0.0, 0.001)
    draw.float("flipud", 0.0, 1.0)
    draw.float("fliplr", 0.0, 1.0)
    draw.float("bgr", 0.0, 1.0)
    draw.float("mosaic", 0.0, 1.0)
    draw.float("mixup", 0.0, 1.0)
    draw.float("cutmix", 0.0, 1.0)
    if task in ("segment", "obb"):
        draw.float("copy_paste", 0.0, 1.0)
    draw.int("close_mosaic", 0, 10)


def _classification(draw: Draw, task: Task) -> None:
    _colours(draw)
    draw.float("scale", 0.0, 0.95)
    draw.float("flipud", 0.0, 1.0)
    draw.float("fliplr", 0.0, 1.0)
    draw.float("erasing", 0.0, 0.9)
    draw.choice("auto_augment", ["randaugment", "autoaugment", "augmix"])
    draw.float("dropout", 0.0, 0.5)


def _colours(draw: Draw) -> None:
    draw.float("hsv_h", 0.0, 0.1)
    draw.float("hsv_s", 0.0, 0.9)
    draw.float("hsv_v", 0.0, 0.9)


def _can_be_added(name: str) -> bool:
    """Whether a setting becomes a searched one if the user gives it a range; if not, the sweep refuses the range."""
    return name in UltralyticsSettings.model_fields and name not in NEVER_SEARCHED | CONDITIONAL


NEVER_SEARCHED = NEVER | frozenset({"task", "download", "processes", "device", "workers", "deterministic"})
"""Settings that are the same for all trials of a sweep."""
CONDITIONAL = frozenset({"lr0", "momentum", "warmup_momentum"})
"""Settings that are not drawn under some optimizers, even if the user gave a range."""
