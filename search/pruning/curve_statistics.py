"""How steadily a training runs, in numbers: those by which document 001 judges trainings, and those of the stop rules.

CV              standard deviation divided by the mean. Document 001 calls a training very stable if the CV of its
                training loss after the warm-up is below 5 %.
detrended CV    the same after a running median (of 5) is subtracted, divided by the median. A loss that falls has a
                high CV however steadily it falls; its detrended CV is high only if it oscillates.
trend           Theil-Sen estimator: the median of the slopes between all pairs of points, per epoch
spike           an epoch above its running median by more than 4 robust standard deviations (the median absolute
                deviation, scaled to one standard deviation of a normal distribution)
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

from search.pruning.curve import WARMUP, Curve, Point
from search.pruning.objective import WINDOW

MEDIAN_OF = 5
SPIKE_DEVIATIONS = 4.0
NORMAL_QUARTILE = statistics.NormalDist().inv_cdf(0.75)
"""Half of a standard normal distribution lies that close to its mean."""
LOWEST = 5
TREND_POINTS = 40
"""At most this many of the last points enter the trend, since its cost grows with their square."""


@dataclass(frozen=True)
class PhaseSummary:
    """One phase of a training.

    Attributes:
        phase: the recipe's name for it.
        first, last: its epochs.
        loss_first, loss_last: the training loss of its first and last epoch whose loss was finite; NaN if none was.
        loss_mean, loss_std: of the training loss (finite epochs; population deviation); NaN if none was finite.
        value: the best objective in it; None if it was not evaluated.
    """

    phase: str
    first: int
    last: int
    loss_first: float
    loss_last: float
    loss_mean: float
    loss_std: float
    value: float | None

    @property
    def loss_change(self) -> float | None:
        """Of the training loss from its first to its last epoch, as a share of the first; None if that is 0."""
        change = (self.loss_last - self.loss_first) / abs(self.loss_first) if self.loss_first else math.nan
        return change if math.isfinite(change) else None


@dataclass(frozen=True)
class CurveStatistics:
    """A curve so far. What cannot be computed (too few points, a mean of 0) is None.

    Attributes:
        loss_cv: of the training loss, all epochs.
        loss_cv_settled: the same without the warm-up.
        loss_cv_steps: of the training loss of all steps without the warm-up: document 001's figure. None if
            the training does not report the spread of each of these epochs.
        loss_detrended_cv, value_detrended_cv: of training loss and objective, without the warm-up.
        trend: of the objective, in its unit per epoch, positive when it improves.
        noise: standard deviation of the detrended objective, in its unit.
        spikes: epochs at which the training loss jumped up.
        decline: how far the smoothed value lies below the best value, as a share of it: 0 if the best value is one of
            those that are smoothed.
        phases: in order.
        lowest_losses: the `LOWEST` epochs with the lowest training losses, as (epoch, loss), the lowest first. Document
            001 ranks its checkpoints by them.
    """

    loss_cv: float | None
    loss_cv_settled: float | None
    loss_cv_steps: float | None
    loss_detrended_cv: float | None
    value_detrended_cv: float | None
    trend: float | None
    noise: float | None
    spikes: tuple[int, ...]
    decline: float | None
    phases: tuple[PhaseSummary, ...]
    lowest_losses: tuple[tuple[int, float], ...]


def curve_statistics(curve: Curve) -> CurveStatistics:
    """The numbers of `curve`."""
    finite = [(point, point.finite_loss) for point in curve.points if point.finite_loss is not None]
    settled = [(point.epoch, loss) for point, loss in finite if point.phase != WARMUP]
    losses = [loss for _, loss in settled]
    evaluated = [point for point in curve.evaluated if point.phase != WARMUP]
    values = [point.value or 0.0 for point in evaluated]
    return CurveStatistics(
        loss_cv=cv([loss for _, loss in finite]),
        loss_cv_settled=cv(losses),
        loss_cv_steps=_cv_of_steps([point for point, _ in finite if point.phase != WARMUP]),
        loss_detrended_cv=detrended_cv(losses),
        value_detrended_cv=detrended_cv(values),
        trend=curve.oriented(_trend(evaluated[-TREND_POINTS:])),
        noise=statistics.pstdev(residuals(values)) if len(values) >= MEDIAN_OF else None,
        spikes=tuple(_spikes(settled)),
        decline=_decline(curve),
        phases=tuple(_phase(curve, phase, list(points)) for phase, points in groupby(curve.points, _phase_name)),
        lowest_losses=tuple(sorted(((point.epoch, loss) for point, loss in finite), key=_loss_of)[:LOWEST]),
    )


def cv(values: Sequence[float]) -> float | None:
    """Population standard deviation divided by the absolute mean; None for fewer than two values or a mean of 0."""
    mean = statistics.fmean(values) if len(values) > 1 else 0.0
    return statistics.pstdev(values) / abs(mean) if mean else None


def _cv_of_steps(points: Sequence[Point]) -> float | None:
    """The CV of all steps' losses, from each epoch's mean and spread: all epochs have equally many steps."""
    spreads = [point.spread for point in points if point.spread is not None]
    means = [point.finite_loss or 0.0 for point in points]
    mean = statistics.fmean(means) if means else 0.0
    if not mean or len(spreads) < len(points):
        return None
    return math.sqrt(statistics.pvariance(means) + statistics.fmean(spread**2 for spread in spreads)) / abs(mean)


def residuals(values: Sequence[float]) -> list[float]:
    """What remains of each value after subtracting the median of those around it (2 on either side)."""
    half = MEDIAN_OF // 2
    return [value - statistics.median(values[max(0, at - half) : at + half + 1]) for at, value in enumerate(values)]


def detrended_cv(values: Sequence[float]) -> float | None:
    """Standard deviation of the residuals divided by the absolute median; None for fewer than five or a median of 0."""
    median = statistics.median(values) if len(values) >= MEDIAN_OF else 0.0
    return statistics.pstdev(residuals(values)) / abs(median) if median else None


# `scipy.stats` has both of the following (`theilslopes`, `median_abs_deviation`) and the tests compare them. But its
# import takes a second of CPU time, which every `steadytune explain` would pay, and `theilslopes` five times as long.
def _trend(points: Sequence[Point]) -> float | None:
    slopes = [
        ((late.value or 0.0) - (early.value or 0.0)) / (late.epoch - early.epoch)
        for early, late in combinations(points, 2)
    ]
    return statistics.median(slopes) if slopes else None


def _spikes(losses: Sequence[tuple[int, float]]) -> list[int]:
    """Of (epoch, loss), the epochs that jumped up."""
    if len(losses) < MEDIAN_OF:
        return []
    above_median = residuals([loss for _, loss in losses])
    limit = SPIKE_DEVIATIONS * robust_deviation(above_median)
    after = zip(losses, losses[1:], above_median[1:], strict=False)
    return [epoch for (_, before), (epoch, loss), above in after if loss > before and above > limit > 0]


def robust_deviation(values: Sequence[float]) -> float:
    """Median absolute value, scaled so that it is the standard deviation of a normal distribution around 0."""
    return statistics.median(map(abs, values)) / NORMAL_QUARTILE


def _decline(curve: Curve) -> float | None:
    best, smoothed = curve.best, curve.smoothed_value
    if best is None or not best.value or smoothed is None:
        return None
    if best.epoch >= curve.evaluated[-WINDOW:][0].epoch:  # its last epochs are its peak, also while it still rises
        return 0.0
    return max(0.0, curve.oriented(best.value - smoothed) / abs(best.value))


def _loss_of(pair: tuple[int, float]) -> float:
    return pair[1]


def _phase_name(point: Point) -> str:
    return point.phase


def _phase(curve: Curve, phase: str, points: Sequence[Point]) -> PhaseSummary:
    losses = [point.finite_loss for point in points if point.finite_loss is not None]
    values = [point.value for point in points if point.value is not None and math.isfinite(point.value)]
    mean = statistics.fmean(losses) if losses else math.nan
    deviation = statistics.pstdev(losses) if losses else math.nan
    best = max(values, key=curve.oriented, default=None)
    first, last = (losses[0], losses[-1]) if losses else (math.nan, math.nan)
    return PhaseSummary(phase, points[0].epoch, points[-1].epoch, first, last, mean, deviation, best)
