"""The stop rules: from a learning curve so far to a reason to stop the training, or none.

The thresholds come from 1,080 public YOLO trainings (918 of them evaluated each epoch). "harm" is the share of runs
that a rule would have stopped although they later improved their own best by more than 5 %.

    rule                                                    fires   harm
    any loss non-finite once                                   76    72 %   too early: most recover
    training loss non-finite twice in a row                     2     0 %   used
    training loss > 2 x its best, 3 epochs                      8     0 %   used
    held-out loss > 1.5 x its best, 5 epochs                   25    44 %   too early
    the same, and no new best metric in 10 epochs              20    25 %   used
    metric < 0.001 at 10 / 20 / 30 % of the budget     22/15/13  50/27/23 %   used at 30 %
    metric < 1/5 of the peers' median at 30 %                   7   100 %   used: none came above 37 % of the best
    detrended CV of the metric > 0.2 over 10 epochs,
        in a run below its peers' median                       55   84 %   off
    the same in any run                                                     17 points of regret: never
    no new best metric in 20 / 30 / 50 % of the epochs                      34 / 12 / .15 points: off

A non-finite held-out loss is never a reason: half-precision validation overflows early in healthy runs.

Oscillation is reported for every run (`curve_statistics.py`), and stops one only if asked to (`oscillation_cv`). How
much a loss oscillates says nothing about a run's final rank (rank correlation -.01 for training, +.05 for held-out
losses). How much the metric oscillates says a little (-.20), but nothing that its value does not say too: a run that
oscillates below its peers is paused at a rung anyway. Together the rules in use stopped 24 of 616 runs and harmed 10
(1.6 %), at no regret (`tests/bench/public/harm.py`). Seven of the ten were far below their peers, where they went on
improving without effect.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from statistics import median

from pydantic import Field

from search.pruning.curve import WARMUP, Curve
from search.pruning.curve_statistics import cv, detrended_cv
from search.pruning.decision import Decision, Reason
from trainables.recipe import Alarm
from trainables.settings import Settings


class StabilitySettings(Settings):
    """When a training is stopped. The table above gives the reason for each default."""

    nonfinite_epochs: int = Field(2, ge=1, description="training losses in a row that are not finite")
    train_factor: float = Field(2.0, gt=1, description="a training loss above that many times its best is too high")
    train_epochs: int = Field(3, ge=1, description="epochs in a row that the training loss is too high")
    held_out_factor: float = Field(1.5, gt=1, description="a held-out loss above that many times its best is too high")
    held_out_epochs: int = Field(5, ge=1, description="epochs in a row that the held-out loss is too high")
    no_best_epochs: int = Field(10, ge=1, description="and no new best metric in that many epochs")
    collapse_value: float = Field(0.001, ge=0, description="a metric below this counts as zero (metrics to maximise)")
    collapse_share: float = Field(
        0.2, ge=0, lt=1, description="so does one below this share of the peers' median best (at least three); 0: never"
    )
    collapse_after: float = Field(
        0.3, gt=0, le=1, description="share of the epochs after which a zero metric means collapse"
    )
    oscillation_cv: float | None = Field(
        None,
        gt=0,
        description="detrended CV of the metric, such as 0.2, above which a run below its peers is stopped",
    )
    oscillation_window: int = Field(10, ge=5, description="evaluated epochs after warm-up that the CV is taken over")
    oscillation_after: float = Field(
        0.2, ge=0, le=1, description="share of the epochs before which no run oscillates too much"
    )
    strict: bool = Field(
        False, description="also stop a run whose training loss varies by more than strict_cv, however good its metric"
    )
    strict_cv: float = Field(0.05, gt=0, description="CV of the training loss after warm-up (document 001: below 5 %)")
    stale_epochs: int | None = Field(None, ge=1, description="epochs without a new best that stop a run; null: never")
    dead_loss: float = Field(1e-3, ge=0, description="a training loss below this with a zero metric means a dead model")


Peers = Callable[[int], float | None]
"""The median, over the other trials, of their best value by an epoch; None if there are fewer than `FEWEST_PEERS`."""
FEWEST_PEERS = 3
NEWEST_PEERS = 100
"""The peers are the newest trials, so that a comparison costs the same however large the sweep is."""
FEWEST_EVALUATED = 5
"""Evaluated epochs without which a training is not compared with its peers."""


def median_of_peers(values: Iterable[float | None]) -> float | None:
    """The median of the values that are not None; None if there are fewer than `FEWEST_PEERS`."""
    numbers = [value for value in values if value is not None]
    return median(numbers) if len(numbers) >= FEWEST_PEERS else None


def no_peers(epoch: int) -> None:
    """The peers of a training that has none."""


def verdict(
    curve: Curve,
    max_epochs: int,
    settings: StabilitySettings,
    alarm: Alarm | None = None,
    peers: Peers = no_peers,
) -> Decision | None:
    """The reason to stop this training now, or None.

    Args:
        curve: the epochs so far, at least one.
        max_epochs: epochs of a whole training.
        settings: the thresholds.
        alarm: raised by the recipe in the last epoch.
        peers: how good the other trials of the sweep were by an epoch.
    """
    if alarm is not None:
        return _stop(alarm.reason, alarm.detail)
    return (
        _nonfinite(curve, settings)
        or _dead(curve, settings)
        or _train_diverging(curve, settings)
        or _held_out_diverging(curve, settings)
        or _collapsed(curve, max_epochs, settings, peers)
        or _oscillating(curve, max_epochs, settings, peers)
        or _unsteady(curve, settings)
        or _stale(curve, settings)
    )


def _stop(reason: Reason, detail: str, **numbers: float) -> Decision:
    return Decision("stop", reason, detail, numbers)


def _nonfinite(curve: Curve, settings: StabilitySettings) -> Decision | None:
    last = curve.points[-settings.nonfinite_epochs :]
    if len(last) < settings.nonfinite_epochs or any(point.loss is None or math.isfinite(point.loss) for point in last):
        return None
    detail = f"training loss was not finite in {len(last)} epochs in a row (up to epoch {curve.epoch})"
    return _stop("nonfinite", detail, epochs=len(last))


def _dead(curve: Curve, settings: StabilitySettings) -> Decision | None:
    """A loss near zero from a model that finds nothing: a search that minimised it would take this run for the best."""
    last = curve.points[-1]
    if last.value is None or last.loss is None or curve.mode != "max" or not last.loss < settings.dead_loss:
        return None
    if last.value >= settings.collapse_value:
        return None
    return _stop(
        "collapsed", f"dead model: training loss {last.loss:.2g} with a metric of {last.value:.4f}", loss=last.loss
    )


def _train_diverging(curve: Curve, settings: StabilitySettings) -> Decision | None:
    return _raised("training", curve.train_losses, settings.train_factor, settings.train_epochs)


def _held_out_diverging(curve: Curve, settings: StabilitySettings) -> Decision | None:
    best = curve.best
    if best is not None and curve.epoch - best.epoch < settings.no_best_epochs:
        return None
    raised = _raised("held-out", curve.held_out_losses, settings.held_out_factor, settings.held_out_epochs)
    if raised is None or curve.epoch < settings.no_best_epochs:
        return None
    return _stop("diverging", f"{raised.detail}, and no new best metric in {settings.no_best_epochs}", **raised.numbers)


def _raised(name: str, losses: list[float], factor: float, epochs: int) -> Decision | None:
    """Whether the last `epochs` losses are above `factor` times the best before them; never for losses up to zero."""
    last = losses[-epochs:]
    if len(losses) <= epochs or min(last) <= 0:
        return None
    before = losses[:-epochs]
    if min(before) <= 0 or min(last) <= factor * min(before):
        return None
    detail = (
        f"{name} loss was at least {min(last):.4g} for {epochs} epochs, above {factor:g} x its best {min(before):.4g}"
    )
    return _stop("diverging", detail, best=min(before), lowest_since=min(last), factor=factor, epochs=epochs)


def _collapsed(curve: Curve, max_epochs: int, settings: StabilitySettings, peers: Peers) -> Decision | None:
    """A metric that never left zero, or is a small share of the peers'. Epochs without a value do not count.

    It is compared with the peers once, after its warm-up: a longer warm-up is no reason to stop.
    A metric that stays at the share of the most frequent class is no collapse: such runs may still improve.
    """
    due = settings.collapse_after * max_epochs
    if curve.mode != "max" or len(curve.evaluated) < 2 or curve.epoch < due:
        return None
    highest = curve.bests[-1].value or 0.0
    detail = f"metric never above {highest:.4f} in {curve.epoch} of {max_epochs} epochs"
    if highest < settings.collapse_value:
        return _stop("collapsed", detail, highest=highest, epochs=curve.epoch)
    peer = peers(curve.epoch) if settings.collapse_share and _just_due(curve, due) else None
    if peer is None or highest >= settings.collapse_share * peer:
        return None
    detail = f"{detail}, less than {settings.collapse_share:.0%} of the peers' median {peer:.4f}"
    return _stop("collapsed", detail, highest=highest, median=peer, share=settings.collapse_share, epochs=curve.epoch)


def _just_due(curve: Curve, due: float) -> bool:
    """Whether the last epoch is the first to be compared: evaluated, from `due` on, after warm-up and a few more."""
    before, last = curve.evaluated[-2:]
    if last.epoch < curve.epoch or last.phase == WARMUP or len(curve.evaluated) < FEWEST_EVALUATED:
        return False
    return before.epoch < due or before.phase == WARMUP or len(curve.evaluated) == FEWEST_EVALUATED


def _oscillating(curve: Curve, max_epochs: int, settings: StabilitySettings, peers: Peers) -> Decision | None:
    """A metric that oscillates in a run below its peers: a good run may oscillate."""
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
        f"and its best {best:.4f} is worse than the peers' median {peer:.4f}"
    )
    return _stop("oscillating", detail, cv=variation, window=window, best=best, median=peer)


def _unsteady(curve: Curve, settings: StabilitySettings) -> Decision | None:
    """Document 001's rule on the training loss, whatever the metric (`strict`)."""
    if not settings.strict or len(curve.train_losses) < settings.oscillation_window:
        return None
    settled = (point.finite_loss for point in curve.points if point.phase != WARMUP)
    losses = [loss for loss in settled if loss is not None]
    variation = cv(losses) if len(losses) >= settings.oscillation_window else None
    if variation is None or variation <= settings.strict_cv:
        return None
    detail = f"training loss varied by {variation:.1%} after warm-up; strict_cv allows {settings.strict_cv:.1%}"
    return _stop("oscillating", detail, cv=variation, epochs=len(losses))


def _stale(curve: Curve, settings: StabilitySettings) -> Decision | None:
    best = curve.best
    if settings.stale_epochs is None or best is None or curve.epoch - best.epoch < settings.stale_epochs:
        return None
    detail = f"no new best metric since epoch {best.epoch}; stale_epochs allows {settings.stale_epochs}"
    return _stop("stale", detail, best_epoch=best.epoch, epochs=curve.epoch - best.epoch)
