"""The figure by which the YOLOX stability report (document 001) judges a training: its losses, rates and phases."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from search.journal.events import EpochDone
from search.pruning.curve import Curve
from search.pruning.curve_statistics import CurveStatistics, PhaseSummary
from search.views.charts.chart import PALETTE, Chart, Panel, Parallel, Series
from search.views.tables import share

STEPS_COLOUR = "#c8c8c8"
FEWEST_POINTS = 3
"""A figure is worth drawing if its longest line has this many points: two say no more than their numbers."""


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
        Panel("Loss", "epoch", "loss", tuple(_losses(epochs)), marks=marks),
        Panel("Learning rate", "epoch", "learning rate", tuple(_by_name(epochs, "rates")), marks=marks),
        Panel("Parts of the training loss", "epoch", "loss", tuple(_parts(epochs)), marks=marks),
        _stability(curve, statistics, marks),
    )
    spikes = f"; spikes at epochs {', '.join(map(str, statistics.spikes))}" if statistics.spikes else "; no spikes"
    of_steps = statistics.loss_cv_steps
    cv = f"CV without the warm-up {share(statistics.loss_cv_settled if of_steps is None else of_steps)}"
    cv += " of epochs" if of_steps is None else " of all steps"
    note = f"{cv} (below 5 % is very stable, by the YOLOX stability report){spikes}"
    return Chart("stability", title, note, panels, columns=2)


def shows_a_course(chart: Chart) -> bool:
    """Whether a stability figure has a line of at least `FEWEST_POINTS`: of as many epochs, or steps within them."""
    assert not isinstance(chart.body, Parallel)
    return any(len(series.x) >= FEWEST_POINTS for panel in chart.body for series in panel.series)


def _losses(epochs: Sequence[EpochDone]) -> Iterator[Series]:
    """The training loss over all steps and by epoch, and the held-out one beside the sum of the same parts.

    A training may minimise more than can be held out (contrasts between classes, YOLOX's L1 of its last epochs).
    """
    at = [
        (done.epoch - 1 + (number + 0.5) / len(done.steps), _finite(loss))
        for done in epochs
        if done.steps
        for number, loss in enumerate(done.steps)
    ]
    if at:
        yield Series("train, by step", tuple(x for x, _ in at), tuple(y for _, y in at), STEPS_COLOUR, width=0.6)
    yield from _by_name(epochs, "losses", ("train", "val"))
    held_out = {name.removeprefix("val/") for done in epochs for name in done.losses if name.startswith("val/")}
    trained = {name.removeprefix("train/") for done in epochs for name in done.losses if name.startswith("train/")}
    if held_out and held_out < trained:
        sums = [sum(done.losses.get(f"train/{part}", 0.0) for part in sorted(held_out)) for done in epochs]
        x, y = tuple(float(done.epoch) for done in epochs), tuple(map(_finite, sums))
        yield Series(f"train, {' + '.join(sorted(held_out))} as in val", x, y, PALETTE[2], width=1.5)


def _parts(epochs: Sequence[EpochDone]) -> Iterator[Series]:
    names = tuple(dict.fromkeys(name for done in epochs for name in done.losses if name.startswith("train/")))
    yield from _by_name(epochs, "losses", names)


def _by_name(epochs: Sequence[EpochDone], field: str, names: tuple[str, ...] | None = None) -> Iterator[Series]:
    """One line per name in the epochs' losses or rates, in the colour of its index."""
    logged = dict.fromkeys(name for done in epochs for name in getattr(done, field))
    for index, name in enumerate(logged if names is None else [chosen for chosen in names if chosen in logged]):
        points = [(float(done.epoch), getattr(done, field)[name]) for done in epochs if name in getattr(done, field)]
        x, y = tuple(epoch for epoch, _ in points), tuple(_finite(value) for _, value in points)
        yield Series(name, x, y, PALETTE[index % len(PALETTE)], width=1.5)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _stability(curve: Curve, statistics: CurveStatistics, marks: tuple[tuple[float, str], ...]) -> Panel:
    """Mean and deviation within each epoch; of each phase's epochs where a training does not tell its steps."""
    points = [point for point in curve.points if point.spread is not None and point.finite_loss is not None]
    if not points:
        series = tuple(_phases(curve, statistics.phases))
        return Panel("Stability by phase: mean ± std", "epoch", "training loss", series)
    x, spread = tuple(float(point.epoch) for point in points), tuple(point.spread or 0.0 for point in points)
    line = Series("mean ± std of its steps", x, tuple(point.finite_loss for point in points), PALETTE[0], spread=spread)
    return Panel("Stability within each epoch", "epoch", "training loss", (line,), marks=marks)


def _phases(curve: Curve, phases: Sequence[PhaseSummary]) -> Iterator[Series]:
    x, y = tuple(float(point.epoch) for point in curve.points), tuple(point.finite_loss for point in curve.points)
    yield Series("epoch", x, y, "#333333", "points", marker="o")
    for index, phase in enumerate(phases):
        if math.isfinite(phase.loss_mean):
            ends = (phase.first - 0.4, phase.last + 0.4)
            name = f"{phase.phase} {phase.loss_mean:.3g} ± {phase.loss_std:.2g}"
            mean, spread = (phase.loss_mean,) * 2, (phase.loss_std,) * 2
            yield Series(name, ends, mean, PALETTE[index % len(PALETTE)], spread=spread, width=2.0)
