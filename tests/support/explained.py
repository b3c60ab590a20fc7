"""Whether each decision in a journal follows from the events before it, whatever order they came in.

With several workers the order of arrival at a rung is free, so two runs of a sweep may decide differently. Each must
still decide as the rules say about what it had seen by then: a decision that was lost, repeated, or taken on events
that a killed driver had not yet on disk would not.
"""

from __future__ import annotations

from collections.abc import Iterable

from search.control.budget import Budget
from search.control.coordinator import Coordinator
from search.control.rules import decide, give_up, promote
from search.journal.events import Decided, EpochDone, Row, SweepOpened, TrialStarted
from search.pruning.decision import Decision
from search.replay.simulation import Clock, DiscardingJournal
from search.state.trial_state import TrialState
from search.sweep.plan import Plan

SEARCH_FINISHED = "search finished"
"""Why paused trials are given up at the end of a search; other reasons are not derived here."""


class _Deriver:
    """A sweep's state after each row, and what the rules say about it."""

    def __init__(self, plan: Plan) -> None:
        clock = Clock()
        self.plan = plan
        self.coordinator = Coordinator(plan, DiscardingJournal(clock), delete=lambda trial, epoch: None, clock=clock)
        self.state, self.scheduler = self.coordinator.state, self.coordinator.scheduler
        self.budget = Budget(plan, clock)
        self.latest: dict[int, EpochDone] = {}
        self.ends: dict[int, Decision] = {}

    @property
    def remaining(self) -> int:
        return 0 if self.scheduler.over else self.budget.remaining_trials(self.state)

    def after_epoch(self, trial: TrialState) -> Decision | None:
        reason = self.budget.exceeded(self.state, trial)
        return decide(trial, self.state, self.scheduler, self.latest[trial.number], reason, self.remaining)

    def promotion(self) -> tuple[int, Decision] | None:
        promoted = promote(self.state, self.scheduler, self.remaining) if self.budget.allows(self.state) else None
        return (promoted[0].number, promoted[1]) if promoted else None

    def end_of_paused(self, number: int) -> Decision | None:
        """All paused trials were compared before the first of them ended."""
        paused = self.state.trials.paused
        if number not in self.ends:
            if any(trial.is_search for trial in self.state.trials.running.values()) or self.remaining:
                return None
            ends = {
                trial.number: give_up(trial, self.plan.recipe, self.scheduler, SEARCH_FINISHED)
                for trial in paused.values()
            }
            self.ends = ends
        return self.ends[number]

    def expected(self, decided: Decided) -> Decision | None:
        """What the rules say now about the trial of a decision."""
        trial = self.state.trials[decided.trial]
        if trial.running:
            return self.after_epoch(trial) if decided.trial in self.latest else None
        if not trial.paused:
            return None
        if decided.action == "stop":
            return self.end_of_paused(decided.trial)
        promoted = self.promotion()
        return promoted[1] if promoted and promoted[0] == decided.trial else None


def unexplained(plan: Plan, rows: Iterable[Row]) -> list[str]:
    """What does not follow, a sentence each. For sweeps that nobody steers, without a budget of hours.

    A trial that ended as failed is taken as it is: what its process did is not in the journal.
    """
    deriver, problems = _Deriver(plan), list[str]()
    due: dict[int, Decision] = {}
    for row in rows:
        event = row.event
        if isinstance(event, Decided):
            due.pop(event.trial, None)
            if event.reason != "failed":
                expected = deriver.expected(event)
                if expected is None or Decided.of(event.trial, event.epoch, expected) != event:
                    problems.append(f"row {row.seq}: {event}; the rules say {expected}")
        elif isinstance(event, TrialStarted) and event.kind == "search" and (promotion := deriver.promotion()):
            problems.append(f"row {row.seq}: trial {event.trial} started, though {promotion} was due")
        elif isinstance(event, EpochDone) and event.trial in due:
            problems.append(f"row {row.seq}: trial {event.trial} trained on, though {due.pop(event.trial)} was due")
        deriver.state.apply(row)
        if isinstance(event, EpochDone):
            deriver.latest[event.trial] = event
            if decision := deriver.after_epoch(deriver.state.trials[event.trial]):
                due[event.trial] = decision
        elif isinstance(event, SweepOpened):
            due = {number: decision for number, decision in due.items() if deriver.state.trials[number].running}
    return problems + [f"trial {number} ends without {decision}" for number, decision in due.items()]
