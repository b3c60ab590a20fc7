"""The figure by which the YOLOX stability report (document 001) judges a training: its losses, rates and phases."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from search.journal.events import EpochDone
from search.pruning.curve import Curve
from search.pruning.curve_statistics import CurveStatistics, PhaseSummary
from search.views.charts.chart import PALETTE, Chart, Panel, Series
from search.views.tables import share


def stability_figure(title: str, epochs: Sequence[EpochDone], curve: Curve, statistics: CurveStatistics) -> Chart:
    """The figure of one training.

    Args:
        title: one line.
        epochs: all its epochs, in order.
        curve: the same epochs as a curve.
        statistics: `curve_statistics(curve)`.
    """
    marks = tuple((phase.first - 0.5, phase.phase) for phase in statistics.phases)
    panels = (
        Panel("Loss", "epoch", "loss", tuple(_by_name(epochs, "losses", ("train", "val"))), marks=marks),
        Panel("Learning rate", "epoch", "learning rate", tuple(_by_name(epochs, "rates")), marks=marks),
        Panel("Parts of the training loss", "epoch", "loss", tuple(_parts(epochs)), marks=marks),
        Panel("Stability by phase: mean ± std", "epoch", "training loss", tuple(_phases(curve, statistics.phases))),
    )
    spikes = f"; spikes at epochs {', '.join(map(str, statistics.spikes))}" if statistics.spikes else "; no spikes"
    cv = f"CV without the warm-up {share(statistics.loss_cv_settled)}"
    note = f"{cv} (below 5 % is very stable, by the YOLOX stability report){spikes}"
    return Chart("stability", title, note, panels, columns=2)


def _parts(epochs: Sequence[EpochDone]) -> Iterator[Series]:
    names = tuple(dict.fromkeys(name for done in epochs for name in done.losses if name.startswith("train/")))
    yield from _by_name(epochs, "losses", names)


def _by_name(epochs: Sequence[EpochDone], field: str, names: tuple[str, ...] | None = None) -> Iterator[Series]:
    """One line per name in the epochs' losses or rates, in the colour of its index."""
    logged = dict.fromkeys(name for done in epochs for name in getattr(done, field))
    for index, name in enumerate(logged if names is None else [each for each in names if each in logged]):
        points = [(float(done.epoch), getattr(done, field)[name]) for done in epochs if name in getattr(done, field)]
        x, y = tuple(epoch for epoch, _ in points), tuple(_finite(value) for _, value in points)
        yield Series(name, x, y, PALETTE[index % len(PALETTE)], width=1.5)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _phases(curve: Curve, phases: Sequence[PhaseSummary]) -> Iterator[Series]:
    x, y = tuple(float(point.epoch) for point in curve.points), tuple(point.finite_loss for point in curve.points)
    yield Series("epoch", x, y, "#333333", "points", marker="o")
    for index, phase in enumerate(phases):
        if math.isfinite(phase.loss_mean):
            ends = (phase.first - 0.4, phase.last + 0.4)
            name = f"{phase.phase} {phase.loss_mean:.3g} ± {phase.loss_std:.2g}"
            mean, spread = (phase.loss_mean,) * 2, (phase.loss_std,) * 2
            yield Series(name, ends, mean, PALETTE[index % len(PALETTE)], spread=spread, width=2.0)
