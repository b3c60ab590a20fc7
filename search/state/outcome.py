"""How a sweep came out: its finalists, its result and the best checkpoint of a configuration."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path

from search.journal.events import SweepEnded
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.folder import SweepFolder
from trainables.checkpoint import check
from trainables.errors import CheckpointError


@dataclass(frozen=True)
class Finalist:
    """A configuration with what its trainings on fresh seeds reached.

    Attributes:
        trial: the search trial that found it.
        values: the smoothed value of each fresh seed's training; the search trial's own if nothing was confirmed.
        failed: how many of the fresh trainings failed, or never reached a value.
        confirmed: whether `values` come from fresh seeds.
    """

    trial: TrialState
    values: tuple[float, ...]
    failed: int
    confirmed: bool

    @property
    def mean(self) -> float:
        """Mean of the values."""
        return statistics.fmean(self.values)

    @property
    def std(self) -> float:
        """Sample standard deviation of the values; 0 for a single one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0


def finalist_numbers(state: SweepState) -> list[int]:
    """The search trials to confirm: the best few, and the baseline, so that the winner is never worse than it."""
    confirm_top = state.plan.spec.confirm_top
    if not confirm_top:
        return []
    best, others = state.trials.ranking[:confirm_top], state.trials.ranking[confirm_top:]
    return [trial.number for trial in [*best, *(trial for trial in others if trial.is_baseline)]]


def finalists(state: SweepState) -> list[Finalist]:
    """The finalists, best first: by their mean over fresh seeds, those that failed on any seed last.

    Without a confirmation it is the best trial of the search, if there is one.
    """
    finalists = [finalist for number in finalist_numbers(state) if (finalist := _finalist(state, number))]
    if not finalists:
        finalists = [_unconfirmed(trial, failed=0) for trial in state.trials.ranking[:1]]
    return sorted(
        finalists,
        key=lambda finalist: (finalist.confirmed, -finalist.failed, finalist.trial.curve.oriented(finalist.mean)),
        reverse=True,
    )


def _finalist(state: SweepState, number: int) -> Finalist | None:
    runs = [run for run in state.trials.confirmations(number) if not run.running]
    failed = sum(run.failed for run in runs)
    values = tuple(run.curve.smoothed_value for run in runs if run.finished and run.curve.smoothed_value is not None)
    if values:
        return Finalist(state.trials[number], values, failed, confirmed=True)
    return _unconfirmed(state.trials[number], failed)


def _unconfirmed(trial: TrialState, failed: int) -> Finalist:
    assert trial.curve.smoothed_value is not None  # it is in the ranking
    return Finalist(trial, (trial.curve.smoothed_value,), failed, confirmed=False)


def result(state: SweepState) -> SweepEnded:
    """How the sweep ended, for the journal."""
    ranked = finalists(state)
    if not ranked:
        return SweepEnded(-1, "no trial trained to its end, so there is no best configuration")
    best = ranked[0]
    metric = state.plan.recipe.metric
    numbers = {"mean": best.mean, "std": best.std, "seeds": float(len(best.values))}
    if not best.confirmed:
        return SweepEnded(best.trial.number, f"{metric} {best.mean:.4f} (one training, not confirmed)", numbers)
    detail = f"{metric} {best.mean:.4f} over one fresh seed"
    if len(best.values) > 1:
        detail = f"{metric} {best.mean:.4f} ± {best.std:.4f} over {len(best.values)} fresh seeds"
    return SweepEnded(best.trial.number, detail, numbers)


def best_checkpoint(state: SweepState, number: int, folder: SweepFolder) -> tuple[TrialState, int, Path] | None:
    """The best checkpoint on disk of any training of configuration `number`: its trial, epoch and path."""
    best: tuple[TrialState, int, Path] | None = None
    best_value = 0.0
    for trial in state.trials.values():
        if trial.started.of != number or trial.failed:
            continue
        for point in trial.curve.evaluated:
            value = trial.curve.oriented(point.value or 0.0)
            path = folder.checkpoint(trial.number, point.epoch)
            if (best is None or value > best_value) and path.is_dir() and _is_sound(path):
                best, best_value = (trial, point.epoch, path), value
    return best


def _is_sound(path: Path) -> bool:
    try:
        check(path)
    except CheckpointError:
        return False
    return True
