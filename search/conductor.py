"""What happens in a sweep, one event at a time, without knowing who runs the trials.

The conductor hands out assignments, takes reports and decides. Each thing that happens is an event: it is written to
the journal first and then applied to the state, and nothing else changes the state. So a sweep that was killed is
restored by applying the journal's events again: same rungs, same study, same finished trials.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from search.decision import Decision
from search.journal import Decided, EpochDone, Event, Journal, Row, SweepEnded, SweepOpened, TrialStarted
from search.judge import decide, give_up, promote
from search.retention import on_disk, surplus, too_many
from search.searcher import Searcher
from search.state import SweepState
from search.sweep import Plan, draw
from search.trial import TrialState

MAX_SEED = 2**31 - 1
CLEAN_SECONDS = 1.0
Kind = Literal["search", "confirm"]


@dataclass(frozen=True)
class Assignment:
    """One training to run (or to go on with): everything a worker needs to know."""

    trial: int
    settings: dict[str, Any]
    epochs: int


class Conductor:
    """Runs one sweep's logic.

    Args:
        plan: the checked sweep.
        journal: open for writing.
        delete: removes the checkpoint of (trial, epoch).
        listen: called after each event that was applied.
        clock: wall-clock seconds.
    """

    def __init__(
        self,
        plan: Plan,
        journal: Journal,
        *,
        delete: Callable[[int, int], None],
        listen: Callable[[Row, SweepState], None] = lambda row, state: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.plan = plan
        self._journal = journal
        self._delete = delete
        self._listen = listen
        self._clock = clock
        self._began = clock()
        self._cleaned = -math.inf
        self._places = 1
        self._waiting: list[Assignment] = []
        self.halted: Exception | None = None
        self.state = SweepState(plan)
        self.state.searcher = self._make_searcher(restart=0)

    def _make_searcher(self, restart: int) -> Searcher:
        seed = random.Random(f"{self.plan.spec.seed}/{restart}").randrange(MAX_SEED)
        return Searcher(lambda trial: draw(self.plan, trial), self.plan.recipe.mode, self.plan.spec.sampler, seed)

    def restore(self, rows: Iterable[Row]) -> None:
        """Take up a sweep where its journal ends; `open` hands out its unfinished trials again first."""
        rows = list(rows)
        self.state = SweepState(self.plan, self._make_searcher(restart=len(rows)))
        for row in rows:
            self.state.apply(row, restoring=True)
        self._began = self._clock() - self.state.active_seconds

    def open(self, places: int) -> None:
        """Note that the sweep begins, or goes on, now, with room for `places` trials at a time."""
        self._places = places
        self._record(SweepOpened(places))
        running = list(self.state.running.values())
        for trial in running:
            if trial.latest:  # the interruption may have come between an epoch and the decisions about it
                self._judge(trial, trial.latest)
        self._end_search()
        self._waiting = [self._assignment(trial) for trial in running if trial.running]
        self._journal.flush()

    # --- handing out ---------------------------------------------------------------------------------------------

    def next(self) -> Assignment | None:
        """The next training to run; None if there is none now (see `over`)."""
        if self.halted:
            return None
        if self._waiting:
            return self._waiting.pop(0)
        promoted = self._promote()
        if promoted:
            return promoted
        if self._searching():
            return self._start_search()
        self._close()
        return self._start_confirmation()

    @property
    def over(self) -> bool:
        """Whether nothing runs and nothing will be handed out any more."""
        if self.halted:
            return True
        if self._waiting or self.state.running or self.state.waiting:
            return False
        return not self._searching() and self._next_confirmation() is None

    def _searching(self) -> bool:
        return not self.state.all_drawn and self._affordable()

    def _affordable(self) -> bool:
        """Whether the budget has room for more of the search."""
        spec = self.plan.spec
        if spec.epochs is not None and self.state.epochs >= spec.epochs:
            return False
        return self._seconds_left() > self.confirm_seconds()

    def _seconds_left(self) -> float:
        hours = self.plan.spec.hours
        return float("inf") if hours is None else hours * 3600 - (self._clock() - self._began)

    def confirm_seconds(self) -> float:
        """How long the confirmation will take, from the epochs so far; 0 before the first."""
        spec = self.plan.spec
        if not spec.confirm_top:
            return 0.0
        # Who may still come in: those that are finished, those that run, and one that may be started now.
        running = sum(trial.started.kind == "search" for trial in self.state.running.values())
        candidates = len(self.state.finalists()) + running + 1
        finalists = min(spec.confirm_top + 1, candidates)
        rounds = math.ceil(finalists * spec.confirm_seeds / self._places)
        # One epoch more: the search's trials learn only after their epoch that their time is over.
        return self.state.epoch_seconds * (rounds * self.plan.max_epochs + 1)

    def _promote(self) -> Assignment | None:
        """The waiting trial that goes on now, if there is one."""
        if not self._affordable():
            return None
        found = promote(self.state, last=self.state.all_drawn)
        if found is None:
            return None
        trial, decision = found
        self._conclude(trial, decision)
        self._journal.flush()
        return self._assignment(trial)

    def _close(self) -> None:
        """End the trials that wait, once the search is over and none of those still running can help them."""
        if any(trial.started.kind == "search" for trial in self.state.running.values()):
            return
        waiting = list(self.state.waiting.values())
        for trial in waiting:
            self._conclude(trial, give_up(trial, "the search is over"))
        if waiting:
            self._journal.flush()
            self._clean()

    def _start_search(self) -> Assignment:
        assert self.state.searcher is not None
        number = len(self.state.trials)
        named = self.plan.named[number] if number < len(self.plan.named) else None
        known = {name: named[1][name] for name in self.plan.ranges} if named else {}
        # A named training outside the user's narrowed ranges is trained as it is, but Optuna does not hear of it.
        inside = all(value in self.plan.ranges[name] for name, value in known.items())
        drawn = self.state.searcher.ask(number, known) if inside and self.plan.ranges else {}
        seed = random.Random(f"{self.plan.spec.seed}/trial/{number}").randrange(MAX_SEED)
        values = {**named[1], **drawn} if named else drawn
        return self._start(number, "search", number, named[0] if named else "", seed, drawn, values)

    def _start_confirmation(self) -> Assignment | None:
        found = self._next_confirmation()
        if found is None:
            return None
        of, place = found
        original = self.state.trials[of].started
        # The same fresh seeds for every finalist: they are compared on equal ground.
        seed = random.Random(f"{self.plan.spec.seed}/confirm/{place}").randrange(MAX_SEED)
        number = len(self.state.trials)
        return self._start(number, "confirm", of, original.named, seed, original.drawn, original.settings)

    def _next_confirmation(self) -> tuple[int, int] | None:
        """The next (configuration, place of the fresh seed). Begins while the last search trials still run."""
        if self._seconds_left() <= 0:
            return None
        for place in range(self.plan.spec.confirm_seeds):
            for of in self.state.finalists():
                if len(self.state.confirmations(of)) <= place:
                    return of, place
        return None

    def _start(
        self, number: int, kind: Kind, of: int, named: str, seed: int, drawn: dict[str, Any], values: dict[str, Any]
    ) -> Assignment:
        settings = self.plan.settings({name: value for name, value in values.items() if name != "seed"}, seed)
        self._record(TrialStarted(number, kind, of, named, seed, drawn, settings.model_dump()))
        self._journal.flush()
        return self._assignment(self.state.trials[number])

    def _assignment(self, trial: TrialState) -> Assignment:
        return Assignment(trial.started.trial, trial.started.settings, trial.curve.epoch)

    # --- taking reports ------------------------------------------------------------------------------------------

    def report(self, done: EpochDone) -> bool:
        """Take one epoch's report; returns whether the trial goes on."""
        trial = self.state.trials[done.trial]
        if self.halted or not trial.running:
            return False
        if done.epoch <= trial.curve.epoch:  # trained again after a restart from an older checkpoint
            return True
        self._record(done)
        self._judge(trial, done)
        if not trial.running:
            self._journal.flush()
            self._clean()
        else:
            self.tick()
        return trial.running

    def halt(self, error: Exception) -> None:
        """Something outside the trials went wrong (a full disk): stop everything, leave it to be resumed."""
        self.halted = self.halted or error

    def end(self, ended: SweepEnded) -> None:
        """The sweep has its result."""
        self._record(ended)
        self._journal.flush()

    def fail(self, number: int, detail: str) -> None:
        """A trial's code raised, or its process died too often."""
        trial = self.state.trials[number]
        if trial.running and not self.halted:
            self._conclude(trial, Decision("stop", "failed", detail))
            self._journal.flush()
            self._clean()

    def tick(self) -> None:
        """Called often; puts on disk what waits and then deletes what is no longer needed."""
        if self._journal.flush_if_due():
            self._clean()

    def _judge(self, trial: TrialState, done: EpochDone) -> None:
        for decision in decide(trial, self.state, done, self._over_budget(trial)):
            self._conclude(trial, decision)
        self._end_search()

    def _end_search(self) -> None:
        """Draw no more trials once the last ones have gained too little."""
        ended = self.state.enough()
        if ended:
            self._record(ended)

    def _over_budget(self, trial: TrialState) -> str:
        spec = self.plan.spec
        if self._seconds_left() <= (self.confirm_seconds() if trial.started.kind == "search" else 0.0):
            return f"the sweep's {spec.hours:g} hours are used up (time to confirm the best set aside)"
        if trial.started.kind == "search" and spec.epochs is not None and self.state.epochs >= spec.epochs:
            return f"the sweep's {spec.epochs} epochs are used up"
        return ""

    def _conclude(self, trial: TrialState, decision: Decision) -> None:
        place = trial.started.trial, trial.curve.epoch
        self._record(Decided(*place, decision.action, decision.reason, decision.detail, dict(decision.numbers)))

    def _record(self, event: Event) -> None:
        row = self._journal.append(event)
        self.state.apply(row)
        self._listen(row, self.state)

    # --- disk ----------------------------------------------------------------------------------------------------

    def _clean(self) -> None:
        """Delete what nothing needs. Only after a flush: a resume needs what the journal on disk says."""
        if self.state.running and self._clock() < self._cleaned + CLEAN_SECONDS:
            return
        self._cleaned = self._clock()
        spec, max_bytes = self.plan.spec, self.plan.spec.max_checkpoint_gb * 1e9
        for worst in too_many(self.state.waiting.values(), max_bytes):
            self._conclude(worst, give_up(worst, "checkpoints of waiting trials would exceed max_checkpoint_gb"))
        self._journal.flush()
        finalists = frozenset(self.state.finalists())
        for one in surplus(on_disk(self.state.trials.values()), spec.keep_checkpoints, max_bytes, finalists):
            self._delete(one.trial, one.epoch)
            del self.state.trials[one.trial].checkpoints[one.epoch]
