"""refdet so small that a training takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainables.recipe import Epoch
from trainables.refdet.data import RefdetData
from trainables.refdet.recipe import Refdet
from trainables.refdet.settings import RefdetSettings

SMALL: dict[str, Any] = {
    **{"image_size": 64, "n_way": 2, "n_query": 1, "n_episodes": 2, "reference_size": 28},
    **{"reference_weights": "none", "embedding": 16, "n_reference": 1},
}


def settings(training: str = "stage-3", **changes: Any) -> RefdetSettings:
    """The small settings with `changes`."""
    return Refdet().settings("tiny", SMALL | changes, training)


def curve(given: RefdetSettings, data: RefdetData, workdir: Path, **resume: Path) -> Iterator[Epoch]:
    """The epochs of a training with the settings `given`."""
    return Refdet().train(given, data, workdir, **resume)
