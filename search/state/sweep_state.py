"""What a sweep's journal adds up to: its trials, its rungs and its study.

The same events in the same order give the same state, whether they happen now or are read back. What is asked after
each epoch (who runs, who waits, who is best) is kept up to date rather than counted: sweeps may be large.
"""

from __future__ import annotations

import math
from bisect import insort
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from search.control.patience import enough, noise
from search.journal.epoch_block import EpochBlock
from search.journal.events import (
    VERSION,
    Decided,
    EarlierTrial,
    EpochDone,
    Row,
    SearchEnded,
    SweepEnded,
    SweepOpened,
    TrialStarted,
)
from search.pruning.curve import Curve
from search.pruning.stop_rules import NEWEST_PEERS, median_of_peers
from search.state.cost import excess
from search.state.incumbents import Incumbents
from search.state.trial_state import STATUS_AFTER, TrialState
from search.state.utilisation import Utilisation
from search.sweep.build_scheduler import build_scheduler
from search.sweep.plan import Plan
from trainables.errors import SteadytuneError

if TYPE_CHECKING:  # those who only read a sweep do not pay for Optuna
    from search.sampling.searcher import Outcome, Searcher


class SweepState:
    """All trials of a sweep, its rungs and its study.

    Attributes:
        earlier: trials of other sweeps that the search learns from.
        trials: by number, in the order in which they started.
        search: those of the search, in order; the others confirm or audit.
        audits: by the number of the stopped trial, its training to the end.
        running, paused: by number, those that have not ended.
        epochs: epochs that the search's trials (not the confirmation's) have taken.
        active_seconds: wall time between the events, without the pauses between a kill and a resume.
        search_ended: why no more trials are drawn, if the search ended itself.
        ended: the sweep's result, once it has one.
    """

    def __init__(self, plan: Plan, searcher: Searcher | None = None) -> None:
        self.plan = plan
        self.earlier: list[EarlierTrial] = []
        self.trials: dict[int, TrialState] = {}
        self.search: list[TrialState] = []
        self.running: dict[int, TrialState] = {}
        self.paused: dict[int, TrialState] = {}
        self.audits: dict[int, TrialState] = {}
        self._ranking: list[TrialState] = []
        self._confirmations: dict[int, list[TrialState]] = {}
        self.scheduler = build_scheduler(plan)
        self.searcher = searcher
        self.epochs = 0
        self.active_seconds = 0.0
        self.ended: SweepEnded | None = None
        self.search_ended: SearchEnded | None = None
        self._latest: float | None = None
        self._version = VERSION
        self._utilisation = Utilisation()
        self._incumbents = Incumbents(Curve(plan.recipe.mode).sign)

    def apply(self, row: Row, *, restoring: bool = False) -> None:
        """Take one event into account."""
        event = row.event
        if isinstance(event, EpochDone):
            self.train(EpochBlock.of(row.seq, row.time, event, self.plan.recipe.metric))
            if event.checkpoint:
                self.trials[event.trial].checkpoints[event.epoch] = event.bytes
            return
        if isinstance(event, SweepOpened):
            self._utilisation.open(event.places)
            self._version = event.version or 1
            self._latest = row.time
        self._pass(row.time)
        if isinstance(event, EarlierTrial):
            self.earlier.append(event)
            if self.searcher and self.plan.spec.warm_start_with == "all":
                self.searcher.recall(event)
        elif isinstance(event, TrialStarted):
            self._start(event, restoring)
        elif isinstance(event, Decided):
            self._decide(self._in_own_sign(event))
        elif isinstance(event, SearchEnded):
            self.search_ended = event
        elif isinstance(event, SweepEnded):
            self.ended = event

    def _pass(self, time: float) -> None:
        if self._latest is not None:
            self.active_seconds += time - self._latest
        self._latest = time

    def _start(self, event: TrialStarted, restoring: bool) -> None:
        trial = TrialState(event, Curve(self.plan.recipe.mode))
        self.trials[event.trial] = self.running[event.trial] = trial
        if event.kind == "search":
            self.search.append(trial)
            self.scheduler.start(event.trial, event.drawn or event.settings)
        elif event.kind == "confirm":
            self._confirmations.setdefault(event.of, []).append(trial)
        else:
            self.audits[event.of] = trial
        if restoring and self.searcher and trial.in_study:
            self.searcher.ask(event.trial, event.drawn)

    def train(self, done: EpochBlock) -> None:
        """Take epochs of one trial into account."""
        self._pass(done.time)
        self._utilisation.train(done)
        trial = self.trials[done.trial]
        trial.add(done)
        if trial.started.kind == "search":
            self.epochs += len(done.epochs)
            self.scheduler.arrive(done.trial, trial.curve)
            self._incumbents.add(done, trial.curve)
        if self.searcher and trial.in_study:
            for epoch, value in zip(done.epochs, done.values, strict=True):
                if value is not None and math.isfinite(value):
                    self.searcher.report(done.trial, epoch, value)

    def _in_own_sign(self, event: Decided) -> Decided:
        """The decision with "value" and "cutoff" in the metric's own sign, which version 1 of the journal negated."""
        if self._version > 1 or self.plan.recipe.mode == "max" or event.reason != "rung":
            return event
        own = {name: -event.numbers[name] for name in ("value", "cutoff") if name in event.numbers}
        return replace(event, numbers=event.numbers | own)

    def _decide(self, event: Decided) -> None:
        trial = self.trials[event.trial]
        trial.decisions.append(event)
        if event.action == "stop":
            self.scheduler.end(event.trial, event.reason)
        elif event.reason == "rung" and event.numbers["rung"] in self.scheduler.rungs:
            # Old sweeps with `brackets`, since removed, had rungs that this scheduler does not have.
            self.scheduler.record(event.trial, int(event.numbers["rung"]), event.action)
        self._move(trial, event)
        if self.searcher and trial.in_study:
            if trial.paused:
                self.searcher.pause(event.trial)
            elif trial.decision:
                outcome: Outcome = "infeasible" if trial.failed else "complete" if trial.finished else "pruned"
                self.searcher.tell(event.trial, outcome, trial.curve.smoothed_value, self.excess(trial))

    def _move(self, trial: TrialState, event: Decided) -> None:
        trial.status = STATUS_AFTER[event.action]
        for group, belongs in ((self.running, trial.running), (self.paused, trial.paused)):
            group.pop(event.trial, None)
            if belongs:
                group[event.trial] = trial
        if event.action != "continue":
            trial.curve.forget_points()
        sound = trial.finished and trial.started.kind == "search" and trial.curve.smoothed_value is not None
        if sound and not self.excess(trial):
            insort(self._ranking, trial, key=lambda one: -one.curve.sign * (one.curve.smoothed_value or 0.0))

    def enough(self) -> SearchEnded | None:
        """The end of the search, if its last trials have gained too little and it has not ended yet."""
        patience = self.plan.spec.patience
        if patience is None or self.search_ended or len(self._ranking) < 2 * patience:
            return None
        finished = [trial for trial in self.search if trial.finished and trial.curve.smoothed_value is not None]
        levels = [trial.curve.sign * (trial.curve.smoothed_value or 0.0) for trial in finished]
        noises = [noise([point.value or 0.0 for point in trial.curve.evaluated]) for trial in finished]
        return enough(levels, noises, patience)

    @property
    def utilisation(self) -> float:
        """Share of the workers' time, between the first and the last epoch, that went to training and evaluation."""
        return self._utilisation.share

    @property
    def epoch_seconds(self) -> float:
        """Mean time that an epoch took on its worker; 0 before the first."""
        return self._utilisation.epoch_seconds

    @property
    def incumbents(self) -> list[tuple[int, int, float]]:
        """(epochs taken by then, trial, level) each time the search's best level so far rose."""
        return self._incumbents.rises()

    def trial(self, number: int) -> TrialState:
        """The trial of that number.

        Raises:
            SteadytuneError: there is none.
        """
        if number not in self.trials:
            there = f"it has trials 0 to {len(self.trials) - 1}" if self.trials else "it has none yet"
            raise SteadytuneError(f"no trial {number} in sweep {self.plan.spec.name}; {there}")
        return self.trials[number]

    def first_values(self, place: int) -> dict[str, Any]:
        """The values to train at `place` (from 0) after the named trainings: an earlier sweep's best; else none."""
        if self.plan.spec.warm_start_with == "all" or not 0 <= place < len(self.earlier):
            return {}
        return {name: value for name, value in self.earlier[place].drawn.items() if name in self.plan.ranges}

    def excess(self, trial: TrialState) -> float:
        """By how much `trial` is over the user's limits, as a share; 0 if it keeps them."""
        return excess(trial, self.plan.spec.limits)

    def median_best(self, without: int, epoch: int) -> float | None:
        """The median, over the search's newest other trials, of their best objective by `epoch`; None of too few."""
        newest = self.search[-NEWEST_PEERS:]
        return median_of_peers(trial.curve.best_by(epoch) for trial in newest if trial.started.trial != without)

    def ranking(self) -> list[TrialState]:
        """The search's finished trials that keep the user's limits, best level first."""
        return list(self._ranking)

    def finalists(self) -> list[int]:
        """The configurations to confirm: the best few, and the baseline, so that the winner is never worse than it."""
        if not self.plan.spec.confirm_top:
            return []
        ranked = self._ranking
        top = ranked[: self.plan.spec.confirm_top]
        baseline = [trial for trial in ranked if trial.started.named == self.plan.recipe.baseline and trial not in top]
        return [trial.started.trial for trial in top + baseline]

    def confirmations(self, of: int) -> list[TrialState]:
        """The trials that train the configuration of search trial `of` on fresh seeds."""
        return list(self._confirmations.get(of, ()))
