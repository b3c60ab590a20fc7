"""Draws a chart as a PNG picture, with matplotlib.

Plotly writes pictures with a browser (kaleido), which a training machine does not have.
"""

from __future__ import annotations

import math
from io import BytesIO
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from search.views.charts.chart import MARKED, Chart, Panel, Parallel, Series, with_texts
from search.views.charts.parallel import heights, ticks
from trainables.printable import printable

WIDTH, HEIGHT, DPI = 8.0, 4.2, 110
SMALL = 7


def png(chart: Chart) -> bytes:
    """The picture of `chart`; an empty chart has only its title and note."""
    # Without `parse_math`: a name such as "$x" is no formula, and a broken one ends the drawing.
    with rc_context({"text.parse_math": False}):
        return _picture(with_texts(chart, printable))


def _picture(chart: Chart) -> bytes:
    rows = 1 if isinstance(chart.body, Parallel) else max(1, math.ceil(len(chart.body) / chart.columns))
    figure = Figure(figsize=(WIDTH + 4 * (chart.columns > 2), HEIGHT + 2.6 * (rows - 1)), dpi=DPI)
    FigureCanvasAgg(figure)
    if not chart.empty and isinstance(chart.body, Parallel):
        _parallel(figure.add_subplot(), chart.body)
    elif not chart.empty and not isinstance(chart.body, Parallel):
        for index, panel in enumerate(chart.body, start=1):
            _panel(figure.add_subplot(rows, chart.columns, index), panel, legend=chart.columns < 3)
    # Fixed margins: matplotlib's constrained layout doubles the time that a figure takes.
    height = float(figure.get_figheight())
    figure.subplots_adjust(0.09, 1.05 / height, 0.98, 1 - 0.45 / height, wspace=0.3, hspace=0.35)
    figure.suptitle(chart.title, fontsize=11)
    figure.supxlabel(chart.note, fontsize=SMALL, color="#555555")
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _panel(axes: Axes, panel: Panel, legend: bool) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    for x, text in panel.marks:
        axes.axvline(x, color="#bbbbbb", linewidth=0.8, linestyle=":", zorder=0)
        axes.annotate(text, (x, 1), xycoords=("data", "axes fraction"), fontsize=SMALL - 1, color="#888888")
    in_legend: set[str] = set()
    for series in panel.series:
        _series(axes, series, "" if series.name in in_legend else series.name)
        in_legend.add(series.name)
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
    if legend and in_legend - {""}:
        axes.legend(frameon=False, fontsize=SMALL)


def _series(axes: Axes, series: Series, name: str) -> None:
    x: Any = series.x
    y: Any = [math.nan if value is None else value for value in series.y]
    look: dict[str, Any] = {"color": series.colour, "label": name or "_"}  # matplotlib leaves "_" out of legends
    if series.kind == "bars":
        axes.bar(x, y, **look)
        axes.tick_params(axis="x", rotation=30)
        for tick_label in axes.get_xticklabels():
            tick_label.set_horizontalalignment("right")
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
    scaled = [heights(axis) for axis in body.axes]
    colours = ScalarMappable(Normalize(0, 1), "viridis")
    lines = list(zip(*scaled, strict=True))
    for line in sorted(lines, key=lambda line: line[-1]):  # the best on top
        axes.plot(range(len(line)), line, color=colours.to_rgba(line[-1]), alpha=0.7, linewidth=1)
    if body.marked in body.trials:
        axes.plot(range(len(body.axes)), lines[body.trials.index(body.marked)], color=MARKED, linewidth=2.5)
    axes.set_xticks(range(len(body.axes)), [axis.name for axis in body.axes], rotation=35, ha="right", fontsize=SMALL)
    axes.set_yticks([])
    for index, axis in enumerate(body.axes):
        axes.axvline(index, color="#999999", linewidth=0.8)
        for height, text in ticks(axis):
            axes.annotate(text, (index, height), fontsize=SMALL - 2, color="#333333")
    for side in axes.spines.values():
        side.set_visible(False)
