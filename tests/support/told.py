"""Sweeps that are told, event by event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from search.journal.events import Decided, EpochDone, Event, Row, TrialStarted
from search.state.outcome import finalists
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from tests.support.fakes import plan_of


class Story:
    """A sweep told event by event."""

    def __init__(self, data: Path, **fields: Any) -> None:
        self.state = SweepState(plan_of(data, trials=9, **fields))

    def tell(self, event: Event) -> None:
        self.state.apply(Row(0, 0.0, event))

    def trial(self, values: list[float], reason: str = "done", of: int | None = None) -> int:
        """One trial with these values an epoch; `of` makes it the confirmation of another. Returns its number."""
        number = len(self.state.trials)
        kind = "search" if of is None else "confirm"
        settings = self.state.plan.settings({"quality": max(0.01, values[0])}, seed=number).model_dump()
        self.tell(TrialStarted(number, kind, number if of is None else of, "", number, {}, settings))  # type: ignore[arg-type]
        for epoch, value in enumerate(values, start=1):
            metrics = {"score": value, "error": 1 - value}
            self.tell(EpochDone(number, epoch, "main", metrics, {"train": 1.0}, {}, {}, checkpoint="x", bytes=1))
        if reason:
            self.tell(Decided(number, len(values), "stop", reason, "told"))  # type: ignore[arg-type]
        return number

    def order(self) -> list[int]:
        return [finalist.trial.started.trial for finalist in finalists(self.state)]


def write_checkpoint(folder: SweepFolder, trial: int, epoch: int) -> Path:
    """A checkpoint of `trial` after `epoch` on disk."""
    path = folder.checkpoint(trial, epoch)
    path.mkdir(parents=True)
    (path / "state.json").write_text(json.dumps({"trial": trial, "epoch": epoch}))
    return path
