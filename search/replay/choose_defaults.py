"""Which settings of the scheduler would have suited the recorded trainings, and whether that can be trusted.

The best of many settings looks better on the recordings that it was chosen by than it is. So each recording in turn is
left out: the choice is made by the others, and what counts is how it does on the one left out.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from rich.table import Table

from search.pruning.rungs import first_rung
from search.replay.recording import Recording
from search.replay.scores import interval
from search.replay.simulation import simulate_shuffled
from search.sweep.plan import FACTORS, GRACE

SHARES = (0.05, 0.06, GRACE, 0.10, 0.15, 0.20)
"""Of a whole training, before the first rung."""
APART = (1.2, FACTORS["asha"], 2.0, 3.0)
"""Factors between rungs."""
DEFAULT = (GRACE, FACTORS["asha"])
"""What a sweep does if it is told nothing."""
FEWEST = 3
"""Recordings without which a choice cannot be checked on what it was not made by."""

Setting = tuple[float, float]


@dataclass(frozen=True)
class Cost:
    """Means over the orders of one setting on one recording, as shares."""

    epochs: float
    regret: float


@dataclass(frozen=True)
class Choice:
    """The setting with the least regret at no more epochs than the default takes.

    Attributes:
        grace, factor: of all recordings together: share of a training before the first rung, and reduction factor.
        fitted, default: its cost and the default's, means over all recordings.
        held_out: cost of what the other recordings choose, mean over those left out; None if there are too few.
        gain: 95 % bootstrap interval of the default's regret less `held_out`'s, over recordings; None likewise.
    """

    grace: float
    factor: float
    fitted: Cost
    default: Cost
    held_out: Cost | None
    gain: tuple[float, float] | None

    @property
    def verdict(self) -> str:
        """One sentence for who wants to know what to do."""
        setting = f"A first rung after {self.grace:.0%} of a training and reduction_factor {self.factor:g}"
        if (self.grace, self.factor) == DEFAULT:
            return "No setting did better than the default at no more epochs: keep it."
        if self.held_out is None or self.gain is None:
            return (
                f"{setting} did best, but on the very recordings it was chosen by: "
                f"{FEWEST} recordings or more are needed to check it on others"
            )
        if self.gain[0] > 0:
            return f"{setting} did best, and such choices were better than the default on recordings left out: use it"
        return f"{setting} did best, but such choices were not reliably better on recordings left out: keep the default"


def choose(recordings: Sequence[Recording], workers: int, orders: int) -> Choice:
    """Race every setting on every recording in so many `orders`."""
    settings = list(product(SHARES, APART))
    costs = {setting: [_cost(recording, setting, workers, orders) for recording in recordings] for setting in settings}
    every = range(len(recordings))
    best = _best(costs, every)
    chosen = [_best(costs, [other for other in every if other != place]) for place in every]
    held_out = [costs[setting][place] for place, setting in enumerate(chosen)]
    gains = [before.regret - after.regret for before, after in zip(costs[DEFAULT], held_out, strict=True)]
    enough = len(recordings) >= FEWEST
    return Choice(
        *best,
        fitted=_mean(costs[best]),
        default=_mean(costs[DEFAULT]),
        held_out=_mean(held_out) if enough else None,
        gain=interval(gains) if enough else None,
    )


def _cost(recording: Recording, setting: Setting, workers: int, orders: int) -> Cost:
    grace, factor = setting
    policy = {"grace_epochs": first_rung(grace, recording.max_epochs), "reduction_factor": factor}
    races = [simulate_shuffled(recording, policy, workers, seed) for seed in range(orders)]
    return Cost(statistics.fmean(one.epochs for one in races), statistics.fmean(one.regret for one in races))


def _best(costs: dict[Setting, list[Cost]], places: Sequence[int]) -> Setting:
    """Least regret among those that take no more epochs than the default; of equals, the one with fewer epochs."""
    means = {setting: _mean([found[place] for place in places]) for setting, found in costs.items() if places}
    allowed = [setting for setting, mean in means.items() if mean.epochs <= means[DEFAULT].epochs]
    return min(allowed, key=lambda setting: (means[setting].regret, means[setting].epochs), default=DEFAULT)


def _mean(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.fmean(one.epochs for one in costs), statistics.fmean(one.regret for one in costs))


def table(choice: Choice) -> Table:
    """What the default and the choice cost; readable at 80 columns."""
    made = Table(box=None, padding=(0, 1), pad_edge=False)
    for column in ("first rung", "factor", "epochs", "regret", "measured on"):
        made.add_column(column, justify="left" if column == "measured on" else "right")
    costs = [(DEFAULT, choice.default, "all: the default"), ((choice.grace, choice.factor), choice.fitted, "all: best")]
    for (grace, factor), cost, where in costs:
        made.add_row(f"{grace:.0%}", f"{factor:g}", f"{cost.epochs:.1%}", f"{cost.regret:.2%}", where)
    if choice.held_out is not None and choice.gain is not None:
        low, high = choice.gain
        where = f"those left out: {low:+.2%} to {high:+.2%} better than the default"
        made.add_row("", "", f"{choice.held_out.epochs:.1%}", f"{choice.held_out.regret:.2%}", where)
    return made
