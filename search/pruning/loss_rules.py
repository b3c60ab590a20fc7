"""The stop rules that look at the losses. Their thresholds are explained in `stability.py`."""

from __future__ import annotations

import math
from itertools import takewhile

from search.pruning.curve import WARMUP, Curve
from search.pruning.curve_statistics import detrended_cv
from search.pruning.decision import Decision, stop
from search.pruning.stability import StabilitySettings


def nonfinite(curve: Curve, settings: StabilitySettings) -> Decision | None:
    """A training loss that is not finite several times in a row: most runs recover from a single one."""
    last = curve.points[-settings.nonfinite_epochs :]
    if len(last) < settings.nonfinite_epochs or any(point.loss is None or math.isfinite(point.loss) for point in last):
        return None
    detail = f"training loss was not finite in {len(last)} epochs in a row (up to epoch {curve.epoch})"
    return stop("nonfinite", detail, epochs=len(last))


def train_diverging(curve: Curve, max_epochs: int, settings: StabilitySettings) -> Decision | None:
    """A training loss that stays far above its best.

    In the first epochs, or the first half of a short training, it may still recover.
    """
    if curve.epoch < min(settings.min_epochs, max_epochs / 2):
        return None
    return _raised("training", curve.train_losses, settings.train_factor, settings.train_epochs)


def held_out_diverging(curve: Curve, settings: StabilitySettings) -> Decision | None:
    """A held-out loss that stays far above its best, while the metric has no new best."""
    best = curve.best
    if best is not None and curve.epoch - best.epoch < settings.no_best_epochs:
        return None
    raised = _raised("held-out", curve.held_out_losses, settings.held_out_factor, settings.held_out_epochs)
    if raised is None or curve.epoch < settings.no_best_epochs:
        return None
    return stop("diverging", f"{raised.detail}, and no new best metric in {settings.no_best_epochs}", **raised.numbers)


def _raised(name: str, losses: list[float], factor: float, epochs: int) -> Decision | None:
    """Whether the last `epochs` losses are above `factor` times the best before them. A loss of 0 or less never is."""
    last = losses[-epochs:]
    if len(losses) <= epochs or min(last) <= 0:
        return None
    before = losses[:-epochs]
    if min(before) <= 0 or min(last) <= factor * min(before):
        return None
    detail = (
        f"{name} loss was at least {min(last):.4g} for {epochs} epochs, above {factor:g} x its best {min(before):.4g}"
    )
    return stop("diverging", detail, best=min(before), lowest_since=min(last), factor=factor, epochs=epochs)


def oscillating_loss(curve: Curve, settings: StabilitySettings) -> Decision | None:
    """Document 001's rule on the training loss, whatever the metric (`strict`).

    The CV is detrended and taken over the present phase only: a loss that falls, or that changes with the phase, varies
    without oscillating.
    """
    if not settings.strict or not curve.points or curve.points[-1].phase == WARMUP:
        return None
    present = takewhile(lambda point: point.phase == curve.points[-1].phase, reversed(curve.points))
    losses = [point.finite_loss for point in present if point.finite_loss is not None][::-1]
    variation = detrended_cv(losses) if len(losses) >= settings.oscillation_window else None
    if variation is None or variation <= settings.strict_cv:
        return None
    detail = (
        f"training loss oscillated by {variation:.1%} (detrended CV of {len(losses)} epochs of one phase); "
        f"strict_cv allows {settings.strict_cv:.1%}"
    )
    return stop("oscillating", detail, cv=variation, epochs=len(losses))
