"""The learning curves of one training: its objective, its other metrics, its losses."""

from __future__ import annotations

import math
from collections.abc import Sequence

from search.journal.events import EpochDone
from search.pruning.curve import Curve
from search.pruning.objective import WINDOW
from search.views.charts.chart import PALETTE, Chart, Panel, Series
from trainables.metric_text import metric_text

MOST_METRICS = len(PALETTE)


def training_figure(title: str, epochs: Sequence[EpochDone], curve: Curve, metric: str) -> Chart:
    """The figure of one training.

    Args:
        title: one line.
        epochs: all its epochs, in order.
        curve: the same epochs as a curve.
        metric: the objective's name.
    """
    marks = tuple(
        (done.epoch - 0.5, done.phase)
        for before, done in zip([None, *epochs], epochs, strict=False)
        if before is None or before.phase != done.phase
    )
    panels = [Panel(metric, "epoch", metric, tuple(_objective(curve)), marks=marks)]
    logged = dict.fromkeys(name for done in epochs for name in done.metrics)
    others = [name for name in logged if name != metric and not name.startswith(f"{metric}/")]
    if others:
        lines = [_line(name, _numbers(epochs, "metrics", name), index) for index, name in enumerate(others)]
        panels.append(Panel("Other metrics", "epoch", "", tuple(lines[:MOST_METRICS]), marks=marks))
    losses = [name for name in ("train", "val") if any(name in done.losses for done in epochs)]
    lines = [_line(name, _numbers(epochs, "losses", name), index) for index, name in enumerate(losses)]
    panels.append(Panel("Loss", "epoch", "loss", tuple(lines), marks=marks))
    by_class = [name for name in logged if name.startswith(f"{metric}/")]
    if by_class:
        lines = [
            _line(name.removeprefix(f"{metric}/"), _numbers(epochs, "metrics", name), index)
            for index, name in enumerate(by_class)
        ]
        panels.append(Panel(f"{metric} by class", "epoch", metric, tuple(lines[:MOST_METRICS]), marks=marks))
    left_out = max(0, len(others) - MOST_METRICS) + max(0, len(by_class) - MOST_METRICS)
    note = f"{left_out} more metrics are in metrics.csv." if left_out else ""
    return Chart("learning_curves", title, note, tuple(panels), columns=2)


def _objective(curve: Curve) -> list[Series]:
    points = [(float(point.epoch), point.value or 0.0) for point in curve.evaluated]
    smoothed = [(epoch, curve.smoothed_by(int(epoch)) or 0.0) for epoch, _ in points]
    series = [
        _line("each epoch", points, 0),
        _line(f"mean of the last {WINDOW}", smoothed, 1),
    ]
    if curve.best is not None and curve.best.value is not None:
        name = f"best: {metric_text(curve.best.value)} in epoch {curve.best.epoch}"
        series.append(Series(name, (float(curve.best.epoch),), (curve.best.value,), PALETTE[2], "points", marker="o"))
    return series


def _numbers(epochs: Sequence[EpochDone], field: str, name: str) -> list[tuple[float, float]]:
    values = [(float(done.epoch), getattr(done, field).get(name, math.nan)) for done in epochs]
    return [(epoch, value) for epoch, value in values if math.isfinite(value)]


def _line(name: str, points: Sequence[tuple[float, float]], index: int) -> Series:
    x, y = tuple(epoch for epoch, _ in points), tuple(value for _, value in points)
    return Series(name if points else "", x, y, PALETTE[index % len(PALETTE)], width=1.5)
