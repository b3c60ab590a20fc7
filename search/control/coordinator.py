"""The coordinator runs a sweep's logic, one event at a time. It does not know who runs the trials.

It hands out assignments, takes reports and decides. Everything that happens is an event: it is first written to the
journal and then applied to the state. Nothing else changes the state, except that deleted checkpoints are removed from
its list. So a killed sweep is restored by applying the journal's events again: same rungs, same study, same trials.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial

from search.control.assignment import Assignment
from search.control.budget import Budget
from search.control.next_trial import added_trial, auditing_trial, confirming_trial, redrawn_values, search_trial
from search.control.patience import search_end
from search.control.retention import paused_to_give_up, to_delete
from search.control.rules import decide, give_up, promote, repeated_failure
from search.control.steering import answer, consequences
from search.journal.events import Decided, EpochDone, Event, Log, Requested, Row, SweepEnded, SweepOpened, TrialStarted
from search.pruning.decision import Decision
from search.sampling.build_searcher import build_searcher
from search.state.extension import has_other_space, that_stand
from search.state.listeners import SamplerListener, SchedulerListener
from search.state.more import more_options
from search.state.sweep_state import SweepState
from search.state.targets import targets_end
from search.state.trial_state import TrialState
from search.sweep.build_scheduler import build_scheduler
from search.sweep.plan import Plan
from search.sweep.requests import RequestBox
from trainables.errors import SteadytuneError


class Coordinator:
    """Runs one sweep's logic.

    Args:
        plan: the checked sweep.
        journal: takes the events; open for writing.
        delete: removes the checkpoint of (trial, epoch).
        requests: what users ask for by hand; None if nobody can ask.
        listen: called after each event that was applied.
        how_to_resume: the command line that goes on with the sweep, with options of `resume`; for errors.
        clock: returns seconds, of which only differences count. The time of day would not do: it may be set meanwhile.

    Attributes:
        halted: the error because of which everything was stopped; None if there is none. The sweep can be resumed.
    """

    def __init__(
        self,
        plan: Plan,
        journal: Log,
        *,
        delete: Callable[[int, int], None],
        requests: RequestBox | None = None,
        listen: Callable[[Row, SweepState], None] = lambda row, state: None,
        how_to_resume: Callable[..., str] = lambda *options: " ".join(("steadytune resume NAME", *options)),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self._journal, self._delete = journal, delete
        self._requests, self._listen = requests, listen
        self._how_to_resume = how_to_resume
        self._clock, self._budget = clock, Budget(plan, clock)
        self._unfinished: list[Assignment] = []  # to hand out before new ones
        self._exclusive: set[int] = set()
        self._undecided: list[EpochDone] = []  # after `restore`: the last epochs of running trials
        self.halted: Exception | None = None
        self._begin(restart=0)

    def _begin(self, restart: int, has_other_space: bool = False) -> None:
        """Make an empty state, with the scheduler and the searcher that listen to it."""
        plan = self.plan
        self.scheduler = build_scheduler(plan)
        self.searcher = build_searcher(plan, self.scheduler.rungs, restart)
        redraw = partial(redrawn_values, plan) if has_other_space else None
        sampler = SamplerListener(self.searcher, plan.spec.limits, plan.earlier_values, redraw)
        self.state = SweepState(plan, [SchedulerListener(self.scheduler), sampler])

    def restore(self, rows: Iterable[Row]) -> None:
        """Restore a sweep from its journal. Once it is opened, its unfinished trials are handed out first."""
        rows = list(rows)
        self._begin(len(rows), has_other_space=has_other_space(rows))
        for row in (rows := that_stand(rows)):
            self.state.apply(row)
        self.state.trials.settle()
        latest = {row.event.trial: row.event for row in rows if isinstance(row.event, EpochDone)}
        self._undecided = [latest[number] for number in self.state.trials.running if number in latest]
        self._budget.began = self._clock() - self.state.active_seconds

    def open(self, worker_slots: int) -> None:
        """Record that the sweep begins or is resumed now, with `worker_slots` trials at a time."""
        self._record(SweepOpened(worker_slots, spec=self.plan.spec.model_dump(mode="json", exclude_none=True)))
        running = list(self.state.trials.running.values())
        for done in self._undecided:  # the process may have been killed between an epoch and the decision after it
            self._decide(self.state.trials[done.trial], done)
        self._end_search()
        self._unfinished = [self._assignment(trial) for trial in running if trial.running]
        self._journal.flush()
        self.take_requests(opening=True)

    # --- handing out ---------------------------------------------------------------------------------------------

    def next(self) -> Assignment | None:
        """The next training to run; None if there is none at the moment, even if the sweep is not `over`."""
        if self.halted:
            return None
        while self._unfinished:
            assignment = self._unfinished.pop(0)
            if self.state.trials[assignment.trial].running:  # else it has been stopped by hand meanwhile
                return assignment
        if added := added_trial(self.state, self.searcher):
            return self._start(added)
        if promoted := self._promote():
            return promoted
        if self._remaining():
            return self._start(search_trial(self.state, self.scheduler, self.searcher))
        self._close()
        repeat = self._confirming() or self._auditing()
        return self._start(repeat) if repeat else None

    @property
    def over(self) -> bool:
        """Whether no training runs and none will be handed out any more."""
        if self.halted:
            return True
        if self.state.to_add or self.state.trials.running or self.state.trials.paused:
            return False
        return not self._remaining() and self._confirming() is None and self._auditing() is None

    def _remaining(self) -> int:
        """Trials that the search may still start."""
        return 0 if self.scheduler.over else self._budget.remaining_trials(self.state)

    def _promote(self) -> Assignment | None:
        """Promote a paused trial, if there is one to promote."""
        if self.state.stopped_by_hand or not self._budget.allows(self.state):
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
        for trial, decision in ends:  # an ended trial ranks last, so all were compared before the first one ends
            self._record_decision(trial, decision)
        self.tick()

    def _confirming(self) -> TrialStarted | None:
        """The next confirmation, if there is time for one."""
        return confirming_trial(self.state) if self._budget.seconds_left() > 0 else None

    def _auditing(self) -> TrialStarted | None:
        """The next audit, if there is time for one."""
        return auditing_trial(self.state) if self._budget.allows_training(self.state) else None

    def _start(self, started: TrialStarted) -> Assignment:
        self._record(started)
        return self._assignment(self.state.trials[started.trial])

    def _assignment(self, trial: TrialState) -> Assignment:
        return Assignment(trial.number, trial.started.settings, trial.curve.epoch, trial.number in self._exclusive)

    # --- taking requests ---------------------------------------------------------------------------------------------

    def take_requests(self, *, opening: bool = False) -> None:
        """Answer users' requests, each of them once, even if this process is killed meanwhile.

        The answer and its consequences reach the disk together, and only then is the request's file removed.
        `opening`: the sweep is just starting, so it cannot be paused. Raises KeyboardInterrupt to pause it.
        """
        if self._requests is None or self.halted:
            return
        for request in self._requests.pending():
            if request.id not in self.state.requests:
                self._answer(answer(request, self.state, opening))
            self._requests.remove(request)
            if request.verb == "pause" and self.state.requests[request.id].accepted and not opening:
                raise KeyboardInterrupt

    def _answer(self, requested: Requested) -> None:
        for event in [requested, *consequences(requested, self.state, self.scheduler, self._remaining())]:
            self._record(event)
        self._journal.flush()
        if requested.accepted and requested.verb == "promote" and requested.trial is not None:
            self._unfinished.append(self._assignment(self.state.trials[requested.trial]))

    # --- taking reports ------------------------------------------------------------------------------------------

    def report(self, done: EpochDone) -> bool:
        """Take one epoch's report; returns whether the trial continues on its worker."""
        trial = self.state.trials[done.trial]
        if self.halted:
            return False
        if not trial.running:
            if done.checkpoint:  # the trial was stopped by hand during this epoch
                self._delete(done.trial, done.epoch)
            return False
        if done.epoch <= trial.curve.epoch:  # repeated after a restart from an older checkpoint
            if done.checkpoint and done.epoch not in trial.checkpoints:  # the earlier one was deleted as surplus
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
                has_more = len(self.state.trials.search) < self.state.trial_budget
                resume = self._how_to_resume(*(() if has_more else more_options(self.state)))
                self.halt(SteadytuneError(f"{cause}; mend it, then `{resume}`"))
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
        """Flush the journal if that is due, then delete checkpoints that nothing needs. It has to be called often.

        A decision may be acted on up to half a second before it is on disk. If the driver is killed just then, the
        resumed sweep decides about the trial again by the same rules, or repeats an epoch from its checkpoint.
        """
        if self._journal.flush_if_due() or not self.state.trials.running:
            self._clean()

    def _decide(self, trial: TrialState, done: EpochDone) -> None:
        if ended := targets_end(self.state, trial):
            self._record(ended)
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
        trial.settle()

    def _record(self, event: Event) -> None:
        row = self._journal.append(event)
        self.state.apply(row)
        self._listen(row, self.state)

    # --- disk ----------------------------------------------------------------------------------------------------

    def _clean(self) -> None:
        """Delete checkpoints that nothing needs. Call it after a flush: a resume needs those that the journal names."""
        max_bytes = self.plan.spec.max_checkpoint_gb * 1e9
        for trial in paused_to_give_up(self.state.trials.paused.values(), max_bytes):
            why = "checkpoints of paused trials would exceed max_checkpoint_gb"
            self._record_decision(trial, give_up(trial, self.plan.recipe, self.scheduler, why, self._remaining()))
        self._journal.flush()
        for checkpoint in to_delete(self.state):
            self._delete(checkpoint.trial, checkpoint.epoch)
            self.state.trials[checkpoint.trial].forget_checkpoint(checkpoint.epoch)
