"""Draws a chart as an interactive part of a page, with plotly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from plotly import graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from search.views.charts.chart import Axis, Chart, Panel, Parallel, Series

PANEL_HEIGHT = 300


def script() -> str:
    """Plotly's own JavaScript, which a page with charts needs once: 5 MB, so that nothing is fetched from anywhere."""
    return f"<script>{get_plotlyjs()}</script>"


def html(chart: Chart) -> str:
    """The chart as a `<div>`."""
    drawn = _parallel(chart.body) if isinstance(chart.body, Parallel) else _panels(chart, chart.body)
    drawn.update_layout(
        template="plotly_white", margin={"l": 60, "r": 20, "t": _top(chart), "b": 50}, font={"size": 11}
    )
    text: str = drawn.to_html(full_html=False, include_plotlyjs=False, div_id=f"chart-{chart.name}")
    return text


def _top(chart: Chart) -> int:
    """Room above: for the names of parallel axes, a panel's title, or the words of a mark."""
    if isinstance(chart.body, Parallel):
        return 70
    return 40 if any(panel.title for panel in chart.body) else 25


def _panels(chart: Chart, panels: tuple[Panel, ...]) -> Any:
    rows = max(1, math.ceil(len(panels) / chart.columns))
    figure = make_subplots(rows=rows, cols=chart.columns, subplot_titles=[panel.title for panel in panels])
    for place, panel in enumerate(panels):
        at = {"row": place // chart.columns + 1, "col": place % chart.columns + 1}
        for series in _joined(panel.series):
            for trace in _traces(series, grouped=f"{place if chart.columns == 2 else ''}{series.name}"):
                figure.add_trace(trace, **at)
        figure.update_xaxes(title_text=panel.x, type="log" if panel.log_x else None, **at)
        figure.update_yaxes(title_text=panel.y, type="log" if panel.log_y else None, **at)
        for mark, words in panel.marks:
            figure.add_vline(mark, line={"dash": "dot", "color": "#bbb", "width": 1}, annotation_text=words, **at)
    _one_entry_a_name(figure)
    figure.update_layout(height=max(420, PANEL_HEIGHT * rows), hovermode="closest")
    return figure


def _joined(parts: Iterable[Series]) -> Iterator[Series]:
    """Those that look alike as one, with gaps between: plotly takes a hundredth of a second for each it is given."""
    alike: dict[object, list[Series]] = {}
    for place, one in enumerate(parts):
        look = (one.name, one.colour, one.width, one.marker, bool(one.words))
        alike.setdefault(look if one.kind == "line" and not one.spread else place, []).append(one)
    for first, *others in alike.values():
        x, y, words = list(first.x), list(first.y), list(first.words)
        for one in others:
            x += [one.x[0] if one.x else 0.0, *one.x]
            y += [None, *one.y]
            words += ["", *one.words] if one.words else []
        yield replace(first, x=tuple(x), y=tuple(y), words=tuple(words))


def _traces(series: Series, grouped: str) -> list[Any]:
    common: dict[str, Any] = {
        "x": series.x,
        "y": series.y,
        "name": series.name,
        "legendgroup": grouped,
        "showlegend": bool(series.name),
        "hovertext": series.words or None,
        "hoverinfo": "text" if series.words else "x+y+name",
    }
    if series.kind == "bars":
        return [go.Bar(**common, marker={"color": series.colour})]
    marker = {"color": series.colour, "symbol": "x" if series.marker == "x" else "circle", "size": 7}
    mode = "markers" if series.kind == "points" else "lines+markers" if series.marker else "lines"
    shape = "hv" if series.kind == "steps" else "linear"
    line = {"color": series.colour, "width": series.width, "shape": shape}
    drawn = [go.Scatter(**common, mode=mode, marker=marker, line=line)]
    return [*_band(series), *drawn] if series.spread else drawn


def _band(series: Series) -> list[Any]:
    levels = [value or 0.0 for value in series.y]
    edges = [
        tuple(level + sign * half for level, half in zip(levels, series.spread, strict=True)) for sign in (-1.0, 1.0)
    ]
    look: dict[str, Any] = {"mode": "lines", "line": {"width": 0, "color": series.colour}, "showlegend": False}
    low = go.Scatter(x=series.x, y=edges[0], hoverinfo="skip", **look)
    return [low, go.Scatter(x=series.x, y=edges[1], hoverinfo="skip", fill="tonexty", opacity=0.2, **look)]


def _one_entry_a_name(figure: Any) -> None:
    seen: set[str] = set()
    for trace in figure.data:
        if trace.showlegend:
            trace.showlegend = trace.legendgroup not in seen
            seen.add(trace.legendgroup)


def _parallel(body: Parallel) -> Any:
    if not body.axes:
        return go.Figure()
    last = body.axes[-1].values
    line = {"color": last, "colorscale": "Viridis", "showscale": True}
    figure = go.Figure(go.Parcoords(line=line, labelangle=-25, dimensions=[_dimension(axis) for axis in body.axes]))
    figure.update_layout(height=480)
    return figure


def _dimension(axis: Axis) -> dict[str, Any]:
    """Plotly's parallel coordinates know no logarithmic axis and draw NaN nowhere sensible: below the lowest then."""
    values = [math.log10(value) if axis.log and value > 0 else value for value in axis.values]
    known = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    absent = low - 0.1 * ((high - low) or 1.0)
    shown: dict[str, Any] = {"label": axis.name, "values": [one if math.isfinite(one) else absent for one in values]}
    if axis.words:
        return shown | {"tickvals": list(range(len(axis.words))), "ticktext": list(axis.words)}
    if axis.log:
        ticks = [low + share * (high - low) for share in (0, 0.25, 0.5, 0.75, 1)]
        return shown | {"tickvals": ticks, "ticktext": [f"{10**tick:.2g}" for tick in ticks]}
    return shown
