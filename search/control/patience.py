"""Ends the search when more trials are no longer worth it: what they may gain is below the noise of the metric.

Makarova et al. (Automatic Termination for Hyperparameter Optimization, AutoML 2022) stop when a bound on the regret,
from a Gaussian process, is below the standard error of the incumbent; Syne Tune ships that rule. It needs a model of
the search space, which conditional spaces and pruned trials do not allow. This rule needs no model. The longer a search
runs, the less the same number of trials gains: for n random draws the expected gain of n more falls like 1 / n, and a
model-based search gains most at its beginning. So the next `patience` trials will on average gain less than the last
`patience` finished ones did. Once that gain is below the noise, no more trials are started. The rule is off by default:
on synthetic landscapes it was no better than a number of trials fixed beforehand (docs/negative-results.md); with a
patience of 15 it lost less than the noise.

    noise    standard deviation of the metric from epoch to epoch, in the second half of a training, from its second
             differences: their mean square is six times the variance, whatever the trend (Gasser, Sroka and
             Jennen-Steinmetz, Biometrika 1986). The median over finished trials. Two trainings on two seeds differ by
             more than that, so in doubt the search continues.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from search.journal.events import SearchEnded
from search.state.sweep_state import SweepState
from trainables.metric_text import metric_text

FINISHED = 3
"""The noise is estimated only from this many finished trials on."""
DIFFERENCES = 3
"""How many values a second difference needs."""


def noise(values: Sequence[float]) -> float:
    """Standard deviation of a metric from epoch to epoch late in a training; 0 for fewer than five values."""
    late = values[len(values) // 2 :]
    if len(late) < DIFFERENCES:
        return 0.0
    second = [before - 2 * value + after for before, value, after in zip(late, late[1:], late[2:], strict=False)]
    return math.sqrt(statistics.fmean(difference * difference for difference in second) / 6)


def search_end(state: SweepState) -> SearchEnded | None:
    """The end of the search, if its last trials have gained too little and it has not ended yet."""
    patience = state.plan.spec.patience
    if patience is None or state.search_ended or state.trials.finished < 2 * patience:
        return None
    if state.trials.finished - state.finished_before < patience:  # it was given more: let it try
        return None
    finished = [trial for trial in state.trials.search if trial.finished and trial.curve.reached]
    values = [trial.curve.oriented(trial.curve.objective_value or 0.0) for trial in finished]
    noises = [noise([point.value or 0.0 for point in trial.curve.evaluated]) for trial in finished]
    return enough(values, noises, patience)


def enough(values: Sequence[float], noises: Sequence[float], patience: int) -> SearchEnded | None:
    """Whether the search may end, and why.

    Args:
        values: oriented objectives of the trials that were trained to completion, in the order of their start.
        noises: of the same trials (`noise`); 0 where it is unknown.
        patience: the gain is that of this many finished trials.

    Returns:
        The end of the search; None if it should continue or too little is known.
    """
    measured = [level for level in noises if level > 0]
    if len(values) < 2 * patience or len(measured) < FINISHED:
        return None
    gain, typical = max(values) - max(values[:-patience]), statistics.median(measured)
    if gain >= typical:
        return None
    gained, noisy = metric_text(gain, max(values)), metric_text(typical, max(values))
    detail = f"the last {patience} finished trials gained {gained}, less than the noise of the metric, {noisy}"
    return SearchEnded(detail, {"gain": gain, "noise": typical, "patience": float(patience)})
