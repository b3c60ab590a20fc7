"""The outcome of a sweep: its finalists, its result and the best checkpoint of a configuration."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from search.journal.events import SweepEnded
from search.pruning.objective import Rating
from search.state.cost import violation
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.folder import SweepFolder
from trainables.checkpoint import check
from trainables.errors import CheckpointError
from trainables.metric_text import mean_and_std_text, metric_text


@dataclass(frozen=True)
class Finalist:
    """A configuration, and what its trainings on fresh seeds reached.

    Attributes:
        trial: the search trial that found it.
        values: the objective of each training on a fresh seed; that of the search trial if it was not confirmed.
        failed: how many trainings on fresh seeds failed with nothing to hand back.
        confirmed: whether `values` come from fresh seeds.
        trainings: the trainings that `values` come from.
        stopped: how many trainings on fresh seeds failed after they had reached a value that counts; it is in `values`.
    """

    trial: TrialState
    values: tuple[float, ...]
    failed: int
    confirmed: bool
    trainings: tuple[TrialState, ...]
    stopped: int = 0

    @property
    def mean(self) -> float:
        """Mean of the values."""
        return statistics.fmean(self.values)

    @property
    def last(self) -> float:
        """Mean of the same trainings' objective `last`. Champions of older versions are compared by it."""
        smoothed = (training.curve.smoothed_value for training in self.trainings)
        return statistics.fmean(value for value in smoothed if value is not None)

    @property
    def std(self) -> float:
        """Sample standard deviation of the values; 0 for a single one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0


def finalist_numbers(state: SweepState) -> list[int]:
    """The search trials to confirm: the best few, and those that the result is compared with.

    The baseline is one of these, so that the winner is never worse than it.
    """
    confirm_top = state.plan.spec.confirm_top
    if not confirm_top:
        return []
    best, others = state.trials.ranking[:confirm_top], state.trials.ranking[confirm_top:]
    return [trial.number for trial in [*best, *(trial for trial in others if trial.is_reference)]]


def finalists(state: SweepState) -> list[Finalist]:
    """The finalists, best first; see `ranked`. Without confirmations it is the best trial of the search, if any."""
    finalists = [finalist for number in finalist_numbers(state) if (finalist := _finalist(state, number))]
    if not finalists:
        finalists = [_unconfirmed(trial, failed=0) for trial in state.trials.ranking[:1]]
    return ranked(finalists)


def ranked(finalists: Sequence[Finalist]) -> list[Finalist]:
    """`finalists`, best first: the confirmed before the others, then those with fewer failed seeds, then by their mean.

    A value reached in the search is worth less than one on fresh seeds, since it is the best of many. That is not true
    of the baseline, which nobody chose for its value. So if the budget left no time to confirm the baseline, it counts
    as if it were confirmed, and a sweep still never hands back less than it began with.
    """
    any_confirmed = any(finalist.confirmed for finalist in finalists)

    def key(finalist: Finalist) -> tuple[bool, int, float]:
        comparable = finalist.confirmed or (any_confirmed and finalist.trial.is_baseline)
        return comparable, -finalist.failed, finalist.trial.curve.oriented(finalist.mean)

    return sorted(finalists, key=key, reverse=True)


def _finalist(state: SweepState, number: int) -> Finalist | None:
    runs = [run for run in state.trials.confirmations(number) if not run.running]
    counted = _counted(state, number)
    stopped = sum(run.failed for run in counted)
    failed = sum(run.failed for run in runs) - stopped
    values = tuple(run.curve.objective_value for run in counted if run.curve.objective_value is not None)
    if values:
        trainings = tuple(counted)
        return Finalist(state.trials[number], values, failed, confirmed=True, trainings=trainings, stopped=stopped)
    return _unconfirmed(state.trials[number], failed)


def _counted(state: SweepState, number: int) -> list[TrialState]:
    """The trainings of configuration `number` on fresh seeds by which it is judged."""
    # A training that the budget ended is left out, since it might have become better. A failed one would not have.
    return [run for run in state.trials.confirmations(number) if run.counts and (run.finished or run.failed)]


def _unconfirmed(trial: TrialState, failed: int) -> Finalist:
    assert trial.curve.objective_value is not None  # it is in the ranking
    return Finalist(trial, (trial.curve.objective_value,), failed, confirmed=False, trainings=(trial,))


def result(state: SweepState) -> SweepEnded:
    """The event that ends the sweep in the journal."""
    ranked = finalists(state)
    if not ranked:
        return SweepEnded(-1, f"{_why_no_winner(state)}, so there is no best configuration")
    best = ranked[0]
    metric = state.plan.recipe.metric
    numbers = {"mean": best.mean, "std": best.std, "seeds": float(len(best.values)), "last": best.last}
    if not best.confirmed:
        detail = f"{metric} {metric_text(best.mean)} (one training, not confirmed)"
        return SweepEnded(best.trial.number, detail, numbers)
    detail = f"{metric} {metric_text(best.mean)} over one fresh seed"
    if len(best.values) > 1:
        detail = f"{metric} {mean_and_std_text(best.mean, best.std)} over {len(best.values)} fresh seeds"
    return SweepEnded(best.trial.number, detail, numbers)


def _why_no_winner(state: SweepState) -> str:
    limits = state.plan.spec.limits
    if beyond := sum(trial.counts and violation(trial, limits) > 0 for trial in state.trials.search):
        which = "the only trial with a result breaks" if beyond == 1 else f"all {beyond} trials with a result break"
        return f"{which} the limits on {' and '.join(limits)}"
    if any(trial.finished for trial in state.trials.search):
        return f"no trial has a finite {state.plan.recipe.metric}"
    return "no trial trained to its end"


@dataclass(frozen=True)
class BestCheckpoint:
    """The checkpoint of a configuration that is handed back.

    Attributes:
        trial: the training that wrote it: the search's, or one on a fresh seed.
        epoch: the epoch after which it was written.
        path: its folder.
        value: the metric after that epoch alone: evaluating the checkpoint gives it again.
    """

    trial: TrialState
    epoch: int
    path: Path
    value: float


def best_checkpoint(state: SweepState, number: int, folder: SweepFolder) -> BestCheckpoint | None:
    """The best checkpoint on disk of any training of configuration `number`, by `search.pruning.objective.ratings`."""
    return _best_of((trial for trial in state.trials.values() if trial.started.of == number), folder)


def seed_checkpoints(state: SweepState, number: int, folder: SweepFolder) -> list[BestCheckpoint]:
    """The best checkpoint on disk of each training of configuration `number` on a fresh seed, the best one first."""
    checkpoints = [checkpoint for training in _counted(state, number) if (checkpoint := _best_of([training], folder))]
    return sorted(checkpoints, key=lambda checkpoint: checkpoint.trial.curve.oriented(checkpoint.value), reverse=True)


def _best_of(trials: Iterable[TrialState], folder: SweepFolder) -> BestCheckpoint | None:
    for trial, epoch, rating in best_first(trials):
        if path := sound_checkpoint(folder, trial, epoch):
            return BestCheckpoint(trial, epoch, path, trial.curve.oriented(rating[1]))
    return None


def best_first(trials: Iterable[TrialState]) -> list[tuple[TrialState, int, Rating]]:
    """The epochs of `trials` whose checkpoints may be handed back, by their ratings, the best one first."""
    epochs = [
        (trial, epoch, rating)
        for trial in trials
        if trial.hands_back
        for epoch, rating in trial.curve.ratings().items()
    ]
    return sorted(epochs, key=lambda entry: entry[2], reverse=True)


def sound_checkpoint(folder: SweepFolder, trial: TrialState, epoch: int) -> Path | None:
    """The checkpoint of an epoch in the sweep's folder; None if there is none, or a damaged one."""
    path = folder.checkpoint(trial.number, epoch)
    if not path.is_dir():
        return None
    try:
        check(path)
    except CheckpointError:
        return None
    return path
