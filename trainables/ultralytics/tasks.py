"""Ultralytics' tasks, told from a model's name without importing Ultralytics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from trainables.errors import SettingsError

Task = Literal["detect", "segment", "pose", "obb", "classify"]
TASKS: tuple[Task, ...] = get_args(Task)
_ENDINGS: Mapping[str, Task] = {"-seg": "segment", "-pose": "pose", "-obb": "obb", "-cls": "classify"}
_OTHERS = ("-sem", "-depth")
"""In the names of models for tasks that are not taken."""
_OTHER_TRAINERS = ("rtdetr", "-world", "yoloe")
"""In the names of models that Ultralytics trains by other classes than `YOLO`."""
NOT_TAKEN = "RT-DETR, YOLO-World and YOLOE are not taken; give a YOLO model"


def task_of(settings: Mapping[str, Any]) -> Task:
    """The task of a training: `task` if given, else told by the name of its `model`.

    Raises:
        SettingsError: the name is of a task or of a kind of model that is not taken.
    """
    stem = Path(str(settings["model"])).stem
    if any(name in stem.lower() for name in _OTHER_TRAINERS):
        raise SettingsError(f"ultralytics: model is {settings['model']}; {NOT_TAKEN}")
    if settings.get("task") in TASKS:
        given: Task = settings["task"]
        return given
    if any(ending in stem for ending in _OTHERS):
        raise SettingsError(
            f"ultralytics: model is {settings['model']}; its task was not tested here, so it must be one of"
            f" {', '.join(TASKS)}"
        )
    return next((task for ending, task in _ENDINGS.items() if ending in stem), "detect")
