"""What the journal says about one trial of a sweep."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Literal

from search.journal.epoch_block import EpochBlock
from search.journal.events import Decided
from search.pruning.bounds import is_worst
from search.pruning.curve import Curve
from search.pruning.decision import FAILURES, Action
from search.pruning.objective import counts
from search.state.decisions import Decisions
from search.state.started import Started

Status = Literal["running", "paused", "ended"]
STATUS_AFTER: dict[Action, Status] = {"continue": "running", "pause": "paused", "stop": "ended"}


@dataclass(slots=True)
class TrialState:
    """What the journal says about one trial.

    Attributes:
        started: how it began: its number, kind, seed and settings.
        curve: its epochs so far.
        is_baseline: whether its settings are the recipe's baseline.
        is_reference: whether the result is compared with it: it is the baseline, or a target names it.
        trains_to_end: whether it does so whatever its values: it is a reference, or its recipe knows it to be good
            (`Recipe.tried_first`).
        decisions: all that were made about it, in order.
        checkpoints: bytes of each checkpoint on disk, by epoch. Only the driver keeps it up to date, since it deletes
            them; in a state that was read by epoch blocks (`search.state.follower`) it is empty.
        written: the epochs after which it wrote a checkpoint, which may have been deleted since.
        seconds: what each epoch took on its worker.
        largest_bytes: size of its largest checkpoint.
        remark: the first sentence that its training reported to be shown, or "".
        target_values: of the metrics and losses that targets name, by name: the value after each epoch that has one.
        gpu_bytes: the most GPU memory that its tensors took; 0 if it had no GPU.
    """

    started: Started
    curve: Curve
    is_baseline: bool = False
    is_reference: bool = False
    trains_to_end: bool = False
    decisions: Decisions = field(default_factory=Decisions)
    checkpoints: dict[int, int] = field(default_factory=dict)
    written: array[int] = field(default_factory=lambda: array("l"))
    seconds: array[float] = field(default_factory=lambda: array("d"))
    largest_bytes: int = 0
    remark: str = ""
    target_values: dict[str, dict[int, float]] = field(default_factory=dict)
    gpu_bytes: int = 0

    def add(self, block: EpochBlock) -> None:
        """Take its next epochs into account."""
        self.curve.extend(block.epochs, block.values, block.losses, block.held_out, block.phases, block.spreads)
        self.written.extend(block.checkpoints)
        self.seconds.extend(block.seconds)
        self.largest_bytes = max(self.largest_bytes, block.largest_bytes)
        self.remark = self.remark or block.remark
        for name, values in block.others.items():
            pairs = zip(block.epochs, values, strict=True)
            self.target_values.setdefault(name, {}).update(
                (epoch, value) for epoch, value in pairs if value is not None
            )
        self.gpu_bytes = max(self.gpu_bytes, block.gpu_bytes)

    def forget_checkpoint(self, epoch: int) -> None:
        """The checkpoint of `epoch` is not on disk any more."""
        self.checkpoints = {other: size for other, size in self.checkpoints.items() if other != epoch}

    def settle(self) -> None:
        """Free memory if the trial does not run: what is asked for later is unpacked each time."""
        if not self.running:
            self.curve.settle()
            self.decisions.settle()
            self.written, self.seconds = self.written[:], self.seconds[:]  # a copy has no spare room to grow

    @property
    def number(self) -> int:
        """Its number in the sweep."""
        return self.started.trial

    @property
    def is_search(self) -> bool:
        """Whether it is part of the search; else it confirms or audits a trial of the search."""
        return self.started.kind == "search"

    @property
    def status(self) -> Status:
        """Running, paused or ended, by its last decision."""
        return STATUS_AFTER[self.decisions[-1].action] if self.decisions else "running"

    @property
    def running(self) -> bool:
        """Whether a worker trains it, or will train it next."""
        return self.status == "running"

    @property
    def paused(self) -> bool:
        """Whether it is paused at a rung."""
        return self.status == "paused"

    @property
    def in_study(self) -> bool:
        """Whether Optuna knows of it: a trial of the search whose values were drawn from the space."""
        return self.is_search and bool(self.started.drawn)

    @property
    def decision(self) -> Decided | None:
        """The decision that ended it, or None while it is running or paused."""
        return self.decisions[-1] if self.status == "ended" else None

    @property
    def failed(self) -> bool:
        """Whether it was stopped because its training failed or diverged."""
        return self.decision is not None and self.decision.reason in FAILURES

    @property
    def finished(self) -> bool:
        """Whether it trained to its last epoch."""
        return self.decision is not None and self.decision.reason == "done"

    @property
    def hands_back(self) -> bool:
        """Whether its checkpoints may be handed back: all but those of a failed trial that does not count."""
        return not self.failed or self.counts

    @property
    def counts(self) -> bool:
        """Whether it has ended with a result that can be handed back, see `search.pruning.objective.counts`."""
        curve, reached = self.curve, self.curve.reached
        if self.decision is None or reached is None:
            return False
        if not self.finished and is_worst(reached.value, curve.bounds, curve.mode):
            return False
        return counts(reached, curve.objective, self.finished, self.written)
