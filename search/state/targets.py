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
from search.state.cost import violation
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
    return [
        TargetResult(target, _mean(ranked[0].trainings, target.metric), target.bound(_reference(state, target, ranked)))
        for target in state.plan.targets
    ]


@dataclass(frozen=True)
class Difference:
    """How far the winner is above or below the training that a target names, by a metric on a part of the data.

    Attributes:
        metric: such as "night/map50_95".
        winner, reference: what each reached, the mean over its trainings.
        by_seed: the winner's value minus the reference's, on each fresh seed that both were confirmed on; if one was
            not confirmed, of its trainings in pairs.
    """

    metric: str
    winner: float
    reference: float
    by_seed: tuple[float, ...]

    @property
    def std(self) -> float:
        """Sample standard deviation of the differences; 0 for a single one."""
        return statistics.stdev(self.by_seed) if len(self.by_seed) > 1 else 0.0


def differences(state: SweepState, target: Target) -> list[Difference]:
    """By each part of the data, how the winner compares with the training that `target` names, if that is another."""
    ranked = finalists(state)
    if not ranked or ranked[0].trial.started.named == target.over:
        return []
    winner, reference = ranked[0].trainings, _trainings(state, target.over, ranked)
    if all(trial.started.kind == "confirm" for trial in (*winner, *reference)):
        by_seed = {trial.started.seed: trial for trial in reference}
        pairs = [(trial, by_seed[trial.started.seed]) for trial in winner if trial.started.seed in by_seed]
    else:
        pairs = list(zip(winner, reference, strict=False))
    compared = []
    for metric in state.plan.by_part(target):
        values = [(value_of(first, metric), value_of(second, metric)) for first, second in pairs]
        by_seed_values = tuple(
            winner_value - reference_value
            for winner_value, reference_value in values
            if winner_value is not None and reference_value is not None
        )
        means = _mean(winner, metric), _mean(reference, metric)
        if by_seed_values and means[0] is not None and means[1] is not None:
            compared.append(Difference(metric, means[0], means[1], by_seed_values))
    return compared


def _trainings(state: SweepState, named: str, ranked: Sequence[Finalist]) -> Sequence[TrialState]:
    """The trainings that count for the training `named`: those of its finalist in `ranked`, else that in the search."""
    for finalist in ranked:
        if finalist.trial.started.named == named:
            return finalist.trainings
    return [trial for trial in state.trials.search if trial.started.named == named]


def _reference(state: SweepState, target: Target, ranked: Sequence[Finalist]) -> float | None:
    """What the training that `target` names reached, the mean over its trainings."""
    return _mean(_trainings(state, target.over, ranked), target.metric)


def meets_all(trial: TrialState, state: SweepState) -> bool:
    """Whether a trial of the search meets all of the sweep's targets, and its limits, with a checkpoint to hand back.

    It does not as long as a training that a target names still runs: what that reaches is not known yet.
    """
    if not counts(trial.curve.reached, trial.curve.objective, trial.finished, trial.written):
        return False
    if violation(trial, state.plan.spec.limits):
        return False
    if any(target.over and _trains(state, target.over) for target in state.plan.targets):
        return False
    results = (
        TargetResult(target, value_of(trial, target.metric), target.bound(_reference(state, target, ())))
        for target in state.plan.targets
    )
    return all(result.met for result in results)


def _trains(state: SweepState, named: str) -> bool:
    """Whether the training of that name is still running and has epochs to train."""
    trainings = (trial for trial in state.trials.running.values() if trial.is_search and trial.started.named == named)
    return any(trial.curve.epoch < trial.started.settings["epochs"] for trial in trainings)


def targets_end(state: SweepState, trial: TrialState) -> SearchEnded | None:
    """The end of the search, if the sweep is to end at its targets and a trial meets them.

    `trial` has just finished an epoch. If it is a reference, its value has changed what others have to reach, so all
    trials of the search are looked at; else only `trial` is.
    """
    if not state.plan.spec.stop_at_targets or state.search_ended or not trial.is_search:
        return None
    candidates = state.trials.search if trial.is_reference else [trial]
    meets = next((candidate for candidate in candidates if meets_all(candidate, state)), None)
    if meets is None:
        return None
    count = len(state.plan.targets)
    met = "the target" if count == 1 else f"all {count} targets"
    detail = f"trial {meets.number} meets {met} after epoch {meets.curve.epoch}"
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
