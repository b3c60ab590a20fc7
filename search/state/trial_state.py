"""What is known of one trial of a sweep."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Literal

from search.journal.epoch_block import EpochBlock
from search.journal.events import Decided, TrialStarted
from search.pruning.curve import Curve
from search.pruning.decision import FAILURES, Action

Status = Literal["running", "paused", "ended"]
STATUS_AFTER: dict[Action, Status] = {"continue": "running", "pause": "paused", "stop": "ended"}


@dataclass
class TrialState:
    """What is known of one trial.

    Attributes:
        checkpoints: bytes by epoch. Onlookers, who take epochs by stretches, have none: what is still on disk only the
            driver knows, which deletes them.
        seconds: what its epochs took on their worker.
        largest_bytes: of its checkpoints.
    """

    started: TrialStarted
    curve: Curve
    status: Status = "running"
    decisions: list[Decided] = field(default_factory=list)
    checkpoints: dict[int, int] = field(default_factory=dict)
    seconds: array[float] = field(default_factory=lambda: array("d"))
    largest_bytes: int = 0

    def add(self, done: EpochBlock) -> None:
        """Take its next epochs into account."""
        self.curve.extend(done.epochs, done.values, done.losses, done.held_out, done.phases)
        self.seconds.extend(done.seconds)
        self.largest_bytes = max(self.largest_bytes, done.largest)

    @property
    def running(self) -> bool:
        """Whether a worker has it, or will have it next."""
        return self.status == "running"

    @property
    def paused(self) -> bool:
        """Whether it waits at a rung."""
        return self.status == "paused"

    @property
    def in_study(self) -> bool:
        """Whether Optuna knows of it: a trial of the search whose values were drawn from the space."""
        return self.started.kind == "search" and bool(self.started.drawn)

    @property
    def decision(self) -> Decided | None:
        """The decision that ended it, or None while it runs or waits."""
        return self.decisions[-1] if self.status == "ended" else None

    @property
    def failed(self) -> bool:
        """Whether it was stopped because its training was lost."""
        return self.decision is not None and self.decision.reason in FAILURES

    @property
    def finished(self) -> bool:
        """Whether it trained to its last epoch and ended well."""
        return self.decision is not None and self.decision.reason == "done"
