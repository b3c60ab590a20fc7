"""The settings as Ultralytics' own configuration file."""

from __future__ import annotations

from typing import Any

import yaml

from trainables.ultralytics.settings import OURS, UltralyticsSettings
from trainables.ultralytics.tasks import task_of

CONFIG = "train.yaml"
HEADER = """\
# Written by steadytune: yolo train cfg=train.yaml data=YOUR/data.yaml
"""


def files(settings: UltralyticsSettings) -> dict[str, str]:
    """`CONFIG`, without the data set, which is no setting."""
    return {CONFIG: HEADER + yaml.safe_dump(configuration(settings), sort_keys=False)}


def configuration(settings: UltralyticsSettings) -> dict[str, Any]:
    """`settings` under Ultralytics' names, which are theirs; none of them is left to a default."""
    values = settings.model_dump(exclude=set(OURS))
    return {**values, "task": task_of(values), "mode": "train"}
