"""From a learning curve so far to a verdict: is this training lost?

The thresholds come from 1,080 public YOLO trainings (918 of them evaluated each epoch); "harm" is the share of runs a
rule would have stopped although they later improved their own best by more than 5 %.

    rule                                                    fires   harm
    any loss non-finite once                                   76    72 %   too early: most recover
    training loss non-finite twice in a row                     2     0 %   used
    training loss > 2 x its best, 3 epochs                      8     0 %   used
    held-out loss > 1.5 x its best, 5 epochs                   25    44 %   too early
    the same, and no new best metric in 10 epochs              20    25 %   used
    metric < 0.001 at 10 / 20 / 30 % of the budget     22/15/13  50/27/23 %   used at 30 %

A non-finite held-out loss is never a reason: half-precision validation overflows early in healthy runs.
"""

from __future__ import annotations

import math

from pydantic import Field

from search.curve import Curve, Point
from search.decision import Decision, Reason
from trainables.recipe import Alarm
from trainables.settings import Settings


class StabilitySettings(Settings):
    """When a training counts as lost. Each default stands in the table above."""

    nonfinite_epochs: int = Field(2, ge=1, description="training losses in a row that are not finite")
    train_factor: float = Field(2.0, gt=1, description="a training loss above so many times its best is too high")
    train_epochs: int = Field(3, ge=1, description="epochs in a row that the training loss is too high")
    held_out_factor: float = Field(1.5, gt=1, description="a held-out loss above so many times its best is too high")
    held_out_epochs: int = Field(5, ge=1, description="epochs in a row that the held-out loss is too high")
    no_best_epochs: int = Field(10, ge=1, description="and no new best metric in so many epochs")
    collapse_value: float = Field(
        0.001, ge=0, description="a metric below this is as good as zero (metrics to maximise)"
    )
    collapse_after: float = Field(
        0.3, gt=0, le=1, description="share of the epochs after which a zero metric is collapse"
    )
    dead_loss: float = Field(1e-3, ge=0, description="a training loss below this with a zero metric is a dead model")


def verdict(curve: Curve, max_epochs: int, settings: StabilitySettings, alarm: Alarm | None = None) -> Decision | None:
    """The reason to stop this training now, or None.

    Args:
        curve: the epochs so far, at least one.
        max_epochs: epochs of the whole training.
        settings: thresholds.
        alarm: the recipe's own word on the last epoch.
    """
    if alarm is not None:
        return _stop(alarm.reason, alarm.detail)
    return (
        _nonfinite(curve, settings)
        or _dead(curve, settings)
        or _train_diverging(curve, settings)
        or _held_out_diverging(curve, settings)
        or _collapsed(curve, max_epochs, settings)
    )


def _stop(reason: Reason, detail: str, **numbers: float) -> Decision:
    return Decision("stop", reason, detail, numbers)


def _nonfinite(curve: Curve, settings: StabilitySettings) -> Decision | None:
    last = curve.points[-settings.nonfinite_epochs :]
    if len(last) < settings.nonfinite_epochs or any(math.isfinite(point.loss) for point in last):
        return None
    detail = f"training loss was not finite in {len(last)} epochs in a row (up to epoch {curve.epoch})"
    return _stop("nonfinite", detail, epochs=len(last))


def _dead(curve: Curve, settings: StabilitySettings) -> Decision | None:
    """A loss that fell to nothing while the model finds nothing: minimising it would have crowned this run."""
    last = curve.points[-1]
    if last.value is None or curve.mode != "max" or not last.loss < settings.dead_loss:
        return None
    if last.value >= settings.collapse_value:
        return None
    return _stop(
        "collapsed", f"dead model: training loss {last.loss:.2g} with a metric of {last.value:.4f}", loss=last.loss
    )


def _train_diverging(curve: Curve, settings: StabilitySettings) -> Decision | None:
    losses = [point.loss for point in curve.points if math.isfinite(point.loss)]
    return _raised("training", losses, settings.train_factor, settings.train_epochs)


def _held_out_diverging(curve: Curve, settings: StabilitySettings) -> Decision | None:
    best = curve.best
    if best is not None and curve.epoch - best.epoch < settings.no_best_epochs:
        return None
    losses = [point.held_out for point in curve.points if point.held_out is not None and math.isfinite(point.held_out)]
    found = _raised("held-out", losses, settings.held_out_factor, settings.held_out_epochs)
    if found is None or curve.epoch < settings.no_best_epochs:
        return None
    return _stop("diverging", f"{found.detail}, and no new best metric in {settings.no_best_epochs}", **found.numbers)


def _raised(name: str, losses: list[float], factor: float, epochs: int) -> Decision | None:
    """The last `epochs` losses all above `factor` times the best before them; losses around zero or below never are."""
    before, last = losses[:-epochs], losses[-epochs:]
    if not before or min(before) <= 0 or min(last) <= factor * min(before):
        return None
    detail = (
        f"{name} loss was at least {min(last):.4g} for {epochs} epochs, above {factor:g} x its best {min(before):.4g}"
    )
    return _stop("diverging", detail, best=min(before), lowest_since=min(last), factor=factor, epochs=epochs)


def _collapsed(curve: Curve, max_epochs: int, settings: StabilitySettings) -> Decision | None:
    """A metric that never left zero; epochs that were not evaluated say nothing."""
    seen: list[Point] = curve.evaluated
    if curve.mode != "max" or len(seen) < 2 or curve.epoch < settings.collapse_after * max_epochs:
        return None
    highest = max(point.value or 0.0 for point in seen)
    if highest >= settings.collapse_value:
        return None
    detail = f"metric never above {highest:.4f} in {curve.epoch} of {max_epochs} epochs"
    return _stop("collapsed", detail, highest=highest, epochs=curve.epoch)
