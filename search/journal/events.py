"""What happens in a sweep, as events. The journal keeps them, and a sweep's state is what they add up to.

An event's fields are columns of the journal on disk. Names on disk never change: if a field has another name here,
`stored_as` gives the name of its column.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, Protocol, get_args

from search.pruning.decision import Action, Decision, Reason

Kind = Literal["search", "confirm", "audit"]
Verb = Literal["add", "stop", "promote", "pause"]
"""What may be asked of a sweep by hand."""
BY_HAND = "by hand"
"""`TrialStarted.named` of a trial that was added by hand."""


VERSION = 2
"""Version of the journal that this code writes.

Version 1 negated the numbers "value" and "cutoff" of a rung decision where the metric is to be minimised; since version
2 they have the metric's own sign. `search.state.sweep_state` reads both.
"""


def stored_as(column: str) -> dict[str, str]:
    """Metadata of an event's field whose column on disk has another name."""
    return {"column": column}


def columns_of(kind: type[Event]) -> dict[str, str]:
    """The column on disk of each field of an event."""
    return {column.name: column.metadata.get("column", column.name) for column in fields(kind)}


@dataclass(frozen=True)
class SweepOpened:
    """The sweep began, or was resumed.

    Attributes:
        worker_slots: how many trials run at a time.
        version: of the events from here to the next `SweepOpened`. None in a journal that is older than this field,
            which means version 1.
        spec: the sweep's description as it was then; None in a journal that is older than this field.
    """

    event: ClassVar[str] = "opened"
    worker_slots: int = field(metadata=stored_as("places"))
    version: int | None = VERSION
    spec: dict[str, Any] | None = field(default=None, metadata=stored_as("settings"))


@dataclass(frozen=True)
class SweepExtended:
    """The sweep's description was changed between two of its runs.

    If that gave it more to do, a search that had ended continues, and so do the trials that had only ended because
    there was no more to do (`search.state.extension`).

    Attributes:
        changes: by the name of the field, its value before and after.
    """

    event: ClassVar[str] = "extended"
    changes: dict[str, list[Any]] = field(metadata=stored_as("settings"))


