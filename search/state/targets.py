"""Which of a sweep's targets a configuration meets.

The sweep's own metric counts by its objective (`search.pruning.objective`). Any other metric or loss counts by its
value after the epoch whose checkpoint is handed back, because that is the model that a user gets.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from search.journal.events import TARGETS, SearchEnded
from search.pruning.objective import counts
from search.state.outcome import Finalist, finalists
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.targets import Target


@dataclass(frozen=True)
class TargetResult:
    """How a configuration compares with one target.

    Attributes:
        target: what was asked for.
        value: what it reached, the mean over its trainings; None if the metric was never reported.
        bound: what it had to reach; None if the training that the target names has not reached anything.
    """

    target: Target
    value: float | None
    bound: float | None

    @property
    def met(self) -> bool:
        """Whether the target is known to be met."""
        return self.value is not None and self.bound is not None and self.target.is_met(self.value, self.bound)


def target_results(state: SweepState) -> list[TargetResult]:
    """Each of the sweep's targets, with what the winner reached; empty without a winner."""
    ranked = finalists(state) if state.plan.targets else []
    if not ranked:
        return []
    means = {finalist.trial.started.named: finalist for finalist in ranked}
    return [
        TargetResult(target, _mean(ranked[0].trainings, target.metric), target.bound(_reference(state, target, means)))
        for target in state.plan.targets
    ]


def _reference(state: SweepState, target: Target, means: dict[str, Finalist]) -> float | None:
    """What the training that `target` names reached: the mean over fresh seeds, or in the search."""
    if target.over in means:
        return _mean(means[target.over].trainings, target.metric)
    return _mean([trial for trial in state.trials.search if trial.started.named == target.over], target.metric)


def meets_all(trial: TrialState, state: SweepState) -> bool:
    """Whether a trial of the search meets all of the sweep's targets with a checkpoint that can be handed back."""
    if not counts(trial.curve.reached, trial.curve.objective, trial.finished, trial.written):
        return False
    results = (
        TargetResult(target, value_of(trial, target.metric), target.bound(_reference(state, target, {})))
        for target in state.plan.targets
    )
    return all(result.met for result in results)


def targets_end(state: SweepState, trial: TrialState) -> SearchEnded | None:
    """The end of the search, if the sweep is to end at its targets and `trial` meets them."""
    if not state.plan.spec.stop_at_targets or state.search_ended or not trial.is_search or not meets_all(trial, state):
        return None
    count = len(state.plan.targets)
    met = "the target" if count == 1 else f"all {count} targets"
    detail = f"trial {trial.number} meets {met} after epoch {trial.curve.epoch}"
    return SearchEnded(detail, {TARGETS: float(count)})


def value_of(trial: TrialState, metric: str) -> float | None:
    """What a training reached of `metric`, see the module's docstring; None if it was not reported."""
    reached = trial.curve.reached
    if reached is None:
        return None
    if metric not in trial.target_values:  # the sweep's own
        return reached.value
    return trial.target_values[metric].get(reached.epoch)


def _mean(trainings: Sequence[TrialState], metric: str) -> float | None:
    values = [value for trial in trainings if (value := value_of(trial, metric)) is not None]
    return statistics.fmean(values) if values else None
