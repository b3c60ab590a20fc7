"""Draws a chart as an interactive part of an HTML page, with plotly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeAlias

from plotly import graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from search.views.charts.chart import Axis, Chart, Panel, Parallel, Series, with_texts
from search.views.html_text import escape
from trainables.printable import printable

PANEL_HEIGHT = 300
Figure: TypeAlias = go.Figure
"""What `plotly_figure` gives."""


def script() -> str:
    """Plotly's JavaScript, which a page with charts needs once: 5 MB, so that the page works without a network."""
    return f"<script>{get_plotlyjs()}</script>"


def html(chart: Chart) -> str:
    """The chart as a `<div>`."""
    text: str = plotly_figure(chart).to_html(full_html=False, include_plotlyjs=False, div_id=f"chart-{chart.name}")
    return text


def plotly_figure(chart: Chart) -> Figure:
    """The chart as a figure of plotly, which a notebook shows."""
    # Ticks of parallel axes are plain text to plotly; all other texts are HTML to it, such as "<b>" in a name.
    chart = with_texts(chart, printable if isinstance(chart.body, Parallel) else _escaped)
    figure = _parallel(chart.body) if isinstance(chart.body, Parallel) else _panels(chart, chart.body)
    figure.update_layout(
        template="plotly_white", margin={"l": 60, "r": 20, "t": _top(chart), "b": 50}, font={"size": 11}
    )
    return figure


def _escaped(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _top(chart: Chart) -> int:
    """Margin above, in pixels: for the names of parallel axes, a panel's title, or the label of a mark."""
    if isinstance(chart.body, Parallel):
        return 70
    return 40 if any(panel.title for panel in chart.body) else 25


def _panels(chart: Chart, panels: tuple[Panel, ...]) -> Any:
    rows = max(1, math.ceil(len(panels) / chart.columns))
    figure = make_subplots(rows=rows, cols=chart.columns, subplot_titles=[panel.title for panel in panels])
    for index, panel in enumerate(panels):
        at = {"row": index // chart.columns + 1, "col": index % chart.columns + 1}
        # Two columns: panels with legends of their own. More: panels that share one, such as slices.
        panel_group = str(index) if chart.columns == 2 else ""
        for series in _joined(panel.series):
            for trace in _traces(series, group=f"{panel_group}{series.name}"):
                figure.add_trace(trace, **at)
        figure.update_xaxes(title_text=panel.x, type="log" if panel.log_x else None, **at)
        figure.update_yaxes(title_text=panel.y, type="log" if panel.log_y else None, **at)
        for x, text in panel.marks:
            figure.add_vline(x, line={"dash": "dot", "color": "#bbb", "width": 1}, annotation_text=text, **at)
    _one_legend_entry_per_group(figure)
    figure.update_layout(height=max(420, PANEL_HEIGHT * rows), hovermode="closest")
    return figure


def _joined(parts: Iterable[Series]) -> Iterator[Series]:
    """Lines that look alike as one series with gaps between: plotly takes a hundredth of a second per series."""
    alike: dict[object, list[Series]] = {}
    for index, part in enumerate(parts):
        look = (part.name, part.colour, part.width, part.marker, bool(part.hover))
        alike.setdefault(look if part.kind == "line" and not part.spread else index, []).append(part)
    for first, *others in alike.values():
        x, y, hover = list(first.x), list(first.y), list(first.hover)
        for other in others:
            x += [other.x[0] if other.x else 0.0, *other.x]
            y += [None, *other.y]
            hover += ["", *other.hover] if other.hover else []
        yield replace(first, x=tuple(x), y=tuple(y), hover=tuple(hover))


def _traces(series: Series, group: str) -> list[Any]:
    common: dict[str, Any] = {
        "x": series.x,
        "y": series.y,
        "name": series.name,
        "legendgroup": group,
        "showlegend": bool(series.name),
        "hovertext": series.hover or None,
        "hoverinfo": "text" if series.hover else "x+y+name",
    }
    if series.kind == "bars":
        return [go.Bar(**common, marker={"color": series.colour})]
    marker = {"color": series.colour, "symbol": "x" if series.marker == "x" else "circle", "size": 7}
    mode = "markers" if series.kind == "points" else "lines+markers" if series.marker else "lines"
    shape = "hv" if series.kind == "steps" else "linear"
    line = {"color": series.colour, "width": series.width, "shape": shape}
    traces = [go.Scatter(**common, mode=mode, marker=marker, line=line)]
    return [*_band(series), *traces] if series.spread else traces


def _band(series: Series) -> list[Any]:
    values = [value or 0.0 for value in series.y]
    edges = [
        tuple(value + sign * half for value, half in zip(values, series.spread, strict=True)) for sign in (-1.0, 1.0)
    ]
    look: dict[str, Any] = {"mode": "lines", "line": {"width": 0, "color": series.colour}, "showlegend": False}
    low = go.Scatter(x=series.x, y=edges[0], hoverinfo="skip", **look)
    return [low, go.Scatter(x=series.x, y=edges[1], hoverinfo="skip", fill="tonexty", opacity=0.2, **look)]


def _one_legend_entry_per_group(figure: Any) -> None:
    in_legend: set[str] = set()
    for trace in figure.data:
        if trace.showlegend:
            trace.showlegend = trace.legendgroup not in in_legend
            in_legend.add(trace.legendgroup)


def _parallel(body: Parallel) -> Any:
    if not body.axes:
        return go.Figure()
    last = body.axes[-1].values
    line = {"color": last, "colorscale": "Viridis", "showscale": True}
    figure = go.Figure(go.Parcoords(line=line, labelangle=-25, dimensions=[_dimension(axis) for axis in body.axes]))
    figure.update_layout(height=480)
    return figure


def _dimension(axis: Axis) -> dict[str, Any]:
    """An axis for plotly, which has no logarithmic axes here and cannot draw NaN: it goes below the lowest value."""
    values = [math.log10(value) if axis.log and value > 0 else value for value in axis.values]
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    absent = low - 0.1 * ((high - low) or 1.0)
    positions = [value if math.isfinite(value) else absent for value in values]
    dimension: dict[str, Any] = {"label": _escaped(axis.name), "values": positions}
    if axis.choices:
        return dimension | {"tickvals": list(range(len(axis.choices))), "ticktext": list(axis.choices)}
    if axis.log:
        ticks = [low + share * (high - low) for share in (0, 0.25, 0.5, 0.75, 1)]
        return dimension | {"tickvals": ticks, "ticktext": [f"{10**tick:.2g}" for tick in ticks]}
    return dimension
