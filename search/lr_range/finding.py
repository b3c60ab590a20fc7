"""A learning rate range test: which rates a recipe learns at, from short trainings at rising rates.

The idea is Smith's (Cyclical Learning Rates, WACV 2017, section 3.3): raise the rate until training blows up; the range
to search begins where the loss begins to fall and ends before it rises. Smith raises the rate within one training;
document 003's "Learning Rate Finder" trains afresh at each rate and compares the mean losses. It is done the document's
way here: each rate starts from the same weights, and any recipe can do it. Numbers of ours, as both sources read the
plot by eye:

    begins to learn   the loss has fallen by a tenth of what it falls by at the best rate
    still learns      by 95 % of that, above the best rate; short trainings favour high rates (Wu et al., ICLR 2018)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from trainables.errors import SteadytuneError

BEGINS = 0.1
STILL = 0.95


@dataclass(frozen=True)
class Tried:
    """One short training.

    Attributes:
        rate: its learning rate.
        losses: mean training loss, an epoch each.
        metric: the recipe's metric after its last epoch; None if there is none.
        lost: how it was lost, or "".
    """

    rate: float
    losses: tuple[float, ...]
    metric: float | None = None
    failed: str = ""

    @property
    def loss(self) -> float:
        """The last epoch's loss; infinite if the training was lost."""
        return self.losses[-1] if self.losses and not self.failed and math.isfinite(self.losses[-1]) else math.inf


@dataclass(frozen=True)
class Finding:
    """What the rates did.

    Attributes:
        low, high: the range to search.
        best: the rate with the lowest loss.
        steepest: where the loss falls fastest from one rate to the next, in the middle (geometric) of the two.
        blow_up: the lowest rate above `best` at which the training was lost or ended above the loss of the lowest rate;
            None if there was none.
    """

    low: float
    high: float
    best: float
    steepest: float
    blow_up: float | None


def rates(low: float, high: float, count: int) -> list[float]:
    """`count` rates from `low` to `high`, both included, each the same multiple of the one before.

    Raises:
        SteadytuneError: fewer than four, or no rising range above 0.
    """
    if count < 4:
        raise SteadytuneError(f"rates is {count}; it must be at least 4, or there is no curve to read")
    if not 0 < low < high:
        raise SteadytuneError(f"low is {low:g} and high is {high:g}; low must be above 0 and below high")
    return [*(low * (high / low) ** (place / (count - 1)) for place in range(count - 1)), high]


def find(tried: Sequence[Tried]) -> Finding:
    """The range to search, from trainings in the order of their rates.

    Raises:
        SteadytuneError: no rate learned more than the lowest, so there is no range to be told.
    """
    reference = tried[0].loss
    at = min(range(len(tried)), key=lambda place: tried[place].loss)
    best = tried[at]
    if at == 0 or not math.isfinite(reference):
        raise SteadytuneError(
            f"lr-range: no rate above {tried[0].rate:.3g} ended with a lower loss; give a lower --low, or more --epochs"
        )
    descent = reference - best.loss
    low = next(one.rate for one in tried[1 : at + 1] if reference - one.loss >= BEGINS * descent)
    high = best.rate
    for one in tried[at:]:
        if reference - one.loss < STILL * descent:
            break
        high = one.rate
    blow_up = next((one.rate for one in tried[at + 1 :] if one.loss > reference), None)
    before, after = max(
        pairwise(tried[: at + 1]),
        key=lambda two: (two[0].loss - two[1].loss) / math.log(two[1].rate / two[0].rate),
    )
    # A single rate is no range: its neighbours are as far as was looked.
    low = tried[at - 1].rate if low == high else low
    return Finding(low, high, best.rate, math.sqrt(before.rate * after.rate), blow_up)
