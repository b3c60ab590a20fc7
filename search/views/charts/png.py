"""Draws a chart as a PNG picture, with matplotlib, which the recipes' libraries bring along.

Plotly's own pictures would need a browser beside it (kaleido), which a training machine does not have.
"""

from __future__ import annotations

import math
from io import BytesIO
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from search.views.charts.chart import Axis, Chart, Panel, Parallel, Series

WIDTH, HEIGHT, DPI = 8.0, 4.2, 110
SMALL = 7


def png(chart: Chart) -> bytes:
    """The picture of `chart`; of an empty one, its title and note."""
    rows = 1 if isinstance(chart.body, Parallel) else max(1, math.ceil(len(chart.body) / chart.columns))
    figure = Figure(figsize=(WIDTH + 4 * (chart.columns > 2), HEIGHT + 2.6 * (rows - 1)), dpi=DPI)
    FigureCanvasAgg(figure)
    if not chart.empty and isinstance(chart.body, Parallel):
        _parallel(figure.add_subplot(), chart.body)
    elif not chart.empty and not isinstance(chart.body, Parallel):
        for place, panel in enumerate(chart.body, start=1):
            _panel(figure.add_subplot(rows, chart.columns, place), panel, legend=chart.columns < 3)
    # Fixed margins: matplotlib's constrained layout doubles the time that a figure takes.
    height = float(figure.get_figheight())
    figure.subplots_adjust(0.09, 1.05 / height, 0.98, 1 - 0.45 / height, wspace=0.3, hspace=0.35)
    figure.suptitle(chart.title, fontsize=11)
    figure.supxlabel(chart.note, fontsize=SMALL, color="#555555")
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _panel(axes: Axes, panel: Panel, legend: bool) -> None:
    for name, place in (("top", False), ("right", False)):
        axes.spines[name].set_visible(place)
    for at, words in panel.marks:
        axes.axvline(at, color="#bbbbbb", linewidth=0.8, linestyle=":", zorder=0)
        axes.annotate(words, (at, 1), xycoords=("data", "axes fraction"), fontsize=SMALL - 1, color="#888888")
    named: set[str] = set()
    for series in panel.series:
        _series(axes, series, "" if series.name in named else series.name)
        named.add(series.name)
    if panel.x == "epoch":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(panel.x, fontsize=SMALL + 1)
    axes.set_ylabel(panel.y, fontsize=SMALL + 1)
    axes.set_title(panel.title, fontsize=9)
    axes.tick_params(labelsize=SMALL)
    if panel.log_x:
        axes.set_xscale("log")
    if panel.log_y:
        axes.set_yscale("log")
    if legend and named - {""}:
        axes.legend(frameon=False, fontsize=SMALL)


def _series(axes: Axes, series: Series, name: str) -> None:
    x: Any = series.x
    y: Any = [math.nan if value is None else value for value in series.y]
    look: dict[str, Any] = {"color": series.colour, "label": name or "_"}
    if series.kind == "bars":
        axes.bar(x, y, **look)
        axes.tick_params(axis="x", rotation=30)
        for words in axes.get_xticklabels():
            words.set_horizontalalignment("right")
    elif series.kind == "points":
        axes.plot(x, y, series.marker or "o", markersize=4, **look)
    else:
        style = "steps-post" if series.kind == "steps" else "default"
        axes.plot(x, y, drawstyle=style, linewidth=series.width, marker=series.marker, markersize=4, alpha=0.85, **look)
    if series.spread:
        low = [value - half for value, half in zip(y, series.spread, strict=True)]
        high = [value + half for value, half in zip(y, series.spread, strict=True)]
        axes.fill_between(x, low, high, color=series.colour, alpha=0.15, linewidth=0)


def _parallel(axes: Axes, body: Parallel) -> None:
    scaled = [_scaled(axis) for axis in body.axes]
    colours = ScalarMappable(Normalize(0, 1), "viridis")
    for heights in sorted(zip(*scaled, strict=True), key=lambda one: one[-1]):
        axes.plot(range(len(heights)), heights, color=colours.to_rgba(heights[-1]), alpha=0.7, linewidth=1)
    axes.set_xticks(range(len(body.axes)), [axis.name for axis in body.axes], rotation=35, ha="right", fontsize=SMALL)
    axes.set_yticks([])
    for place, axis in enumerate(body.axes):
        axes.axvline(place, color="#999999", linewidth=0.8)
        for height, words in _ends(axis):
            axes.annotate(words, (place, height), fontsize=SMALL - 2, color="#333333")
    for side in axes.spines.values():
        side.set_visible(False)


def _scaled(axis: Axis) -> list[float]:
    """The axis' values between 0 and 1; NaN stays."""
    values = [math.log10(value) if axis.log and value > 0 else value for value in axis.values]
    known = [value for value in values if math.isfinite(value)] or [0.0]
    low, span = min(known), (max(known) - min(known)) or 1.0
    return [(value - low) / span for value in values]


def _ends(axis: Axis) -> list[tuple[float, str]]:
    if axis.words:
        last = max(1, len(axis.words) - 1)
        return [(place / last, words) for place, words in enumerate(axis.words)]
    known = [value for value in axis.values if math.isfinite(value)]
    return [(0.0, f"{min(known):.3g}"), (1.0, f"{max(known):.3g}")] if known else []
