"""Rules that need no library."""

from __future__ import annotations

import math
from collections import defaultdict
from functools import partial

from search.pruning.curve import Curve
from search.pruning.curve_statistics import detrended_cv
from tests.bench.public.groups import Group, grace_epochs
from tests.bench.public.virtual import Action, MakeRule, Rule


class FirstOnly(Rule):
    """Random search with fewer trials: only the first ones, each trained to its end."""

    def __init__(self, group: Group, share: float) -> None:
        self._count = max(1, round(share * len(group.runs)))

    def starts(self, trial: int) -> bool:
        return trial < self._count


class EpochThenTop(Rule):
    """Every trial for one epoch; then the best `share` of them to the end."""

    def __init__(self, group: Group, share: float) -> None:
        self._places = max(1, round(share * len(group.runs)))
        self._total = len(group.runs)
        self._first: dict[int, float] = {}
        self._chosen: list[int] | None = None

    def report(self, trial: int, curve: Curve) -> Action:
        if curve.epoch > 1:
            return "continue"
        self._first[trial] = curve.points[0].value or 0.0
        return "pause"

    def promote(self, left: int) -> int | None:
        if self._chosen is None:
            if len(self._first) < self._total:
                return None
            ranked = sorted(self._first, key=lambda trial: (self._first[trial], -trial))
            self._chosen = ranked[-self._places :]
        return self._chosen.pop() if self._chosen else None


class Bands(Rule):
    """W&B's early termination ("hyperband" with min_iter) as its documentation describes it.

    At each band a run stops whose value there is outside the best 1 / eta of all that have passed it, itself included.
    The controller is taken to look after every epoch; the real one looks every few minutes.
    """

    def __init__(self, group: Group, grace: float, eta: float) -> None:
        self._eta = eta
        self._bands = []
        band = float(grace_epochs(group, grace))
        while band < group.max_epochs:
            self._bands.append(int(band))
            band *= eta
        self._values: dict[int, dict[int, float]] = defaultdict(dict)

    def report(self, trial: int, curve: Curve) -> Action:
        passed = [band for band in self._bands if band <= curve.epoch]
        if not passed:
            return "continue"
        at_band = self._values[passed[-1]]
        if curve.epoch == passed[-1]:
            at_band[trial] = curve.points[-1].value or 0.0
        ranked = sorted(at_band.values(), reverse=True)
        return "stop" if at_band[trial] < ranked[int(len(ranked) / self._eta)] else "continue"


class Patience(Rule):
    """No new best in a share of the planned epochs."""

    def __init__(self, group: Group, share: float) -> None:
        self._epochs = max(1, round(share * group.max_epochs))

    def report(self, trial: int, curve: Curve) -> Action:
        best = curve.best
        return "stop" if curve.epoch - (best.epoch if best else 0) >= self._epochs else "continue"


class HeldOutCV(Rule):
    """The held-out loss varies by more than a tenth over five epochs, trend removed."""

    def report(self, trial: int, curve: Curve) -> Action:
        losses: list[float] = [point.held_out for point in curve.points[-5:] if point.held_out is not None]
        if len(losses) < 5 or not all(map(math.isfinite, losses)):
            return "continue"
        variation = detrended_cv(losses)
        return "stop" if variation is not None and variation > 0.1 else "continue"


class Naive(HeldOutCV):
    """That, or anything non-finite once, or a held-out loss above 1.2 x its best for three epochs."""

    def report(self, trial: int, curve: Curve) -> Action:
        last = curve.points[-1]
        if any(loss is not None and not math.isfinite(loss) for loss in (last.loss, last.held_out)):
            return "stop"
        losses = curve.held_out_losses
        if len(losses) > 3 and min(losses[-3:]) > 1.2 * min(losses[:-3]):
            return "stop"
        return super().report(trial, curve)


def rules() -> dict[str, MakeRule]:
    """By the name in the table."""
    makers: dict[str, MakeRule] = {"everything trained": lambda group: Rule()}
    for share in (0.32, 0.40):
        makers[f"random: the first {share:.0%} of the trials"] = partial(FirstOnly, share=share)
        makers[f"one epoch, then the best {share:.0%}"] = partial(EpochThenTop, share=share)
    for grace in (0.05, 0.10):
        makers[f"W&B hyperband, eta 3, min_iter {grace:.0%}"] = partial(Bands, grace=grace, eta=3.0)
    for share in (0.1, 0.2, 0.3):
        makers[f"patience, {share:.0%} of the epochs"] = partial(Patience, share=share)
    makers["naive: CV of the held-out loss"] = lambda group: HeldOutCV()
    makers["naive: CV, non-finite once, or loss up 20%"] = lambda group: Naive()
    return makers
