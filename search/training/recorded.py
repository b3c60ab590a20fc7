"""Whether and where one training is recorded besides its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from search.journal.events import EpochDone
from search.pruning.curve import Curve


class Recorded(Protocol):
    """Where a training's epochs go as they come."""

    def epoch(self, done: EpochDone, curve: Curve, metric: str) -> str:
        """Record an epoch; returns a sentence if the user must know something."""

    def end(self, status: str, folder: Path) -> str:
        """Record that the training has ended, with the files in its `folder`; `status` is one of MLflow's."""


class _Nowhere:
    def epoch(self, done: EpochDone, curve: Curve, metric: str) -> str:
        return ""

    def end(self, status: str, folder: Path) -> str:
        return ""


NOT_RECORDED = _Nowhere()


def recorded(store: str, recipe: str, data: str, fingerprint: str, settings: Mapping[str, Any]) -> Recorded:
    """A new run in an MLflow store.

    Args:
        store: tracking URI, checked by `search.tracking.store_check`.
        recipe: its name.
        data: what people call the data; after both the experiment is called, as that of a sweep on them.
        fingerprint: of the data.
        settings: of the training.
    """
    from search.tracking.sync import prepare_environment

    prepare_environment()
    from search.tracking.single_run import SingleRun  # imports MLflow, which takes seconds

    return SingleRun(store, recipe, data, fingerprint, settings)
