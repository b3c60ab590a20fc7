"""Ultralytics' own description of YOLO26, read without importing Ultralytics."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from trainables.settings import read_yaml

FILE = "cfg/models/26/yolo26.yaml"
TINY = [0.33, 0.125, 512]
"""Depth, width and most channels of model t: 0.4 M parameters, as good as n on the sample data at half its cost."""


def model_yaml(size: str) -> dict[str, Any]:
    """The description with the scale of `size` alone: `scales` holds depth, width and most channels."""
    spec = importlib.util.find_spec("ultralytics")
    assert spec is not None
    assert spec.origin is not None
    described = read_yaml(Path(spec.origin).parent / FILE)
    described["scales"] = {size: TINY if size == "t" else described["scales"][size]}
    described["scale"] = size
    return described
