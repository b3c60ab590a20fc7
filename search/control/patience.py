"""When more trials are no longer worth it: what they may still gain is below what the metric can tell apart.

Makarova et al. (Automatic Termination for Hyperparameter Optimization, AutoML 2022) stop when a bound on the regret,
from a Gaussian process, is below the standard error of the incumbent; Syne Tune ships that rule. It needs a model of
the search space that conditional spaces and pruned trials do not give. Here the record speaks for itself: as a search
goes on, the same number of trials gains less (what n more even draws can be expected to gain falls like 1 / n, and a
model-based search gains most at its beginning). So what the last `patience` finished trials gained is on average more
than what as many again will gain; once that is below the noise, they are not run. It is off by default: on synthetic
landscapes it told no better when to stop than a number of trials fixed beforehand (docs/negative-results.md); with a
patience of 15 it cost less than the noise.

    noise    standard deviation of the metric from epoch to epoch, in the second half of a training, from its second
             differences: their mean square is six times the variance, and no trend gets in (Gasser, Sroka and
             Jennen-Steinmetz, Biometrika 1986). The median over finished trials. Two trainings on two seeds differ by
             more than that, so the rule errs on the side of going on.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from search.journal.events import SearchEnded
from search.state.sweep_state import SweepState

FINISHED = 3
"""Finished trials without which nothing is said of the noise."""
DIFFERENCES = 3
"""Values without which there is no second difference."""


def noise(values: Sequence[float]) -> float:
    """Standard deviation of a metric from epoch to epoch late in a training; 0 for fewer than five values."""
    late = values[len(values) // 2 :]
    if len(late) < DIFFERENCES:
        return 0.0
    second = [before - 2 * value + after for before, value, after in zip(late, late[1:], late[2:], strict=False)]
    return math.sqrt(statistics.fmean(one * one for one in second) / 6)


def search_end(state: SweepState) -> SearchEnded | None:
    """The end of the search, if its last trials have gained too little and it has not ended yet."""
    patience = state.plan.spec.patience
    if patience is None or state.search_ended or len(state.trials.ranking) < 2 * patience:
        return None
    finished = [trial for trial in state.trials.search if trial.finished and trial.curve.smoothed_value is not None]
    levels = [trial.curve.sign * (trial.curve.smoothed_value or 0.0) for trial in finished]
    noises = [noise([point.value or 0.0 for point in trial.curve.evaluated]) for trial in finished]
    return enough(levels, noises, patience)


def enough(levels: Sequence[float], noises: Sequence[float], patience: int) -> SearchEnded | None:
    """Whether the search may end, and why.

    Args:
        levels: of the trials that trained to their end, in the order in which they were drawn; higher is better.
        noises: of the same trials (`noise`); 0 where it is not known.
        patience: finished trials over which the gain is taken.

    Returns:
        The end of the search; None if it should go on or too little is known.
    """
    known = [one for one in noises if one > 0]
    if len(levels) < 2 * patience or len(known) < FINISHED:
        return None
    gain, scatter = max(levels) - max(levels[:-patience]), statistics.median(known)
    if gain >= scatter:
        return None
    detail = f"the last {patience} finished trials gained {gain:.4f}, less than the noise of the metric, {scatter:.4f}"
    return SearchEnded(detail, {"gain": gain, "noise": scatter, "patience": float(patience)})
