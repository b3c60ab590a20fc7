"""What replays show: each policy's epochs, regret and mistakes, with intervals."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from search.replay.recording import Recording
from search.replay.simulation import SimulationResult, simulate_shuffled

SCHEDULERS: dict[str, dict[str, Any]] = {
    "none": {"scheduler": "none"},
    "stopping": {"scheduler": "stopping"},
    "asha": {"scheduler": "asha"},
}
"""What is compared if nothing else is asked for."""

RESAMPLES = 1000


@dataclass(frozen=True)
class Score:
    """One policy on all recordings.

    Attributes:
        policy: its name.
        epochs, seconds, regret, winner_stopped: means over recordings of the means over orders, as shares.
        regret_interval: 95 % bootstrap interval of the mean regret over recordings (over orders if there is one).
        worst: the recording with the highest mean regret, as (name, regret).
        stopped_by: how often each rule ended the best run, over all races.
        reasons: how often runs ended for each reason, over all races.
        races: how many.
    """

    policy: str
    epochs: float
    seconds: float
    regret: float
    regret_interval: tuple[float, float]
    winner_stopped: float
    worst: tuple[str, float]
    stopped_by: dict[str, int]
    reasons: dict[str, int]
    races: int


def scores(
    recordings: Sequence[Recording], policies: Mapping[str, Mapping[str, Any]], workers: int, orders: int
) -> Iterator[Score]:
    """Race every policy on every recording in so many `orders`; one score a policy as soon as it is known."""
    for name, policy in policies.items():
        races = [
            [simulate_shuffled(recording, dict(policy), workers, seed) for seed in range(orders)]
            for recording in recordings
        ]
        yield _score(name, [recording.name for recording in recordings], races)


def _score(policy: str, names: Sequence[str], races: Sequence[Sequence[SimulationResult]]) -> Score:
    every = [one for group in races for one in group]
    regrets = [statistics.fmean(one.regret for one in group) for group in races]
    spread = regrets if len(regrets) > 1 else [one.regret for one in every]
    return Score(
        policy=policy,
        epochs=_mean(races, "epochs"),
        seconds=_mean(races, "seconds"),
        regret=statistics.fmean(regrets),
        regret_interval=interval(spread),
        winner_stopped=statistics.fmean(statistics.fmean(bool(one.winner_stopped) for one in group) for group in races),
        worst=max(zip(names, regrets, strict=True), key=lambda pair: pair[1]),
        stopped_by=dict(Counter(one.winner_stopped for one in every if one.winner_stopped).most_common()),
        reasons=dict(sum((one.reasons for one in every), Counter[str]()).most_common()),
        races=len(every),
    )


def _mean(races: Sequence[Sequence[SimulationResult]], field: str) -> float:
    return statistics.fmean(statistics.fmean(getattr(one, field) for one in group) for group in races)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of `values`, from a fixed seed."""
    draw = random.Random(0)
    means = sorted(statistics.fmean(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return means[round(0.025 * RESAMPLES)], means[round(0.975 * RESAMPLES) - 1]


def table(found: Sequence[Score]) -> Table:
    """The scores, a line a policy; readable at 80 columns."""
    made = Table(box=None, padding=(0, 1), pad_edge=False)
    for column in ("policy", "epochs", "time", "regret", "95 % interval", "best lost", "by"):
        made.add_column(column, justify="left" if column in ("policy", "by") else "right")
    for one in found:
        low, high = one.regret_interval
        by = ", ".join(f"{rule} {count}" for rule, count in one.stopped_by.items())
        made.add_row(
            one.policy, f"{one.epochs:.1%}", f"{one.seconds:.1%}", f"{one.regret:.2%}", f"{low:.2%} to {high:.2%}",
            f"{one.winner_stopped:.0%}", by,
        )  # fmt: skip
    return made
