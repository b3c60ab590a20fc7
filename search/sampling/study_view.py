"""The study as samplers see it. Optuna knows neither paused trials nor rungs.

Optuna cannot pause a trial. If samplers saw a paused trial as running, they would learn nothing from it, or the wrong
thing (TPE takes running trials for bad ones). If it were told as pruned, it could not be promoted any more. So it is
never told while it is paused, and samplers see it as pruned.

Samplers that model the objective have to compare trials that have trained to different rungs. Optuna compares such
trials by their last epoch first. So while such a sampler draws, ended and paused trials are shown as complete, and
their value is a score for their rank (`ranking.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from search.pruning.curve import orient
from search.sampling.ranking import Ranking, Scored

STUDY = 0
"""Optuna's number of the only study in the storage."""
_PARAMETERS = ("fixed_params", "tpe:relative_params")
"""Optuna keeps copies of a trial's parameters in system attributes whose names begin with these."""


class StudyView(optuna.storages.InMemoryStorage):
    """Optuna's storage in memory for one study, whose trials samplers see as described above.

    A sweep may have 10,000 trials, so little is kept of each. Equal distributions and attributes are one object. Of the
    reported values only those at rungs stay, and the last one, which samplers look at.

    Args:
        mode: "max" or "min".
        rungs: the epochs of the rungs, rising.
    """

    def __init__(self, mode: str, rungs: Sequence[int]) -> None:
        super().__init__()
        self._mode = mode
        self._rungs = tuple(rungs)
        self._ranked = False
        self._ranking = Ranking(len(self._rungs))
        self._distribution: dict[BaseDistribution, BaseDistribution] = {}
        self._distributions: dict[tuple[tuple[str, BaseDistribution], ...], dict[str, BaseDistribution]] = {}
        self._attributes: dict[tuple[tuple[str, Any], ...], dict[str, Any]] = {}
        self._numbers: dict[int, dict[str, Any]] = {}  # drawn values, where parameters are shares of ranges
        self._seconds: dict[int, float] = {}  # of an epoch
        self._infeasible: dict[int, float] = {}  # of trials that are open: Optuna takes a constraint once

    def drawn(self, number: int, values: dict[str, Any]) -> None:
        """Trial `number` has all its parameters, drawn as `values`. If both are equal, they are kept as one object.

        They differ if a number was asked for as its share of a range that varies (`varying_range.py`).
        """
        trial = self._trial(number)
        if trial.params == values:
            trial.params = values
        else:
            self._numbers[number] = values
        trial.distributions = self._distributions.setdefault(tuple(trial.distributions.items()), trial.distributions)
        trial.user_attrs = self._shared({})
        # Its parameters hold what it was enqueued with, and what TPE tells other processes before a trial is complete.
        trial.system_attrs = {
            name: value for name, value in trial.system_attrs.items() if not name.startswith(_PARAMETERS)
        }

    def report(self, number: int, epoch: int, value: float) -> None:
        """Trial `number` had reached `value` by `epoch`."""
        trial = self._trial(number)
        trial.intermediate_values = {**self._at_rungs(trial.intermediate_values, epoch), epoch: value}
        if number in self._ranking:  # it was paused and trains on
            self._compare(trial)

    def report_seconds(self, number: int, seconds: float) -> None:
        """A median epoch of trial `number` takes so long."""
        self._seconds[number] = seconds

    @contextmanager
    def ranked(self) -> Iterator[None]:
        """Show all ended and paused trials as complete, with a score for their rank."""
        self._ranked = True
        try:
            yield
        finally:
            self._ranked = False

    def pause(self, number: int, infeasible: float) -> None:
        """Trial `number` is paused: from now on it is seen as pruned, ranked behind what is less infeasible."""
        trial = self._trial(number)
        trial.state = TrialState.PRUNED
        self._infeasible[number] = infeasible
        self._compare(trial)

    def unpause(self, number: int) -> None:
        """Trial `number` is about to be told. Optuna lets only a running trial be told."""
        self._trial(number).state = TrialState.RUNNING

    def told(self, number: int) -> None:
        """Trial `number` was told."""
        trial = self._trial(number)
        self._infeasible.pop(number, None)
        self._compare(trial)
        if len(trial.system_attrs) == 1:  # the constraint, and nothing of the sampler's own
            trial.system_attrs = self._shared(trial.system_attrs)
        trial.datetime_complete = trial.datetime_start

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """See Optuna's `BaseStorage`: equal distributions are one object, not one for each trial."""
        shared = self._distribution.setdefault(distribution, distribution)
        super().set_trial_param(trial_id, param_name, param_value_internal, shared)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """See Optuna's `BaseStorage`."""
        if not self._ranked or states == (TrialState.WAITING,):
            return super().get_all_trials(study_id, deepcopy, states)
        trials = super().get_all_trials(study_id, deepcopy)
        scores = self._ranking.scores()
        as_complete = [
            _complete(trial, orient(scores[trial.number], self._mode)) if trial.number in scores else trial
            for trial in trials
        ]
        return [trial for trial in as_complete if states is None or trial.state in states]

    @property
    def ended(self) -> int:
        """How many trials have ended or have ever been paused."""
        return len(self._ranking)

    def scored(self) -> list[Scored]:
        """All trials, in the order in which they started."""
        trials = super().get_all_trials(STUDY, deepcopy=False)
        scores = self._ranking.scores()
        return [
            Scored(self._numbers.get(number, trial.params), scores.get(number), self._seconds.get(number))
            for number, trial in enumerate(trials)
        ]

    def _trial(self, number: int) -> FrozenTrial:
        """The stored trial itself, not a copy; with one study a trial's id is its number."""
        return self.get_trial(number)

    def _at_rungs(self, values: dict[int, float], before: int) -> dict[int, float]:
        """For each rung below the epoch `before`: the last of `values` up to it, by the rung's epoch."""
        epochs, at_rungs = sorted(values), {}
        for rung in self._rungs[: bisect_left(self._rungs, before)]:
            if rung in values:
                at_rungs[rung] = values[rung]
            elif epochs and epochs[0] < rung:
                at_rungs[rung] = values[epochs[bisect_left(epochs, rung) - 1]]
        return at_rungs

    def _reached(self, trial: FrozenTrial) -> list[float]:
        """The objective of `trial` at each rung that it has reached, and at its end if it is complete."""
        values = trial.intermediate_values
        at_rungs = self._at_rungs(values, max(values, default=0) + 1).values()
        reached = [orient(value, self._mode) for value in at_rungs]
        if trial.state is TrialState.COMPLETE:  # if its training ended early by itself, its end counts at later rungs
            reached += [orient(trial.value or 0.0, self._mode)] * (len(self._rungs) + 1 - len(reached))
        return reached

    def _compare(self, trial: FrozenTrial) -> None:
        infeasible = self._infeasible.get(trial.number, sum(trial.constraints.values()))
        self._ranking.compare(trial.number, self._reached(trial), infeasible)

    def _shared(self, attributes: dict[str, Any]) -> dict[str, Any]:
        return self._attributes.setdefault(tuple(attributes.items()), attributes)


def _complete(trial: FrozenTrial, score: float) -> FrozenTrial:
    complete = copy(trial)
    # `system_attrs` holds its constraint, which the rank has taken into account already.
    complete.state, complete.value, complete.system_attrs = TrialState.COMPLETE, score, {}
    return complete
