"""What happens in a sweep: each thing as an event. The journal keeps them, and the state is what they add up to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, get_args

from search.pruning.decision import FAILURES, Action, Reason

Kind = Literal["search", "confirm", "audit"]


VERSION = 2
"""Version of the journal that this code writes.

Version 1 negated the numbers "value" and "cutoff" of a rung decision where the metric is to be minimised; since version
2 they have the metric's own sign. `search.state.sweep_state` reads both.
"""


@dataclass(frozen=True)
class SweepOpened:
    """The sweep began, or was resumed.

    Attributes:
        places: worker slots, that is how many trials run at a time.
        version: of the events from here to the next `SweepOpened`. None in a journal that is older than this field,
            which means version 1.
    """

    event: ClassVar[str] = "opened"
    places: int
    version: int | None = VERSION


@dataclass(frozen=True)
class EarlierTrial:
    """A trial of an earlier sweep that the search learns from, kept here because that sweep may be deleted.

    Attributes:
        named: the earlier sweep's name.
        trial: its number there.
        drawn: its values, as the space of this sweep would have drawn them.
        epoch: where it ended, in epochs of this sweep: as large a share of a training as it was there.
        reason: what ended it.
        numbers: "level", if it ever had one.
    """

    event: ClassVar[str] = "earlier"
    named: str
    trial: int
    drawn: dict[str, Any]
    epoch: int
    reason: Reason
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def level(self) -> float | None:
        """The objective it reached."""
        return self.numbers.get("level")

    @property
    def failed(self) -> bool:
        """Whether its training was lost."""
        return self.reason in FAILURES


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A trial was given its configuration.

    Attributes:
        trial: its number, from 0, unique in the sweep.
        kind: "search"; "confirm" for a configuration trained again on a fresh seed; "audit" for a stopped trial trained
            to its end after all.
        of: for "confirm" and "audit", the search trial that is trained again; else its own number.
        named: the named training it is, or "".
        drawn: what the space drew, by name; None where it was not asked.
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


@dataclass(frozen=True)
class EpochDone:
    """A trial finished an epoch: what `trainables.recipe.Epoch` says, and besides

    Attributes:
        began: when the epoch began, in seconds since 1970.
        checkpoint: folder of the checkpoint written after it, or "".
        bytes: its size.
        alarm, alarm_detail: the recipe's own alarm, or "".
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


@dataclass(frozen=True, slots=True)
class Decided:
    """A rule stopped a trial, or compared it and let it go on."""

    event: ClassVar[str] = "decision"
    trial: int
    epoch: int
    action: Action
    reason: Reason
    detail: str
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SearchEnded:
    """The search ended itself: its last trials gained too little (`search.control.patience`).

    Attributes:
        detail: one sentence.
        numbers: "gain", "noise", "patience".
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
        numbers: "mean" and "std" over the fresh seeds and their number "seeds", or the one level it had as "mean".
    """

    event: ClassVar[str] = "ended"
    trial: int
    detail: str
    numbers: dict[str, float] = field(default_factory=dict)


Event = SweepOpened | EarlierTrial | TrialStarted | EpochDone | Decided | SearchEnded | SweepEnded
EVENTS: dict[str, type[Event]] = {kind.event: kind for kind in get_args(Event)}


@dataclass(frozen=True)
class Row:
    """One event with its place in the journal and the wall-clock time (seconds since 1970) of its writing."""

    seq: int
    time: float
    event: Event


class Log(Protocol):
    """What takes a sweep's events."""

    def append(self, event: Event) -> Row:
        """Take one event."""

    def flush_if_due(self) -> bool:
        """Flush if it is time to; returns whether it did."""

    def flush(self) -> bool:
        """Make sure that what was taken is kept; returns whether there was anything."""
