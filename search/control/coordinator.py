"""What happens in a sweep, one event at a time, without knowing who runs the trials.

The coordinator hands out assignments, takes reports and decides. Each thing that happens is an event: it is written to
the journal first and then applied to the state, and nothing else changes the state. So a sweep that was killed is
restored by applying the journal's events again: same rungs, same study, same finished trials.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from search.control import audit
from search.control.budget import Budget
from search.control.patience import search_end
from search.control.retention import on_disk, paused_to_give_up, surplus
from search.control.rules import decide, give_up, promote, repeated_failure
from search.journal.events import Decided, EpochDone, Event, Kind, Log, Row, SweepEnded, SweepOpened, TrialStarted
from search.pruning.decision import Decision
from search.sampling.searcher import Searcher
from search.sampling.warm_start import prior_values
from search.state.listeners import SamplerListener, SchedulerListener
from search.state.outcome import finalist_numbers
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.build_scheduler import build_scheduler
from search.sweep.plan import Plan, draw
from search.sweep.seeds import derived
from spaces.space import known
from trainables.errors import SteadytuneError


@dataclass(frozen=True)
class Assignment:
    """One training to run (or to go on with): everything a worker needs to know."""

    trial: int
    settings: dict[str, Any]
    epochs: int
    exclusive: bool = False
    """With a GPU of its own: on a shared one it ran out of memory."""


class Coordinator:
    """Runs one sweep's logic.

    Args:
        plan: the checked sweep.
        journal: open for writing; a `Journal`, or what stands for one.
        delete: removes the checkpoint of (trial, epoch).
        listen: called after each event that was applied.
        clock: wall-clock seconds.
    """

    def __init__(
        self,
        plan: Plan,
        journal: Log,
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
        self._budget = Budget(plan, clock)
        self._unfinished: list[Assignment] = []  # to hand out before new ones
        self._exclusive: set[int] = set()
        self._unjudged: list[EpochDone] = []  # the last epochs of running trials, where a journal was read back
        self.halted: Exception | None = None
        self._begin(restart=0)

    def _begin(self, restart: int) -> None:
        """An empty state, with the scheduler and the searcher that listen to it."""
        spec, mode = self.plan.spec, self.plan.recipe.mode
        self.scheduler = build_scheduler(self.plan)
        self.searcher = Searcher(lambda trial: draw(self.plan, trial), mode, spec.sampler, spec.seed, restart)
        self.state = SweepState(
            self.plan, [SchedulerListener(self.scheduler), SamplerListener(self.searcher, spec.limits)]
        )

    def restore(self, rows: Iterable[Row]) -> None:
        """Take up a sweep where its journal ends; `open` hands out its unfinished trials again first."""
        rows = list(rows)
        self._begin(restart=len(rows))
        for row in rows:
            self.state.apply(row)
        latest = {row.event.trial: row.event for row in rows if isinstance(row.event, EpochDone)}
        self._unjudged = [latest[number] for number in self.state.trials.running if number in latest]
        self._budget.began = self._clock() - self.state.active_seconds

    def open(self, places: int) -> None:
        """Note that the sweep begins, or goes on, now, with room for `places` trials at a time."""
        self._budget.places = places
        self._record(SweepOpened(places))
        running = list(self.state.trials.running.values())
        for done in self._unjudged:  # killed between an epoch and the decisions about it, perhaps
            self._judge(self.state.trials[done.trial], done)
        self._end_search()
        self._unfinished = [self._assignment(trial) for trial in running if trial.running]
        self._journal.flush()

    # --- handing out ---------------------------------------------------------------------------------------------

    def next(self) -> Assignment | None:
        """The next training to run; None if there is none now (see `over`)."""
        if self.halted:
            return None
        if self._unfinished:
            return self._unfinished.pop(0)
        promoted = self._promote()
        if promoted:
            return promoted
        if self._remaining():
            return self._start_search()
        self._close()
        return self._start_confirmation() or self._start_audit()

    @property
    def over(self) -> bool:
        """Whether nothing runs and nothing will be handed out any more."""
        if self.halted:
            return True
        if self._unfinished or self.state.trials.running or self.state.trials.paused:
            return False
        return not self._remaining() and self._next_confirmation() is None and self._next_audit() is None

    def _remaining(self) -> int:
        """Trials that the search may still start."""
        return 0 if self.scheduler.over else self._budget.left(self.state)

    def _promote(self) -> Assignment | None:
        """The waiting trial that goes on now, if there is one."""
        if not self._budget.allows(self.state):
            return None
        found = promote(self.state, self.scheduler, self._remaining())
        if found is None:
            return None
        trial, decision = found
        self._conclude(trial, decision)
        return self._assignment(trial)

    def _close(self) -> None:
        """End the trials that wait, once the search is over and none of those still running can help them."""
        if any(trial.started.kind == "search" for trial in self.state.trials.running.values()):
            return
        paused = self.state.trials.paused.values()
        ends = [(trial, give_up(trial, self.plan.recipe, self.scheduler, "search finished")) for trial in paused]
        for trial, decision in ends:  # who ended is behind all others: so all are compared before the first ends
            self._conclude(trial, decision)
        self.tick()

    def _start_search(self) -> Assignment:
        number = len(self.state.trials)
        named = self.plan.named[number] if number < len(self.plan.named) else None
        prior = prior_values(self.plan, self.state.prior_trials, number - len(self.plan.named))
        # A named training outside the user's narrowed ranges is trained as it is, but Optuna does not hear of it.
        values = known(self.plan.space, named[1], self.plan.spec.set) if named else prior or self.scheduler.new()
        drawn = self.searcher.ask(number, values) if values is not None and self.plan.ranges else {}
        seed = derived(self.plan.spec.seed, f"trial/{number}")
        return self._start(
            number, "search", number, named[0] if named else "", seed, drawn, {**named[1], **drawn} if named else drawn
        )

    def _start_confirmation(self) -> Assignment | None:
        found = self._next_confirmation()
        if found is None:
            return None
        of, place = found
        original = self.state.trials[of].started
        # The same fresh seeds for every finalist: they are compared on equal ground.
        seed = derived(self.plan.spec.seed, f"confirm/{place}")
        number = len(self.state.trials)
        return self._start(number, "confirm", of, original.named, seed, original.drawn, original.settings)

    def _next_confirmation(self) -> tuple[int, int] | None:
        """The next (configuration, place of the fresh seed). Begins while the last search trials still run."""
        if self._budget.seconds_left() <= 0:
            return None
        for place in range(self.plan.spec.confirm_seeds):
            for of in finalist_numbers(self.state):
                if len(self.state.trials.confirmations(of)) <= place:
                    return of, place
        return None

    def _start_audit(self) -> Assignment | None:
        of = self._next_audit()
        if of is None:
            return None
        stopped, number = self.state.trials[of].started, len(self.state.trials)
        return self._start(number, "audit", of, stopped.named, stopped.seed, stopped.drawn, stopped.settings)

    def _next_audit(self) -> int | None:
        """The stopped trial to train to its end, if there is time for that."""
        return audit.due(self.state) if self._budget.allows_one_more(self.state) else None

    def _start(
        self, number: int, kind: Kind, of: int, named: str, seed: int, drawn: dict[str, Any], values: dict[str, Any]
    ) -> Assignment:
        settings = self.plan.settings({name: value for name, value in values.items() if name != "seed"}, seed)
        self._record(TrialStarted(number, kind, of, named, seed, drawn, settings.model_dump()))
        return self._assignment(self.state.trials[number])

    def _assignment(self, trial: TrialState) -> Assignment:
        number = trial.started.trial
        return Assignment(number, trial.started.settings, trial.curve.epoch, number in self._exclusive)

    # --- taking reports ------------------------------------------------------------------------------------------

    def report(self, done: EpochDone) -> bool:
        """Take one epoch's report; returns whether the trial goes on."""
        trial = self.state.trials[done.trial]
        if self.halted or not trial.running:
            return False
        if done.epoch <= trial.curve.epoch:  # trained again after a restart from an older checkpoint
            if done.checkpoint and done.epoch not in trial.checkpoints:  # it had been deleted
                self._delete(done.trial, done.epoch)
            return True
        self._record(done)
        self._judge(trial, done)
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
            if cause := repeated_failure(self.state):
                self.halt(SteadytuneError(f"{cause}; mend it, then `steadytune resume {self.plan.spec.name}`"))
            self.tick()

    def hand_out_again(self, number: int, *, exclusive: bool = False) -> None:
        """Hand a trial out once more: its process died before it began, or it ran out of memory on a shared GPU.

        In the second case it is `exclusive` from then on: it gets a GPU of its own. The journal does not record that,
        so after a resume it runs out of memory once more.
        """
        if exclusive:
            self._exclusive.add(number)
        trial = self.state.trials[number]
        if trial.running and not self.halted:
            self._unfinished.append(self._assignment(trial))

    def tick(self) -> None:
        """Called often; puts on disk what waits and then deletes what is no longer needed.

        A decision may be acted on up to half a second before it is on disk. If the driver is killed just then, the
        resumed sweep judges the trial again by the same rules, or trains an epoch again from its checkpoint.
        """
        if self._journal.flush_if_due() or not self.state.trials.running:
            self._clean()

    def _judge(self, trial: TrialState, done: EpochDone) -> None:
        budget_reason = self._budget.exceeded(self.state, trial)
        decision = decide(trial, self.state, self.scheduler, done, budget_reason, self._remaining())
        if decision:
            self._conclude(trial, decision)
        self._end_search()

    def _end_search(self) -> None:
        """Draw no more trials once the last ones have gained too little."""
        if ended := search_end(self.state):
            self._record(ended)

    def _conclude(self, trial: TrialState, decision: Decision) -> None:
        self._record(Decided.of(trial.number, trial.curve.epoch, decision))

    def _record(self, event: Event) -> None:
        row = self._journal.append(event)
        self.state.apply(row)
        self._listen(row, self.state)

    # --- disk ----------------------------------------------------------------------------------------------------

    def _clean(self) -> None:
        """Delete what nothing needs. Only after a flush: a resume needs what the journal on disk says."""
        spec, max_bytes = self.plan.spec, self.plan.spec.max_checkpoint_gb * 1e9
        for worst in paused_to_give_up(self.state.trials.paused.values(), max_bytes):
            why = "checkpoints of paused trials would exceed max_checkpoint_gb"
            self._conclude(worst, give_up(worst, self.plan.recipe, self.scheduler, why, self._remaining()))
        self._journal.flush()
        finalists = frozenset(finalist_numbers(self.state))
        for one in surplus(on_disk(self.state.trials.values()), spec.keep_checkpoints, max_bytes, finalists):
            self._delete(one.trial, one.epoch)
            del self.state.trials[one.trial].checkpoints[one.epoch]
