"""How much remains of a sweep's budget of trials, epochs and hours.

The search stops early enough for the confirmation, for which at most a third of the hours is reserved. It starts no
trial that could not be trained to its end any more; the rest of the budget goes to the paused trials.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from heapq import heapreplace

from search.state.cost import measure_cost
from search.state.outcome import finalist_numbers
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.plan import Plan

CONFIRMATION_SHARE = 1 / 3
"""At most this share of the hours is reserved for the confirmation: a sweep of few trainings gains more from a longer
search."""


class Budget:
    """One sweep's budget.

    Args:
        plan: the checked sweep.
        clock: seconds, of which only differences count.

    Attributes:
        began: the clock's time at which the sweep would have begun if it had run without interruption until now.
    """

    def __init__(self, plan: Plan, clock: Callable[[], float]) -> None:
        self._plan = plan
        self._clock = clock
        self.began = clock()

    def remaining_trials(self, state: SweepState) -> int:
        """How many trials the search may still start."""
        remaining = 0 if state.search_ended else state.trial_budget - len(state.trials.search)
        return remaining if remaining > 0 and self.allows(state, self._plan.max_epochs) else 0

    def allows(self, state: SweepState, epochs: int = 1) -> bool:
        """Whether the search may take `epochs` more. The first trial always may, so that there is a result."""
        spec = self._plan.spec
        if state.targets_met:
            return False
        if spec.epoch_budget is not None and state.trials.search and state.epochs + epochs > spec.epoch_budget:
            return False
        if spec.hours is None:
            return True
        return self.seconds_left() > self._confirm_seconds(state) + epochs * state.epoch_seconds

    def allows_training(self, state: SweepState) -> bool:
        """Whether there is time for one more whole training that is not part of the search."""
        return self.seconds_left() >= self._plan.max_epochs * state.epoch_seconds

    def exceeded(self, state: SweepState, trial: TrialState) -> str:
        """Why `trial` has to end now, or ""."""
        spec = self._plan.spec
        # The trainings that the result is compared with are not ended early to save time for the confirmation.
        reserves = trial.is_search and not trial.trains_to_end
        if spec.hours is not None and self.seconds_left() <= (self._confirm_seconds(state) if reserves else 0.0):
            note = " (the rest is reserved for the confirmation)" if reserves and self.seconds_left() > 0 else ""
            return f"the sweep's {spec.hours:g} hours are used up{note}"
        if trial.is_search and state.targets_met:
            return "the sweep's targets are met"
        if trial.is_search and spec.epoch_budget is not None and state.epochs >= spec.epoch_budget:
            return f"the sweep's {spec.epoch_budget} epochs are used up"
        return ""

    def seconds_left(self) -> float:
        """How much of the sweep's hours remains; infinite if they are not limited."""
        hours = self._plan.spec.hours
        return math.inf if hours is None else hours * 3600 - (self._clock() - self.began)

    def _confirm_seconds(self, state: SweepState) -> float:
        """How long the confirmation may take, estimated from the epochs so far; 0 before the first.

        Each finalist is trained again at its own pace: the best trials are often the larger, slower models.
        """
        spec, plan = self._plan.spec, self._plan
        if not spec.confirm_top or spec.hours is None:
            return 0.0
        # Finalists may be any of the finished trials, the running ones, and one that may be started now.
        running = sum(trial.is_search for trial in state.trials.running.values())
        numbers = finalist_numbers(state)
        count = min(spec.confirm_top + len(plan.references), len(numbers) + running + 1)
        paces = [measure_cost(state.trials[number], "epoch_seconds") or state.epoch_seconds for number in numbers]
        paces = (paces + [state.epoch_seconds] * count)[:count]
        trainings = [pace * plan.max_epochs for pace in paces] * spec.confirm_seeds
        # One epoch more, as a trial of the search is ended only after the epoch in which its time is used up.
        # The confirmation goes seed by seed and takes the best first, so it is useful even if it is cut short.
        needed = state.epoch_seconds + seconds_for(trainings, state.worker_slots)
        return min(needed, CONFIRMATION_SHARE * spec.hours * 3600)


def seconds_for(trainings: Iterable[float], workers: int) -> float:
    """When the last of some trainings ends, if each starts in turn as soon as one of the workers is free.

    Args:
        trainings: how many seconds each takes.
        workers: how many train at a time.
    """
    busy_until = [0.0] * workers
    for seconds in trainings:
        heapreplace(busy_until, busy_until[0] + seconds)
    return max(busy_until)
