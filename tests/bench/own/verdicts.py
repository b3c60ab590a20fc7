"""What the stability verdicts alone do on recorded trainings: how many bad ones they stop, how soon, and whom else."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from search.pruning.curve import Curve
from search.pruning.peers import median_of_peers
from search.pruning.stability import StabilitySettings
from search.pruning.stop_rules import verdict
from tests.bench.own.recorded import Table, Training

BAD = 0.1
"""A training that ends below this share of the best, or not finite, is a bad one."""
HARM = 1.05
"""A stop did harm if the training later had a value so many times its best until then."""


@dataclass(frozen=True)
class Caught:
    """All trainings of one table under the verdicts alone.

    Attributes:
        trainings, bad: how many there are.
        early, late: bad ones that were stopped within half of the epochs, and after.
        good: others that were stopped.
        harmed: stopped ones that would have improved later.
        reasons: how often which verdict stopped.
        saved: share of all epochs.
    """

    trainings: int
    bad: int
    early: int
    late: int
    good: int
    harmed: int
    reasons: Counter[str]
    saved: float


def caught(table: Table, settings: StabilitySettings) -> Caught:
    """Each training by itself, its peers being the first trainings of all other configurations."""
    top = max(run.best for configuration in table.configurations for run in configuration.trainings)
    peers = [Curve("max", configuration.trainings[0].points) for configuration in table.configurations]
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    left = epochs = 0
    for index, configuration in enumerate(table.configurations):
        others = [curve for at, curve in enumerate(peers) if at != index]
        for run in configuration.trainings:
            bad = run.last < BAD * top or not _finite(run)
            at, reason = _stop(run, table.max_epochs, settings, others)
            epochs += len(run.points)
            counts["bad"] += bad
            if at is None:
                continue
            left += len(run.points) - at
            reasons[reason] += 1
            counts["good" if not bad else "early" if at <= table.max_epochs / 2 else "late"] += 1
            counts["harmed"] += run.best > HARM * max((point.value or 0.0 for point in run.points[:at]), default=0.0)
    total = sum(len(configuration.trainings) for configuration in table.configurations)
    return Caught(
        total, counts["bad"], counts["early"], counts["late"], counts["good"], counts["harmed"], reasons, left / epochs
    )


def _finite(run: Training) -> bool:
    last = run.points[-1]
    return run.alarm is None and all(math.isfinite(x) for x in (last.loss, last.value) if x is not None)


def _stop(run: Training, max_epochs: int, settings: StabilitySettings, others: list[Curve]) -> tuple[int | None, str]:
    curve = Curve("max")
    for point in run.points:
        curve.add(point)
        alarm = run.alarm if point is run.points[-1] else None

        def peers(epoch: int) -> float | None:
            return median_of_peers(other.best_by(epoch) for other in others)

        decision = verdict(curve, max_epochs, settings, alarm, peers)
        if decision:
            return point.epoch, decision.reason
    return None, ""
