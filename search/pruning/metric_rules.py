"""The stop rules that look at the metric. Their thresholds are explained in `stability.py`."""

from __future__ import annotations

import math

from search.pruning.curve import WARMUP, Curve
from search.pruning.curve_statistics import detrended_cv
from search.pruning.decision import Decision, stop
from search.pruning.peers import Peers
from search.pruning.rungs import ROUNDING
from search.pruning.stability import StabilitySettings
from trainables.metric_text import metric_text

FEWEST_EVALUATED = 5
"""A training is compared with its peers only after this many evaluated epochs after its warm-up."""


def dead(curve: Curve, settings: StabilitySettings) -> Decision | None:
    """A training loss near zero from a model that predicts nothing useful. By its loss it would be the best run."""
    last = curve.points[-1]
    if last.value is None or last.loss is None or curve.mode != "max":
        return None
    # Where a loss or a metric goes below zero, zero is not the end of it.
    if not (0 <= last.loss < settings.dead_loss and 0 <= last.value < settings.collapse_value):
        return None
    detail = f"dead model: training loss {last.loss:.2g} with a metric of {metric_text(last.value)}"
    return stop("collapsed", detail, loss=last.loss)


def collapsed(curve: Curve, max_epochs: int, settings: StabilitySettings, peers: Peers) -> Decision | None:
    """A metric that never left zero, or is a small share of the peers'. Epochs without a value do not count.

    The training is compared with its peers once, after its warm-up, so that a longer warm-up is no reason to stop it.
    A classifier whose accuracy stays at the share of the most frequent class has not collapsed: it may still improve.
    """
    due = max(settings.min_epochs, math.floor(settings.collapse_after * max_epochs + ROUNDING))
    if curve.mode != "max" or curve.epoch < due or curve.points[-1].phase == WARMUP:
        return None
    newest = curve.evaluated[-FEWEST_EVALUATED - 1 :]
    settled = [point.epoch for point in newest if point.epoch > curve.warmup_epochs]
    highest = (curve.bests[-1].value or 0.0) if curve.bests else 0.0
    if len(settled) < 2 or highest < 0:  # zero is not the worst value of a metric that can be negative
        return None
    detail = f"metric never above {metric_text(highest)} in {curve.epoch} of {max_epochs} epochs"
    if highest < settings.collapse_value:
        return stop("collapsed", detail, highest=highest, epochs=curve.epoch)
    peer = peers(curve.epoch) if settings.collapse_share and _just_due(curve.epoch, settled, due) else None
    if peer is None or highest >= settings.collapse_share * peer:
        return None
    detail = f"{detail}, less than {settings.collapse_share:.0%} of the peers' median {metric_text(peer)}"
    return stop("collapsed", detail, highest=highest, median=peer, share=settings.collapse_share, epochs=curve.epoch)


def _just_due(epoch: int, settled: list[int], due: int) -> bool:
    """Whether `epoch` is the first to be compared: evaluated, `due`, and with a few before it after the warm-up."""
    if settled[-1] < epoch or len(settled) < FEWEST_EVALUATED:
        return False
    return settled[-2] < due or len(settled) == FEWEST_EVALUATED


def oscillating_metric(curve: Curve, max_epochs: int, settings: StabilitySettings, peers: Peers) -> Decision | None:
    """A metric that oscillates in a run below its peers. A good run may oscillate."""
    window = settings.oscillation_window
    if settings.oscillation_cv is None or curve.epoch < settings.oscillation_after * max_epochs:
        return None
    values = [point.value or 0.0 for point in curve.evaluated[-window:] if point.phase != WARMUP]
    if len(values) < window or max(map(abs, values)) < settings.collapse_value:
        return None
    variation = detrended_cv(values)
    if variation is None or variation <= settings.oscillation_cv:
        return None
    peer = peers(curve.epoch)
    best = curve.bests[-1].value or 0.0
    if peer is None or curve.oriented(best) >= curve.oriented(peer):
        return None
    detail = (
        f"metric varied by {variation:.0%} over {window} epochs (at most {settings.oscillation_cv:.0%}), "
        f"and its best {metric_text(best)} is worse than the peers' median {metric_text(peer)}"
    )
    return stop("oscillating", detail, cv=variation, window=window, best=best, median=peer)


def stale(curve: Curve, settings: StabilitySettings) -> Decision | None:
    """A metric without a new best for too long."""
    best = curve.best
    if settings.stale_epochs is None or best is None or curve.epoch - best.epoch < settings.stale_epochs:
        return None
    detail = f"no new best metric since epoch {best.epoch}; stale_epochs allows {settings.stale_epochs}"
    return stop("stale", detail, best_epoch=best.epoch, epochs=curve.epoch - best.epoch)
