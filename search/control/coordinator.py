"""What happens in a sweep, one event at a time, without knowing who runs the trials.

The coordinator hands out assignments, takes reports and decides. Each thing that happens is an event: it is written to
the journal first and then applied to the state, which nothing else changes, except that deleted checkpoints leave its
list. So a killed sweep is restored by applying the journal's events again: same rungs, same study, same ended trials.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from search.control import audit
from search.control.assignment import Assignment
from search.control.budget import Budget
from search.control.patience import search_end
from search.control.retention import on_disk, paused_to_give_up, surplus
from search.control.rules import decide, give_up, promote, repeated_failure
from search.journal.events import Decided, EpochDone, Event, Kind, Log, Row, SweepEnded, SweepOpened, TrialStarted
from search.pruning.decision import Decision
from search.sampling.searcher import Searcher
from search.sampling.warm_start import prior_values
from search.state.extension import that_stand
from search.state.listeners import SamplerListener, SchedulerListener
from search.state.outcome import finalist_numbers
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.build_scheduler import build_scheduler
from search.sweep.plan import Plan, draw
from search.sweep.seeds import derived
from spaces.space import known
from trainables.errors import SteadytuneError


class Coordinator:
    """Runs one sweep's logic.

    Args:
        plan: the checked sweep.
        journal: takes the events; open for writing.
        delete: removes the checkpoint of (trial, epoch).
        listen: called after each event that was applied.
        clock: wall-clock seconds.

    Attributes:
        halted: why everything was stopped; the sweep can be resumed later. None while it was not.
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
        self._undecided: list[EpochDone] = []  # after `restore`: the last epochs of running trials
        self.halted: Exception | None = None
        self._begin(restart=0)

    def _begin(self, restart: int) -> None:
        """Make an empty state, with the scheduler and the searcher that listen to it."""
        spec, mode = self.plan.spec, self.plan.recipe.mode
        self.scheduler = build_scheduler(self.plan)
        self.searcher = Searcher(lambda trial: draw(self.plan, trial), mode, spec.sampler, spec.seed, restart)
        sampler = SamplerListener(self.searcher, spec.limits, self.plan.earlier_values)
        self.state = SweepState(self.plan, [SchedulerListener(self.scheduler), sampler])

    def restore(self, rows: Iterable[Row]) -> None:
        """Restore a sweep from its journal; after `open` its unfinished trials are handed out first."""
        rows = list(rows)
        self._begin(restart=len(rows))
        for row in (rows := that_stand(rows)):
            self.state.apply(row)
        latest = {row.event.trial: row.event for row in rows if isinstance(row.event, EpochDone)}
        self._undecided = [latest[number] for number in self.state.trials.running if number in latest]
        self._budget.began = self._clock() - self.state.active_seconds

    def open(self, worker_slots: int) -> None:
        """Record that the sweep begins, or is resumed, now, and runs that many trials at a time."""
        self._record(SweepOpened(worker_slots, spec=self.plan.spec.model_dump(mode="json", exclude_none=True)))
        running = list(self.state.trials.running.values())
        for done in self._undecided:  # the process may have been killed between an epoch and the decision after it
            self._decide(self.state.trials[done.trial], done)
        self._end_search()
        self._unfinished = [self._assignment(trial) for trial in running if trial.running]
        self._journal.flush()

    # --- handing out ---------------------------------------------------------------------------------------------

    def next(self) -> Assignment | None:
        """The next training to run; None if there is none now, which need not mean that the sweep is `over`."""
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
        """Whether no training runs and none will be handed out any more."""
        if self.halted:
            return True
        if self._unfinished or self.state.trials.running or self.state.trials.paused:
            return False
        return not self._remaining() and self._next_confirmation() is None and self._next_audit() is None

    def _remaining(self) -> int:
        """Trials that the search may still start."""
        return 0 if self.scheduler.over else self._budget.remaining_trials(self.state)

    def _promote(self) -> Assignment | None:
        """Promote a paused trial, if there is one to promote."""
        if not self._budget.allows(self.state):
            return None
        promotion = promote(self.state, self.scheduler, self._remaining())
        if promotion is None:
            return None
        trial, decision = promotion
        self._record_decision(trial, decision)
        return self._assignment(trial)

    def _close(self) -> None:
        """End the paused trials once the search has finished and no running trial can open a rung for them."""
        if any(trial.is_search for trial in self.state.trials.running.values()):
            return
        paused = self.state.trials.paused.values()
        ends = [(trial, give_up(trial, self.plan.recipe, self.scheduler, "search finished")) for trial in paused]
        for trial, decision in ends:  # an ended trial ranks last: so all were compared before the first of them ends
            self._record_decision(trial, decision)
        self.tick()

    def _start_search(self) -> Assignment:
        number = len(self.state.trials)
        named = self.plan.named[number] if number < len(self.plan.named) else None
        prior = prior_values(self.plan, self.state.prior_trials, number - len(self.plan.named))
        # A named training outside the user's narrowed ranges is trained as it is, but is no trial of the study.
        values = known(self.plan.space, named[1], self.plan.spec.set) if named else prior or self.scheduler.new()
        drawn = self.searcher.ask(number, values) if values is not None and self.plan.ranges else {}
        seed = derived(self.plan.spec.seed, f"trial/{number}")
        return self._start(
            number, "search", number, named[0] if named else "", seed, drawn, {**named[1], **drawn} if named else drawn
        )

    def _start_confirmation(self) -> Assignment | None:
        confirmation = self._next_confirmation()
        if confirmation is None:
            return None
        of, index = confirmation
        original = self.state.trials[of].started
        # All finalists get the same fresh seeds, so that the seeds do not decide between them.
        seed = derived(self.plan.spec.seed, f"confirm/{index}")
        number = len(self.state.trials)
        return self._start(number, "confirm", of, original.named, seed, original.drawn, original.settings)

    def _next_confirmation(self) -> tuple[int, int] | None:
        """The next finalist to re-train and the index of its seed. The last search trials may still be running."""
        if self._budget.seconds_left() <= 0:
            return None
        # Seed by seed: if time runs out, as many finalists as possible have at least one.
        for index in range(self.plan.spec.confirm_seeds):
            for of in finalist_numbers(self.state):
                if len(self.state.trials.confirmations(of)) <= index:
                    return of, index
        return None

    def _start_audit(self) -> Assignment | None:
        of = self._next_audit()
        if of is None:
            return None
        stopped, number = self.state.trials[of].started, len(self.state.trials)
        return self._start(number, "audit", of, stopped.named, stopped.seed, stopped.drawn, stopped.settings)

    def _next_audit(self) -> int | None:
        """The stopped trial to train to its end, if there is time for that."""
        return audit.due(self.state) if self._budget.allows_training(self.state) else None

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
        """Take one epoch's report; returns whether the trial continues on its worker."""
        trial = self.state.trials[done.trial]
        if self.halted or not trial.running:
            return False
        if done.epoch <= trial.curve.epoch:  # repeated after a restart from an older checkpoint
            if done.checkpoint and done.epoch not in trial.checkpoints:  # it had been deleted as surplus
                self._delete(done.trial, done.epoch)
            return True
        self._record(done)
        self._decide(trial, done)
        self.tick()
        return trial.running

    def halt(self, error: Exception) -> None:
        """Stop everything because of an error outside the trials, such as a full disk; the sweep can be resumed."""
        self.halted = self.halted or error

    def end(self, ended: SweepEnded) -> None:
        """Record the result of the sweep."""
        self._record(ended)
        self._journal.flush()

    def fail(self, number: int, detail: str) -> None:
        """End a trial whose code raised or whose process died too often."""
        trial = self.state.trials[number]
        if trial.running and not self.halted:
            self._record_decision(trial, Decision("stop", "failed", detail))
            if cause := repeated_failure(self.state):
                self.halt(SteadytuneError(f"{cause}; mend it, then `steadytune resume {self.plan.spec.name}`"))
            self.tick()

    def finish(self, number: int, detail: str) -> None:
        """End a trial whose training has ended by itself before its last epoch, as its recipe allows."""
        trial = self.state.trials[number]
        if trial.running and not self.halted:
            self._record_decision(trial, Decision("stop", "done", f"{detail} ({trial.curve.epoch} epochs)"))
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
        """Flush the journal if that is due, then delete checkpoints that nothing needs. To be called often.

        A decision may be acted on up to half a second before it is on disk. If the driver is killed just then, the
        resumed sweep decides about the trial again by the same rules, or repeats an epoch from its checkpoint.
        """
        if self._journal.flush_if_due() or not self.state.trials.running:
            self._clean()

    def _decide(self, trial: TrialState, done: EpochDone) -> None:
        budget_reason = self._budget.exceeded(self.state, trial)
        decision = decide(trial, self.state, self.scheduler, done, budget_reason, self._remaining())
        if decision:
            self._record_decision(trial, decision)
        self._end_search()

    def _end_search(self) -> None:
        """End the search if its last trials have gained too little (`patience`)."""
        if ended := search_end(self.state):
            self._record(ended)

    def _record_decision(self, trial: TrialState, decision: Decision) -> None:
        self._record(Decided.of(trial.number, trial.curve.epoch, decision))

    def _record(self, event: Event) -> None:
        row = self._journal.append(event)
        self.state.apply(row)
        self._listen(row, self.state)

    # --- disk ----------------------------------------------------------------------------------------------------

    def _clean(self) -> None:
        """Delete checkpoints that nothing needs. Only after a flush, as a resume needs those that the journal names."""
        spec, max_bytes = self.plan.spec, self.plan.spec.max_checkpoint_gb * 1e9
        for trial in paused_to_give_up(self.state.trials.paused.values(), max_bytes):
            why = "checkpoints of paused trials would exceed max_checkpoint_gb"
            self._record_decision(trial, give_up(trial, self.plan.recipe, self.scheduler, why, self._remaining()))
        self._journal.flush()
        finalists = frozenset(finalist_numbers(self.state))
        checkpoints = on_disk(self.state.trials.values())
        for checkpoint in surplus(checkpoints, spec.keep_checkpoints, max_bytes, finalists):
            self._delete(checkpoint.trial, checkpoint.epoch)
            del self.state.trials[checkpoint.trial].checkpoints[checkpoint.epoch]
