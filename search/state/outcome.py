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
        levels: one level a fresh seed; the search's own level if nothing was confirmed.
        lost: how many of the fresh trainings were lost or never got anywhere.
        confirmed: whether `levels` come from fresh seeds.
    """

    trial: TrialState
    levels: tuple[float, ...]
    failed: int
    confirmed: bool

    @property
    def mean(self) -> float:
        """Mean of the levels."""
        return statistics.fmean(self.levels)

    @property
    def std(self) -> float:
        """Sample standard deviation of the levels; 0 for a single one."""
        return statistics.stdev(self.levels) if len(self.levels) > 1 else 0.0


def finalists(state: SweepState) -> list[Finalist]:
    """The configurations in question, best first: by the mean over fresh seeds, those lost on any seed last."""
    sign = 1.0 if state.plan.recipe.mode == "max" else -1.0
    found = [_finalist(state, number) for number in state.finalists()]
    known = [one for one in found if one is not None]
    if not known:
        known = [Finalist(trial, (trial.curve.smoothed_value or 0.0,), 0, False) for trial in state.ranking()[:1]]
    return sorted(known, key=lambda one: (one.confirmed, -one.failed, sign * one.mean), reverse=True)


def _finalist(state: SweepState, number: int) -> Finalist | None:
    runs = [run for run in state.confirmations(number) if not run.running]
    levels = tuple(run.curve.smoothed_value for run in runs if run.finished and run.curve.smoothed_value is not None)
    if levels:
        return Finalist(state.trials[number], levels, sum(run.failed for run in runs), True)
    own = state.trials[number].curve.smoothed_value
    return None if own is None else Finalist(state.trials[number], (own,), sum(run.failed for run in runs), False)


def result(state: SweepState) -> SweepEnded:
    """How the sweep ended, for the journal."""
    ranked = finalists(state)
    if not ranked:
        return SweepEnded(-1, "no trial trained to its end, so there is no best configuration")
    best = ranked[0]
    metric = state.plan.recipe.metric
    numbers = {"mean": best.mean, "std": best.std, "seeds": float(len(best.levels))}
    if not best.confirmed:
        return SweepEnded(best.trial.started.trial, f"{metric} {best.mean:.4f} (one training, not confirmed)", numbers)
    detail = f"{metric} {best.mean:.4f} over one fresh seed"
    if len(best.levels) > 1:
        detail = f"{metric} {best.mean:.4f} ± {best.std:.4f} over {len(best.levels)} fresh seeds"
    return SweepEnded(best.trial.started.trial, detail, numbers)


def best_checkpoint(state: SweepState, number: int, folder: SweepFolder) -> tuple[TrialState, int, Path] | None:
    """The best checkpoint on disk of any training of configuration `number`: its trial, epoch and path."""
    found = []
    for trial in state.trials.values():
        if trial.started.of != number or trial.failed:
            continue
        for point in trial.curve.evaluated:
            path = folder.checkpoint(trial.started.trial, point.epoch)
            if path.is_dir() and _sound(path):
                found.append((trial.curve.sign * (point.value or 0.0), trial, point.epoch, path))
    return max(found, key=lambda one: one[0])[1:] if found else None


def _sound(path: Path) -> bool:
    try:
        check(path)
    except CheckpointError:
        return False
    return True
