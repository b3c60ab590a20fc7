"""What a training costs: measures that a user may limit, or trade off against the metric."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from search.state.trial_state import TrialState
from search.sweep.measure import Limit, Measure

TIMED_EPOCHS = 2
"""After fewer epochs a training is not timed: a first epoch also loads, compiles and fills caches."""


def measure_cost(trial: TrialState, measure: Measure) -> float | None:
    """The `measure` of one trial; None before its first epoch (or checkpoint).

    epoch_seconds: median wall time of an epoch: data, training and evaluation together.
    checkpoint_mb: size of its largest checkpoint in 10^6 bytes. It grows with the model and the optimizer's moments.
    """
    if measure == "epoch_seconds":
        return statistics.median(trial.seconds) if trial.seconds else None
    return trial.largest_bytes / 1e6 if trial.largest_bytes else None


def limit_exceeded(trial: TrialState, limits: Mapping[Measure, Limit]) -> tuple[Measure, float] | None:
    """A limit that the trial will exceed whatever its later epochs cost, and the value that exceeds it; None if none.

    epoch_seconds: its fastest epoch of `TIMED_EPOCHS` or more, since the first ones, and those beside other trials, are
        slower.
    checkpoint_mb: its largest checkpoint so far.
    """
    for measure, limit in limits.items():
        if measure == "epoch_seconds":
            value = min(trial.seconds) if len(trial.seconds) >= TIMED_EPOCHS else None
        else:
            value = measure_cost(trial, measure)
        if value is not None and value > limit.high:
            return measure, value
    return None


def violation(trial: TrialState, limits: Mapping[Measure, Limit]) -> float:
    """By how much the trial exceeds the limit that it breaks most, as a share of that limit; 0 if it keeps all."""
    violations = [0.0]
    for measure, limit in limits.items():
        value = measure_cost(trial, measure)
        if value is not None:
            violations.append(value / limit.high - 1)
    return max(violations)
