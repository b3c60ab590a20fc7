"""Epochs of one trial that followed on each other, as columns: how a sweep's state takes them.

One at a time while they happen; as many as there are between two things that matter to other trials where they are read
back (`stretches.py`), which is a tenth of the work.
"""

from __future__ import annotations

from dataclasses import dataclass

from search.journal.events import EpochDone


@dataclass(frozen=True, slots=True)
class EpochBlock:
    """At least one epoch. Of its columns, one value an epoch each.

    Attributes:
        trial: whose they are.
        time: when the last was journalled, in seconds since 1970.
        began: when the first began, likewise.
        largest: bytes of the largest checkpoint that was written after one of them; 0 if none was.
        seqs: their sequence numbers in the journal, rising.
        epochs: their numbers, rising; where one reaches a rung, it is the last of the stretch.
        values, losses, held_out: objective, training loss and held-out loss; see `search.pruning.curve.Point`.
        phases: the recipe's words for the parts of its schedule.
        seconds: what each took on its worker.
    """

    trial: int
    time: float
    began: float
    largest: int
    seqs: list[int]
    epochs: list[int]
    values: list[float | None]
    losses: list[float | None]
    held_out: list[float | None]
    phases: list[str]
    seconds: list[float]

    @property
    def seq(self) -> int:
        """The last one's sequence number."""
        return self.seqs[-1]

    @classmethod
    def of(cls, seq: int, time: float, done: EpochDone, metric: str) -> EpochBlock:
        """The stretch that a single epoch is; `metric` names the objective."""
        losses = done.losses
        return cls(
            trial=done.trial,
            time=time,
            began=done.began,
            largest=done.bytes,
            seqs=[seq],
            epochs=[done.epoch],
            values=[done.metrics.get(metric)],
            losses=[losses.get("train")],
            held_out=[losses.get("val")],
            phases=[done.phase],
            seconds=[sum(done.seconds.values())],
        )
