"""When more trials are no longer worth it: what they may still gain is below what the metric can tell apart.

Makarova et al. (Automatic Termination for Hyperparameter Optimization, AutoML 2022) stop when a bound on the regret,
from a Gaussian process, is below the standard error of the incumbent; Syne Tune ships that rule. It needs a model of
the search space that conditional spaces and pruned trials do not give. Here the record speaks for itself: as a search goes
on, the same number of trials gains less (what n more even draws can be expected to gain falls like 1 / n, and a
model-based search gains most at its beginning). So what the last `patience` trials gained is more than what as many
again can be expected to gain; once that is below the noise, they are not run.

    noise    standard deviation of the metric from epoch to epoch (`steadiness.noise`), the median over finished trials.
             Two trainings on two seeds differ by more than that, so the rule errs on the side of going on.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

FINISHED = 3
"""Finished trials without which nothing is said of the noise."""


@dataclass(frozen=True)
class SearchEnded:
    """The search of a sweep ended itself.

    Attributes:
        trial: the latest trial that had settled.
        detail: one sentence.
        numbers: "gain", "noise", "patience".
    """

    event: ClassVar[str] = "enough"
    trial: int
    detail: str
    numbers: dict[str, float] = field(default_factory=dict)


def enough(levels: Sequence[float | None], noises: Sequence[float], patience: int) -> SearchEnded | None:
    """Whether the search may end, and why.

    Args:
        levels: of the trials that have settled, in the order in which they were drawn; higher is better, None for one
            that did not train to its end.
        noises: of the finished trials, in the unit of the levels.
        patience: trials over which the gain is taken.

    Returns:
        The end of the search; None if it should go on or too little is known.
    """
    before = [level for level in levels[:-patience] if level is not None]
    known = [noise for noise in noises if noise > 0]
    if len(levels) < 2 * patience or not before or len(known) < FINISHED:
        return None
    gain = max(level for level in levels if level is not None) - max(before)
    noise = statistics.median(known)
    if gain >= noise:
        return None
    detail = f"the last {patience} trials gained {gain:.4f}, less than the noise of the metric, {noise:.4f}"
    return SearchEnded(len(levels) - 1, detail, {"gain": gain, "noise": noise, "patience": float(patience)})
