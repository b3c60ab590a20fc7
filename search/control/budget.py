"""How much of a sweep's budget is left: of its trials, its epochs and its hours, whichever ends first.

The search stops in time for the confirmation, for which at most half of the hours is kept, and starts no trial that
could not be trained to its end any more: what is left then goes to the trials that wait.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from search.state.outcome import finalist_numbers
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.plan import Plan


class Budget:
    """One sweep's budget.

    Attributes:
        began: when it began by the clock, without the pauses between a kill and a resume.
        places: trials at a time.
    """

    def __init__(self, plan: Plan, clock: Callable[[], float]) -> None:
        self._plan = plan
        self._clock = clock
        self.began = clock()
        self.places = 1

    def left(self, state: SweepState) -> int:
        """Trials that the search may still start."""
        left = 0 if state.search_ended else self._plan.spec.trials - len(state.trials.search)
        return left if left > 0 and self.allows(state, self._plan.max_epochs) else 0

    def allows(self, state: SweepState, epochs: int = 1) -> bool:
        """Whether there is room for so many more epochs of the search; always for the first trial."""
        spec = self._plan.spec
        if spec.epochs is not None and state.trials.search and state.epochs + epochs > spec.epochs:
            return False
        if spec.hours is None:
            return True
        return self.seconds_left() > self._confirm_seconds(state) + epochs * state.epoch_seconds

    def allows_one_more(self, state: SweepState) -> bool:
        """Whether there is time for a whole training that is not part of the search."""
        return self.seconds_left() >= self._plan.max_epochs * state.epoch_seconds

    def exceeded(self, state: SweepState, trial: TrialState) -> str:
        """Why `trial` has to end now, or ""."""
        spec, searching = self._plan.spec, trial.started.kind == "search"
        # The baseline is what the result is compared with: only the hours themselves end it.
        yields = searching and not trial.is_baseline
        if spec.hours is not None and self.seconds_left() <= (self._confirm_seconds(state) if yields else 0.0):
            aside = " (time to confirm the best set aside)" if yields and self.seconds_left() > 0 else ""
            return f"the sweep's {spec.hours:g} hours are used up{aside}"
        if searching and spec.epochs is not None and state.epochs >= spec.epochs:
            return f"the sweep's {spec.epochs} epochs are used up"
        return ""

    def seconds_left(self) -> float:
        """Of the sweep's hours; infinite without any."""
        hours = self._plan.spec.hours
        return math.inf if hours is None else hours * 3600 - (self._clock() - self.began)

    def _confirm_seconds(self, state: SweepState) -> float:
        """How long the confirmation may take, from the epochs so far; 0 before the first."""
        spec = self._plan.spec
        if not spec.confirm_top or spec.hours is None:
            return 0.0
        # Who may still come in: those that are finished, those that run, and one that may be started now.
        running = sum(trial.started.kind == "search" for trial in state.trials.running.values())
        finalists = min(spec.confirm_top + 1, len(finalist_numbers(state)) + running + 1)
        rounds = math.ceil(finalists * spec.confirm_seeds / self.places)
        # One epoch more: the search's trials learn only after their epoch that their time is over.
        # It trains the best first, seed by seed: in hours that are too few, half of them serve it better than none.
        return min(state.epoch_seconds * (rounds * self._plan.max_epochs + 1), spec.hours * 3600 / 2)