@dataclass(frozen=True)
class PriorTrial:
    """A trial of an earlier sweep that the search starts from, copied because that sweep may be deleted.

    Attributes:
        sweep: the earlier sweep's name.
        trial: its number there.
        drawn: its values, as the space of this sweep would have drawn them.
        epoch: where it ended, scaled to the length of a training in this sweep.
        reason: why it ended.
        numbers: "level": its value by this sweep's objective.
    """

    event: ClassVar[str] = "earlier"
    sweep: str = field(metadata=stored_as("named"))
    trial: int
    drawn: dict[str, Any]
    epoch: int
    reason: Reason
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A trial was given its configuration.

    Attributes:
        trial: its number, from 0, unique in the sweep.
        kind: "search"; "confirm" for a configuration re-trained on a fresh seed; "audit" for a stopped trial trained to
            completion.
        of: for "confirm" and "audit", the search trial that is re-trained; else its own number.
        named: the name of the named training, `BY_HAND`, or "".
        drawn: what the space drew, by name; empty if it did not draw.
        settings: the complete settings of the training.
    """

    event: ClassVar[str] = "trial"
    trial: int
    kind: Kind
    of: int
    named: str
    seed: int
    drawn: dict[str, Any]
    settings: dict[str, Any]

    @property
    def by_hand(self) -> bool:
        """Whether a user added it to the search."""
        return self.named == BY_HAND and self.kind == "search"


@dataclass(frozen=True)
class EpochDone:
    """A trial finished an epoch. The other fields are those of `trainables.recipe.Epoch`.

    Attributes:
        began: when the epoch began, in seconds since 1970.
        checkpoint: folder of the checkpoint that was written after it, or "".
        bytes: size of that checkpoint.
        alarm, alarm_detail: the recipe's own alarm, or "".
        remark: a sentence about this training for the sweep's report, or "".
        spread: standard deviation of the training loss over the epoch's steps; None if it is not known.
        steps: the training loss over the epoch, as `search.execution.step_losses.line`; None if it is not known.
        gpu_bytes: the most GPU memory that the training's tensors took up to then in its process; None without a GPU.
    """

    event: ClassVar[str] = "epoch"
    trial: int
    epoch: int
    phase: str
    metrics: dict[str, float]
    losses: dict[str, float]
    rates: dict[str, float]
    seconds: dict[str, float]
    began: float = 0.0
    checkpoint: str = ""
    bytes: int = 0
    alarm: Literal["", "nonfinite", "collapsed"] = ""
    alarm_detail: str = ""
    remark: str = ""
    spread: float | None = None
    steps: list[float] | None = None
    gpu_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """What a rule decided about a trial; see `search.pruning.decision.Decision`."""

    event: ClassVar[str] = "decision"
    trial: int
    epoch: int
    action: Action
    reason: Reason
    detail: str
    numbers: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, trial: int, epoch: int, decision: Decision) -> Decided:
        """The event of `decision` about `trial` after `epoch`."""
        return cls(trial, epoch, decision.action, decision.reason, decision.detail, dict(decision.numbers))


@dataclass(frozen=True)
class Requested:
    """A user's request and its answer. The events that it leads to come next.

    Attributes:
        request: the id of the request. Each request is answered once.
        verb: what was asked for.
        trial: which trial it is about; None for the whole sweep.
        values: for "add", the settings that were given.
        answer: whether it was accepted.
        detail: why it was refused, or a note on it; may be "".
    """

    event: ClassVar[str] = "request"
    request: str = field(metadata=stored_as("named"))
    verb: Verb = field(metadata=stored_as("kind"))
    trial: int | None
    values: dict[str, Any] = field(metadata=stored_as("settings"))
    answer: Literal["accepted", "refused"] = field(metadata=stored_as("action"))
    detail: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the request was accepted."""
        return self.answer == "accepted"

    @property
    def adds(self) -> bool:
        """Whether it gives the search one more trial."""
        return self.accepted and self.verb == "add"


TARGETS = "targets"
"""The key in `SearchEnded.numbers` if the search ended because a trial met all targets."""


@dataclass(frozen=True)
class SearchEnded:
    """The search ended: its last trials gained too little, it was stopped by hand, or a trial met all targets.

    Attributes:
        detail: one sentence.
        numbers: "gain", "noise", "patience" (`search.control.patience`); or `TARGETS`, how many were met; none if it
            was stopped by hand.
    """

    event: ClassVar[str] = "enough"
    detail: str
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SweepEnded:
    """The sweep has its result.

    Attributes:
        trial: the winning configuration's search trial; -1 if no trial finished.
        detail: one sentence.
        numbers: "mean" and "std" over the fresh seeds and their number "seeds"; without a confirmation, "mean" is the
            objective of its one training. "last" is the mean of the objective `last` over the same trainings.
    """

    event: ClassVar[str] = "ended"
    trial: int
    detail: str
    numbers: dict[str, float] = field(default_factory=dict)


Event = (
    SweepOpened | SweepExtended | PriorTrial | TrialStarted | EpochDone | Decided | Requested | SearchEnded | SweepEnded
)
EVENTS: dict[str, type[Event]] = {kind.event: kind for kind in get_args(Event)}


@dataclass(frozen=True)
class Row:
    """One event with its sequence number in the journal and the time of its writing, in seconds since 1970."""

    seq: int
    time: float
    event: Event


class Log(Protocol):
    """Takes a sweep's events: the journal on disk, or one in memory."""

    def append(self, event: Event) -> Row:
        """Take one event."""

    def flush_if_due(self) -> bool:
        """Flush if many events wait or the last flush is a while ago; returns whether it did."""

    def flush(self) -> bool:
        """Store all events taken so far; returns whether there were any."""
