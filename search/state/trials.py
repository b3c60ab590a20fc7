"""A sweep's trials by number, and the groups of them that the driver needs after each event."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping, Sequence

from search.journal.events import Decided
from search.state.cost import violation
from search.state.extension import continues
from search.state.trial_state import TrialState
from search.sweep.measure import Limit, Measure


class Trials(Mapping[int, TrialState]):
    """All trials by number, in the order in which they started.

    The groups are kept up to date rather than filtered at each call: a sweep may have 10,000 trials, and the driver
    reads the groups after each epoch.

    Attributes:
        search: the trials of the search, in order; the others confirm or audit one of them.
        audits: the audits, by the number of the audited trial.
        running, paused: the trials that have not ended, by number.
        finished: how many trials of the ranking trained to their last epoch.
    """

    def __init__(self, limits: Mapping[Measure, Limit]) -> None:
        """`limits`: the user's, on what a configuration may cost."""
        self._limits = limits
        self._trials: dict[int, TrialState] = {}
        self._confirmations: dict[int, list[TrialState]] = {}
        self._ranking: list[TrialState] = []
        self.finished = 0
        self.search: list[TrialState] = []
        self.audits: dict[int, TrialState] = {}
        self.running: dict[int, TrialState] = {}
        self.paused: dict[int, TrialState] = {}

    def __getitem__(self, number: int) -> TrialState:
        return self._trials[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._trials)

    def __len__(self) -> int:
        return len(self._trials)

    def add(self, trial: TrialState) -> None:
        """Add a trial that has just started."""
        self._trials[trial.number] = self.running[trial.number] = trial
        if trial.is_search:
            self.search.append(trial)
        elif trial.started.kind == "confirm":
            self._confirmations.setdefault(trial.started.of, []).append(trial)
        else:
            self.audits[trial.started.of] = trial

    def decide(self, decision: Decided) -> TrialState:
        """Take a decision into account; returns the trial that it is about."""
        trial = self._trials[decision.trial]
        trial.decisions.append(decision)
        self.running.pop(trial.number, None)
        self.paused.pop(trial.number, None)
        if trial.running:
            self.running[trial.number] = trial
        elif trial.paused:
            self.paused[trial.number] = trial
        if self._is_ranked(trial):
            insort(self._ranking, trial, key=_descending)
            self.finished += trial.finished
        return trial

    def settle(self) -> None:
        """Free the memory of trials that do not run.

        Only the driver does this. A process that only reads a sweep would unpack them again and again.
        """
        for trial in self._trials.values():
            trial.settle()

    def take_back_ends(self) -> None:
        """Make those trials paused or running again that ended only because the sweep had no more to do."""
        continued = {number for number, trial in self._trials.items() if continues(trial.decisions)}
        self._ranking = [trial for trial in self._ranking if trial.number not in continued]
        for number in sorted(continued):
            trial = self._trials[number]
            trial.decisions.take_back()
            (self.paused if trial.paused else self.running)[number] = trial

    def _is_ranked(self, trial: TrialState) -> bool:
        return trial.is_search and trial.counts and not violation(trial, self._limits)

    @property
    def ranking(self) -> Sequence[TrialState]:
        """The search's trials with a result (`TrialState.counts`) that keep the user's limits, best objective first."""
        return self._ranking

    def confirmations(self, of: int) -> list[TrialState]:
        """The trials that train the configuration of search trial `of` on fresh seeds."""
        return list(self._confirmations.get(of, ()))


def _descending(trial: TrialState) -> float:
    return -trial.curve.oriented(trial.curve.objective_value or 0.0)
