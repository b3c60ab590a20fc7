"""Consecutive epochs of one trial as columns: a sweep's state applies epochs in this form.

The driver applies one epoch at a time, as it happens. Processes that read a sweep back apply as many at once as they
can (`search.journal.block_reader`), which is a tenth of the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from search.journal.events import EpochDone


@dataclass(frozen=True, slots=True)
class EpochBlock:
    """At least one epoch. The lists are columns with one value for each epoch.

    Attributes:
        trial: its number.
        time: when the last epoch was journalled, in seconds since 1970.
        began: when the first epoch began, likewise.
        checkpoints: the epochs after which a checkpoint was written, rising.
        largest_bytes: size of the largest of these; 0 if there is none.
        seqs: the epochs' sequence numbers in the journal, rising.
        epochs: the epochs' numbers, from 1, rising.
        values, losses, held_out: objective, training loss and held-out loss; see `search.pruning.curve.Point`.
        phases: the recipe's names for the parts of its schedule.
        seconds: what each epoch took on its worker.
        spreads: standard deviation of the training loss over each epoch's steps, where it is known.
        remark: the first remark on the training that one of them has, or "".
        others: further metrics and losses that were asked for, by name.
        data_seconds: how many of all their seconds the training waited for batches.
        gpu_bytes: the most GPU memory that one of them reports; 0 without a GPU.
    """

    trial: int
    time: float
    began: float
    checkpoints: list[int]
    largest_bytes: int
    seqs: list[int]
    epochs: list[int]
    values: list[float | None]
    losses: list[float | None]
    held_out: list[float | None]
    phases: list[str]
    seconds: list[float]
    spreads: list[float | None]
    remark: str = ""
    others: Mapping[str, list[float | None]] = field(default_factory=dict)
    data_seconds: float = 0.0
    gpu_bytes: int = 0

    @property
    def seq(self) -> int:
        """The last epoch's sequence number."""
        return self.seqs[-1]

    @classmethod
    def of(cls, seq: int, time: float, done: EpochDone, metric: str, others: Iterable[str] = ()) -> EpochBlock:
        """The block of a single epoch; `metric` names the objective, `others` further metrics and losses."""
        losses = done.losses
        return cls(
            trial=done.trial,
            time=time,
            began=done.began,
            checkpoints=[done.epoch] if done.bytes else [],
            largest_bytes=done.bytes,
            seqs=[seq],
            epochs=[done.epoch],
            values=[done.metrics.get(metric)],
            losses=[losses.get("train")],
            held_out=[losses.get("val")],
            phases=[done.phase],
            seconds=[sum(done.seconds.values())],
            spreads=[done.spread],
            remark=done.remark or "",
            others={name: [done.metrics.get(name, losses.get(name))] for name in others},
            data_seconds=done.seconds.get("data", 0.0),
            gpu_bytes=done.gpu_bytes or 0,
        )
