"""The training of `digits_training.py` as a recipe: `steadytune launch --recipe digits:train`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from digits_training import epochs

from steadytune import recipe


@recipe(
    metric="accuracy",
    bounds=(0, 1),
    epochs=12,
    lr={"low": 1e-3, "high": 1.0, "log": True, "default": 1e-2},
    momentum={"low": 0.5, "high": 0.99, "default": 0.9},
    weight_decay={"low": 1e-5, "high": 1e-1, "log": True, "default": 1e-4},
    dropout={"low": 0.0, "high": 0.6, "default": 0.0},
    batch={"choices": [16, 32], "default": 16},
)
def train(settings: dict[str, Any], resume: Path | None) -> Iterator[Any]:
    """Handwritten digits."""
    yield from epochs(settings, resume)
