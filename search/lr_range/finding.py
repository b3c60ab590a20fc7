"""A learning rate range test: from short trainings at rising rates, the range of rates that is worth searching.

The idea is Smith's (Cyclical Learning Rates, WACV 2017, section 3.3): raise the rate until training blows up; the range
to search begins where the loss begins to fall and ends before it rises. Smith raises the rate within one training;
the "Learning Rate Finder" of the RefDet few-shot guide (document 003) trains from scratch at each rate and compares the
mean losses. This module does the latter: each rate starts from the same weights, and any recipe can do it. Both sources
read the range from the plot by eye; the thresholds `BEGINS` and `STILL` are ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from trainables.errors import SteadytuneError

BEGINS = 0.1
"""The range begins where the loss has fallen by this share of its fall at the best rate."""
STILL = 0.95
"""Above the best rate, the range ends where the fall drops below this share: short trainings favour high rates
(Wu et al., ICLR 2018)."""


@dataclass(frozen=True)
class RateResult:
    """One short training.

    Attributes:
        rate: its learning rate.
        losses: mean training loss of each epoch.
        metric: the recipe's metric after its last epoch; None if there is none.
        failed: why it failed, or "".
    """

    rate: float
    losses: tuple[float, ...]
    metric: float | None = None
    failed: str = ""

    @property
    def loss(self) -> float:
        """The last epoch's loss; infinite if the training failed."""
        return self.losses[-1] if self.losses and not self.failed and math.isfinite(self.losses[-1]) else math.inf


@dataclass(frozen=True)
class RateRange:
    """The range to search and the rates it follows from.

    Attributes:
        low, high: the range to search.
        best: the rate with the lowest loss.
        steepest: where the loss falls fastest from one rate to the next that did not fail: their geometric mean.
        blow_up: the lowest rate above `best` at which the training failed or ended above the loss of the lowest rate;
            None if there was none.
    """

    low: float
    high: float
    best: float
    steepest: float
    blow_up: float | None


def rates(low: float, high: float, count: int) -> list[float]:
    """`count` rates from `low` to `high`, both included, evenly spaced on a logarithmic scale.

    Raises:
        SteadytuneError: fewer than four, or no rising range above 0.
    """
    if count < 4:
        raise SteadytuneError(f"rates is {count}; it must be at least 4, or there is no curve to read")
    if not 0 < low < high:
        raise SteadytuneError(f"low is {low:g} and high is {high:g}; low must be above 0 and below high")
    # `high` itself at the end: the power would miss it by a rounding error
    return [*(low * (high / low) ** (index / (count - 1)) for index in range(count - 1)), high]


def find_range(results: Sequence[RateResult]) -> RateRange:
    """The range to search, from trainings in the order of their rates.

    Raises:
        SteadytuneError: no rate learned more than the lowest, so no range can be found.
    """
    first_loss = results[0].loss
    best_index = min(range(len(results)), key=lambda index: results[index].loss)
    best = results[best_index]
    if best_index == 0 or not math.isfinite(first_loss):
        raise SteadytuneError(
            f"lr-range: no rate above {results[0].rate:.3g} ended with a lower loss; "
            "give a lower --low, or more --epochs"
        )
    descent = first_loss - best.loss
    low = next(result.rate for result in results[1 : best_index + 1] if first_loss - result.loss >= BEGINS * descent)
    high = best.rate
    for result in results[best_index:]:
        if first_loss - result.loss < STILL * descent:
            break
        high = result.rate
    blow_up = next((result.rate for result in results[best_index + 1 :] if result.loss > first_loss), None)
    before, after = max(
        pairwise(result for result in results[: best_index + 1] if math.isfinite(result.loss)),
        key=lambda pair: (pair[0].loss - pair[1].loss) / math.log(pair[1].rate / pair[0].rate),
    )
    # A single rate is no range: it is widened to the next lower rate that was tried.
    low = results[best_index - 1].rate if low == high else low
    return RateRange(low, high, best.rate, math.sqrt(before.rate * after.rate), blow_up)
