"""How certain a sweep's result is: what lies within the noise of the seeds, and whether anything was learnt at all."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from search.state.outcome import Finalist
from search.state.sweep_state import SweepState

NOTHING = 0.02
"""If the best value is this close to the worst that the metric can have, as a share of its range, nothing was learnt:
random boxes reach an average precision of 0.01, too."""
CONFIDENCE = 0.95
MOST_SEEDS = 20
"""More seeds than this are not advised: the lead is then too small to matter."""


@dataclass(frozen=True)
class Lead:
    """The difference between two finalists' means over fresh seeds.

    Attributes:
        gain: difference of the means; positive if the first is better.
        margin: half of the 95 % interval of the difference; None if no finalist was trained on two seeds.
        seeds: fresh seeds that each would need for the interval to exclude 0; None if that is not known, or more than
            `MOST_SEEDS`.
    """

    gain: float
    margin: float | None
    seeds: int | None

    @property
    def within_noise(self) -> bool:
        """Whether the difference may come from the scatter of the seeds alone."""
        return self.margin is not None and abs(self.gain) <= self.margin


def lead(ahead: Finalist, behind: Finalist, ranked: Sequence[Finalist]) -> Lead:
    """How far `ahead` is ahead of `behind`.

    The interval is Student's, with the standard deviation that all confirmed finalists have in common: with two seeds
    each there is no better estimate.
    """
    gain = ahead.trial.curve.oriented(ahead.mean - behind.mean)
    groups = [finalist.values for finalist in ranked if finalist.confirmed and len(finalist.values) > 1]
    freedom = sum(len(values) - 1 for values in groups)
    if not freedom or not (ahead.confirmed and behind.confirmed):
        return Lead(gain, None, None)
    deviation = math.sqrt(sum(statistics.variance(values) * (len(values) - 1) for values in groups) / freedom)
    margin = _quantile(freedom) * deviation * math.sqrt(1 / len(ahead.values) + 1 / len(behind.values))
    return Lead(gain, margin, _seeds(abs(gain), deviation))


def _quantile(freedom: int) -> float:
    from scipy.special import stdtrit  # inside: scipy takes a tenth of a second, and only an ended sweep needs it

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))


def _seeds(gain: float, deviation: float) -> int | None:
    """The least number of seeds of each of two configurations whose interval of the difference would exclude 0."""
    enough = (
        seeds
        for seeds in range(2, MOST_SEEDS + 1)
        if gain > _quantile(2 * (seeds - 1)) * deviation * math.sqrt(2 / seeds)
    )
    return next(enough, None)


def learnt_nothing(state: SweepState) -> bool:
    """Whether no trial came further than `NOTHING` from the worst value of the metric; False if that is not known."""
    bounds, mode = state.plan.bounds, state.plan.recipe.mode
    values = [trial.curve.objective_value for trial in state.trials.search]
    reached = [value for value in values if value is not None]
    if bounds is None or not reached:
        return False
    low, high = bounds
    best = max(reached) - low if mode == "max" else high - min(reached)
    return best <= NOTHING * (high - low)
