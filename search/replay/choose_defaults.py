"""Which ASHA settings would have suited the recorded trainings, and whether that result can be trusted.

The best of many settings looks better than it is on the recordings that it was chosen on. Hence leave-one-out: each
recording in turn is left out, the settings are chosen on the others, and their regret is measured on the one left out.
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

GRACE_SHARES = (0.05, 0.06, GRACE, 0.10, 0.15, 0.20)
"""First rungs to try, as shares of a whole training."""
REDUCTION_FACTORS = (1.2, FACTORS["asha"], 2.0, 3.0)
"""Reduction factors to try."""
DEFAULT = (GRACE, FACTORS["asha"])
"""A sweep's defaults."""
MIN_RECORDINGS = 3
"""With fewer recordings, a choice cannot be checked on ones it was not made on."""

Setting = tuple[float, float]
"""First rung as a share of a whole training, and reduction factor."""


@dataclass(frozen=True)
class Cost:
    """Epochs and regret of one setting, as in `SimulationResult`; means over the orders."""

    epochs: float
    regret: float


@dataclass(frozen=True)
class Choice:
    """The setting with the least regret among those that take no more epochs than the default.

    Attributes:
        grace, factor: the setting chosen on all recordings: first rung as a share of a training, and reduction factor.
        fitted, default: its cost and the default's, means over all recordings.
        held_out: cost on each recording of the setting chosen on the others, mean over them; None if they are too few.
        gain: 95 % bootstrap interval of the default's regret minus that of `held_out`, over recordings; None likewise.
    """

    grace: float
    factor: float
    fitted: Cost
    default: Cost
    held_out: Cost | None
    gain: tuple[float, float] | None

    @property
    def verdict(self) -> str:
        """One sentence that says what to do."""
        setting = f"A first rung after {self.grace:.0%} of a training and reduction_factor {self.factor:g}"
        if (self.grace, self.factor) == DEFAULT:
            return "No setting did better than the default at no more epochs: keep it."
        if self.held_out is None or self.gain is None:
            return (
                f"{setting} did best, but on the same recordings it was chosen on: "
                f"{MIN_RECORDINGS} recordings or more are needed to check it on others"
            )
        if self.gain[0] > 0:
            return f"{setting} did best, and such choices were better than the default on recordings left out: use it"
        return f"{setting} did best, but such choices were not reliably better on recordings left out: keep the default"


def choose(recordings: Sequence[Recording], workers: int, orders: int) -> Choice:
    """Simulate every setting on every recording, in each of `orders` random orders."""
    settings = list(product(GRACE_SHARES, REDUCTION_FACTORS))
    costs = {setting: [_cost(recording, setting, workers, orders) for recording in recordings] for setting in settings}
    indexes = range(len(recordings))
    best = _best(costs, indexes)
    chosen_on_others = [_best(costs, [other for other in indexes if other != index]) for index in indexes]
    held_out = [costs[setting][index] for index, setting in enumerate(chosen_on_others)]
    gains = [default.regret - cost.regret for default, cost in zip(costs[DEFAULT], held_out, strict=True)]
    checkable = len(recordings) >= MIN_RECORDINGS
    return Choice(
        *best,
        fitted=_mean(costs[best]),
        default=_mean(costs[DEFAULT]),
        held_out=_mean(held_out) if checkable else None,
        gain=interval(gains) if checkable else None,
    )


def _cost(recording: Recording, setting: Setting, workers: int, orders: int) -> Cost:
    grace, factor = setting
    # Given, it would have no early rungs, which the default has.
    grace_epochs = None if setting == DEFAULT else first_rung(grace, recording.max_epochs)
    scheduler_settings = {"grace_epochs": grace_epochs, "reduction_factor": factor}
    results = [simulate_shuffled(recording, scheduler_settings, workers, seed) for seed in range(orders)]
    return _mean([Cost(result.epochs, result.regret) for result in results])


def _best(costs: dict[Setting, list[Cost]], indexes: Sequence[int]) -> Setting:
    """The least regret on the recordings at `indexes`, at no more epochs than the default; ties go to fewer epochs."""
    if not indexes:  # a single recording, left out
        return DEFAULT
    means = {setting: _mean([by_recording[index] for index in indexes]) for setting, by_recording in costs.items()}
    allowed = [setting for setting, mean in means.items() if mean.epochs <= means[DEFAULT].epochs]
    return min(allowed, key=lambda setting: (means[setting].regret, means[setting].epochs))


def _mean(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.fmean(cost.epochs for cost in costs), statistics.fmean(cost.regret for cost in costs))


def table(choice: Choice) -> Table:
    """What the default and the chosen setting cost; readable at 80 columns."""
    result = Table(box=None, padding=(0, 1), pad_edge=False)
    for column in ("first rung", "factor", "epochs", "regret", "measured on"):
        result.add_column(column, justify="left" if column == "measured on" else "right")
    costs = [(DEFAULT, choice.default, "all: the default"), ((choice.grace, choice.factor), choice.fitted, "all: best")]
    for (grace, factor), cost, measured_on in costs:
        result.add_row(f"{grace:.0%}", f"{factor:g}", f"{cost.epochs:.1%}", f"{cost.regret:.2%}", measured_on)
    if choice.held_out is not None and choice.gain is not None:
        low, high = choice.gain
        measured_on = f"those left out: {low:+.2%} to {high:+.2%} better than the default"
        result.add_row("", "", f"{choice.held_out.epochs:.1%}", f"{choice.held_out.regret:.2%}", measured_on)
    return result
