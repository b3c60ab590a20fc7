"""What a sweep's journal adds up to: its trials, its rungs and its study.

Applying the same events in the same order gives the same state, whether they happen now or are read back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from search.curve import Curve, Point
from search.decision import LOST
from search.journal import Decided, EpochDone, Row, SweepEnded, SweepOpened, TrialStarted
from search.rungs import Rungs
from search.sweep import Plan

if TYPE_CHECKING:  # those who only read a sweep do not pay for Optuna
    from search.searcher import Outcome, Searcher


@dataclass
class TrialState:
    """What is known of one trial."""

    started: TrialStarted
    curve: Curve
    running: bool = True
    latest: EpochDone | None = None
    decisions: list[Decided] = field(default_factory=list)
    checkpoints: dict[int, int] = field(default_factory=dict)

    @property
    def in_study(self) -> bool:
        """Whether Optuna knows of it: a trial of the search whose values were drawn from the space."""
        return self.started.kind == "search" and bool(self.started.drawn)

    @property
    def decision(self) -> Decided | None:
        """The decision that ended it, or None while it runs."""
        return None if self.running else self.decisions[-1]

    @property
    def lost(self) -> bool:
        """Whether it was stopped because its training was lost."""
        return self.decision is not None and self.decision.reason in LOST

    @property
    def finished(self) -> bool:
        """Whether it trained to its last epoch and ended well."""
        return self.decision is not None and self.decision.reason == "done"


class Usage:
    """How much of the workers' time goes to training; pauses between a kill and a resume do not count."""

    def __init__(self) -> None:
        self._busy = self._offered = 0.0
        self._epochs = 0
        self._places = 1
        self._first = self._last = 0.0

    def add(self, row: Row) -> None:
        """Take one event into account."""
        if isinstance(row.event, SweepOpened):
            self._offered += self._places * (self._last - self._first)
            self._places, self._first, self._last = row.event.places, 0.0, 0.0
        elif isinstance(row.event, EpochDone):
            self._busy += sum(row.event.seconds.values())
            self._epochs += 1
            self._first = min(self._first, row.event.began) if self._first else row.event.began
            self._last = row.time

    @property
    def epoch_seconds(self) -> float:
        """Mean time of an epoch on its worker; 0 before the first."""
        return self._busy / self._epochs if self._epochs else 0.0

    @property
    def share(self) -> float:
        """Busy seconds by offered ones; 0 before the first epoch."""
        offered = self._offered + self._places * (self._last - self._first)
        return self._busy / offered if offered > 0 else 0.0


class SweepState:
    """All trials of a sweep, its rungs and its study.

    Attributes:
        trials: by number, in the order in which they started.
        epochs: epochs that the search's trials (not the confirmation's) have taken.
        active_seconds: wall time between the events, without the pauses between a kill and a resume.
        ended: the sweep's result, once it has one.
    """

    def __init__(self, plan: Plan, searcher: Searcher | None = None) -> None:
        self.plan = plan
        self.trials: dict[int, TrialState] = {}
        self.rungs = Rungs(plan.grace_epochs, plan.spec.reduction_factor, plan.max_epochs)
        self.searcher = searcher
        self.epochs = 0
        self.active_seconds = 0.0
        self.ended: SweepEnded | None = None
        self._latest: float | None = None
        self._usage = Usage()

    def apply(self, row: Row, *, restoring: bool = False) -> None:
        """Take one event into account."""
        event = row.event
        self._usage.add(row)
        if self._latest is not None and not isinstance(event, SweepOpened):
            self.active_seconds += row.time - self._latest
        self._latest = row.time
        if isinstance(event, TrialStarted):
            self._start(event, restoring)
        elif isinstance(event, EpochDone):
            self._epoch(event)
        elif isinstance(event, Decided):
            self._decide(event)
        elif isinstance(event, SweepEnded):
            self.ended = event

    def _start(self, event: TrialStarted, restoring: bool) -> None:
        self.trials[event.trial] = TrialState(event, Curve(self.plan.recipe.mode))
        if restoring and self.searcher and self.trials[event.trial].in_study:
            self.searcher.ask(event.trial, event.drawn)

    def _epoch(self, event: EpochDone) -> None:
        trial = self.trials[event.trial]
        point = Point.of(event.epoch, self.plan.recipe.metric, event.metrics, event.losses)
        trial.curve.points.append(point)
        trial.latest = event
        if event.checkpoint:
            trial.checkpoints[event.epoch] = event.bytes
        if trial.started.kind == "search":
            self.epochs += 1
        if self.searcher and trial.in_study and point in trial.curve.evaluated[-1:]:
            self.searcher.report(event.trial, event.epoch, point.value)

    def _decide(self, event: Decided) -> None:
        trial = self.trials[event.trial]
        trial.decisions.append(event)
        if event.reason == "rung":
            self.rungs.record(event.trial, int(event.numbers["rung"]), event.numbers.get("value"))
        if event.action == "stop":
            trial.running = False
            if self.searcher and trial.in_study:
                outcome: Outcome = "infeasible" if trial.lost else "complete" if trial.finished else "pruned"
                self.searcher.tell(event.trial, outcome, trial.curve.level)

    @property
    def utilisation(self) -> float:
        """Share of the workers' time, between the first and the last epoch, that went to training and evaluation."""
        return self._usage.share

    @property
    def epoch_seconds(self) -> float:
        """Mean time that an epoch took on its worker; 0 before the first."""
        return self._usage.epoch_seconds

    @property
    def search(self) -> list[TrialState]:
        """The trials of the search, in order."""
        return [trial for trial in self.trials.values() if trial.started.kind == "search"]

    def ranking(self) -> list[TrialState]:
        """The search's finished trials, best level first."""
        done = [trial for trial in self.search if trial.finished and trial.curve.level is not None]
        return sorted(done, key=lambda trial: trial.curve.sign * (trial.curve.level or 0.0), reverse=True)

    def finalists(self) -> list[int]:
        """The configurations to confirm: the best few, and the baseline, so that the winner is never worse than it."""
        if not self.plan.spec.confirm_top:
            return []
        ranked = self.ranking()
        top = ranked[: self.plan.spec.confirm_top]
        baseline = [trial for trial in ranked if trial.started.named == self.plan.recipe.baseline and trial not in top]
        return [trial.started.trial for trial in top + baseline]

    def confirmations(self, of: int) -> list[TrialState]:
        """The trials that train the configuration of search trial `of` on fresh seeds."""
        return [trial for trial in self.trials.values() if trial.started.kind == "confirm" and trial.started.of == of]
