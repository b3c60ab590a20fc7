"""Ultralytics' own models at an eighth of their width: quick to train on two cores, and otherwise the same."""

from __future__ import annotations

from pathlib import Path

import yaml

from trainables.settings import read_yaml
from trainables.ultralytics.files import package_folder
from trainables.ultralytics.tasks import TASKS, Task

ENDINGS: dict[Task, str] = {"detect": "", "segment": "-seg", "pose": "-pose", "obb": "-obb", "classify": "-cls"}
DEPTH, WIDTH, CHANNELS = 0.33, 0.125, 256


def write_models(directory: Path) -> dict[Task, str]:
    """Write one model YAML a task into `directory`; returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    files: dict[Task, str] = {}
    for task in TASKS:
        described = read_yaml(package_folder() / f"cfg/models/26/yolo26{ENDINGS[task]}.yaml")
        described["scales"] = {"n": [DEPTH, WIDTH, CHANNELS]}
        file = directory / f"small26n{ENDINGS[task]}.yaml"
        file.write_text(yaml.safe_dump(described, sort_keys=False))
        files[task] = str(file)
    return files
