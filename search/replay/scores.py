"""Compares scheduler settings by simulation: epochs, regret with a confidence interval, and wrong stops."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.table import Table
from scipy import stats

from search.replay.recording import Recording
from search.replay.simulation import SimulationResult, simulate_shuffled

SCHEDULERS: dict[str, dict[str, Any]] = {
    "none": {"scheduler": "none"},
    "stopping": {"scheduler": "stopping"},
    "asha": {"scheduler": "asha"},
}
"""The scheduler settings that are compared by default, by name."""

RESAMPLES = 1000


@dataclass(frozen=True)
class Score:
    """The results of one choice of scheduler settings on all recordings.

    Attributes:
        name: of the scheduler settings.
        epochs, seconds, regret, winner_stopped: as in `SimulationResult`, the last as the share of simulations in which
            the best run was stopped; means over recordings of the means over orders.
        regret_interval: 95 % bootstrap interval of the mean regret over recordings (over orders if there is only one).
        worst: the recording with the highest mean regret, as (name, regret).
        stopped_by: in how many simulations each rule stopped the best run.
        reasons: number of runs by the reason why they ended, over all simulations.
        simulations: their number.
    """

    name: str
    epochs: float
    seconds: float
    regret: float
    regret_interval: tuple[float, float]
    winner_stopped: float
    worst: tuple[str, float]
    stopped_by: dict[str, int]
    reasons: dict[str, int]
    simulations: int

    def as_json(self) -> dict[str, Any]:
        """The score as `steadytune replay --json` prints it; its keys are stable."""
        values = asdict(self)
        return {"policy": values.pop("name"), "races": values.pop("simulations"), **values}


def scores(
    recordings: Sequence[Recording],
    choices: Mapping[str, Mapping[str, Any]],
    workers: int,
    orders: int,
) -> Iterator[Score]:
    """Simulate each choice of scheduler settings, by name, on every recording in each of `orders` random orders.

    Yields one score per choice, as soon as it is computed.
    """
    for name, scheduler_settings in choices.items():
        results = [
            [simulate_shuffled(recording, dict(scheduler_settings), workers, seed) for seed in range(orders)]
            for recording in recordings
        ]
        yield _score(name, [recording.name for recording in recordings], results)


def _score(name: str, recordings: Sequence[str], results: Sequence[Sequence[SimulationResult]]) -> Score:
    """The score from the results of each recording (outer) in each order (inner)."""
    all_results = [result for orders in results for result in orders]
    regrets = [statistics.fmean(result.regret for result in orders) for orders in results]
    return Score(
        name=name,
        epochs=_mean([[result.epochs for result in orders] for orders in results]),
        seconds=_mean([[result.seconds for result in orders] for orders in results]),
        regret=statistics.fmean(regrets),
        regret_interval=interval(regrets if len(regrets) > 1 else [result.regret for result in all_results]),
        winner_stopped=_mean([[float(bool(result.winner_stopped)) for result in orders] for orders in results]),
        worst=max(zip(recordings, regrets, strict=True), key=lambda pair: pair[1]),
        stopped_by=dict(
            Counter(result.winner_stopped for result in all_results if result.winner_stopped).most_common()
        ),
        reasons=dict(sum((result.reasons for result in all_results), Counter[str]()).most_common()),
        simulations=len(all_results),
    )


def _mean(values: Sequence[Sequence[float]]) -> float:
    """Mean of the means, so that each recording has the same weight."""
    return statistics.fmean(statistics.fmean(orders) for orders in values)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % interval of the mean of `values` by percentile bootstrap, the same for the same values."""
    if len(values) == 1:  # SciPy refuses what has no spread to resample
        return values[0], values[0]
    bootstrapped = stats.bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return float(bootstrapped.low), float(bootstrapped.high)


def table(scored: Sequence[Score]) -> Table:
    """One line per choice of scheduler settings; readable at 80 columns."""
    result = Table(box=None, padding=(0, 1), pad_edge=False)
    for column in ("scheduler", "epochs", "time", "regret", "95 % interval", "best stopped", "by"):
        result.add_column(column, justify="left" if column in ("scheduler", "by") else "right")
    for score in scored:
        low, high = score.regret_interval
        stopped_by = ", ".join(f"{rule} {count}" for rule, count in score.stopped_by.items())
        result.add_row(
            score.name, f"{score.epochs:.1%}", f"{score.seconds:.1%}", f"{score.regret:.2%}",
            f"{low:.2%} to {high:.2%}", f"{score.winner_stopped:.0%}", stopped_by,
        )  # fmt: skip
    return result
