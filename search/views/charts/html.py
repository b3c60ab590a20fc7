"""Draws a chart as an interactive part of an HTML page, with plotly."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeAlias

from plotly import graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from search.views.charts.chart import MARKED, Chart, Panel, Parallel, Series, with_texts
from search.views.charts.parallel import heights, ticks
from search.views.html_text import escape
from trainables.printable import printable

PANEL_HEIGHT, PANEL_WIDTH, AXIS_WIDTH = 300, 220, 100
MOST_TICKS = 4
SHADES = ("#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725")
"""Of parallel coordinates, from the worst trials to the best: viridis."""
Figure: TypeAlias = go.Figure
"""What `plotly_figure` gives."""


def plotly_source() -> str:
    """Plotly's JavaScript."""
    source: str = get_plotlyjs()
    return source


def html(chart: Chart) -> str:
    """The chart as a `<div>`, which the page's `search.views.charts.script` draws."""
    figure = plotly_figure(chart)
    figure.update_layout(template=None)
    height = figure.layout.height
    data = json.loads(figure.to_json(), parse_float=_plain)
    text = json.dumps(data, separators=(",", ":"))
    for sign, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(sign, code)
    identity = f"chart-{escape(chart.name)}"
    # On a narrow screen panels beside each other keep their width, and the page lets one move them.
    if isinstance(chart.body, Parallel):
        width = AXIS_WIDTH * len(chart.body.axes)
    else:
        width = PANEL_WIDTH * chart.columns if chart.columns > 1 else 0
    style = f"height: {height}px; min-width: {width}px"
    return (
        f"<div class='wide'><div class='chart' id=\"{identity}\" style='{style}'></div></div>"
        f"<script type='application/json' data-chart=\"{identity}\">{text}</script>"
    )


def _plain(digits: str) -> float:
    """A number with seven digits, which are more than a figure shows: a third of the bytes."""
    return float(f"{float(digits):.7g}")


def plotly_figure(chart: Chart) -> Figure:
    """The chart as a figure of plotly, which a notebook shows."""
    # Texts are HTML to plotly, such as "<b>" in a name; `_parallel` escapes its own.
    chart = with_texts(chart, printable if isinstance(chart.body, Parallel) else _escaped)
    figure = _parallel(chart.body) if isinstance(chart.body, Parallel) else _panels(chart, chart.body)
    figure.update_layout(
        template="plotly_white",
        margin={"l": 60, "r": 20, "t": _top(chart), "b": 50},
        font={"size": 11},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0},
    )
    return figure


def _escaped(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _top(chart: Chart) -> int:
    """Margin above, in pixels: for the legend, a panel's title, or the label of a mark."""
    if isinstance(chart.body, Parallel):
        return 30
    return 60 if any(panel.title for panel in chart.body) else 50


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
        named = any(isinstance(x, str) for series in panel.series for x in series.x)
        figure.update_xaxes(title_text=panel.x, **_scale(panel.log_x), **at)
        if panel.log_x and chart.columns > 2:
            figure.update_xaxes(tickvals=_few_ticks(panel), **at)
        if named:
            figure.update_xaxes(type="category", **at)  # else plotly takes the name "7" for a number
        figure.update_yaxes(title_text=panel.y, **_scale(panel.log_y), **at)
        for x, text in panel.marks:
            figure.add_vline(x, line={"dash": "dot", "color": "#bbb", "width": 1}, annotation_text=text, **at)
    _one_legend_entry_per_group(figure)
    figure.update_layout(height=max(380, PANEL_HEIGHT * rows), hovermode="closest")
    return figure


def _scale(log: bool) -> dict[str, Any]:
    # Plain numbers, 0.0001 and not 100µ; on a logarithmic axis plotly would label 2 and 5 without their power of ten.
    look = {"exponentformat": "none", "gridcolor": "#eee", "zeroline": False, "linecolor": "#bbb", "automargin": True}
    return look | ({"type": "log", "tickformat": "~g", "nticks": 6} if log else {})


def _few_ticks(panel: Panel) -> list[float]:
    """At most four places on a logarithmic axis, where plotly would print a label for each digit over one another."""
    values = [x for series in panel.series for x in series.x if isinstance(x, (int, float)) and 0 < x < math.inf]
    if not values:
        return []
    low, high = min(values), max(values)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1, 2, 5), (1, 3), (1,)):
        ticks = [digit * 10.0**power for power in powers for digit in digits]
        inside = [tick for tick in ticks if 0.99 * low <= tick <= 1.01 * high]
        if len(inside) <= MOST_TICKS:
            break
    inside = inside[:: math.ceil(len(inside) / MOST_TICKS) or 1]
    return inside if len(inside) > 1 else [float(f"{end:.2g}") for end in dict.fromkeys((low, high))]


def _joined(parts: Iterable[Series]) -> Iterator[Series]:
    """Lines that look alike as one series with gaps between: plotly takes a hundredth of a second per series."""
    alike: dict[object, list[Series]] = {}
    for index, part in enumerate(parts):
        look = (part.name, part.colour, part.width, part.marker, bool(part.hover), bool(part.trials))
        alike.setdefault(look if part.kind == "line" and not part.spread else index, []).append(part)
    for first, *others in alike.values():
        x, y, hover, trials = list(first.x), list(first.y), list(first.hover), list(first.trials)
        for other in others:
            x += [other.x[0] if other.x else 0.0, *other.x]
            y += [None, *other.y]
            hover += ["", *other.hover] if other.hover else []
            trials += [-1, *other.trials] if other.trials else []
        yield replace(first, x=tuple(x), y=tuple(y), hover=tuple(hover), trials=tuple(trials))


def _traces(series: Series, group: str) -> list[Any]:
    common: dict[str, Any] = {
        "x": series.x,
        "y": series.y,
        "name": series.name,
        "legendgroup": group,
        "showlegend": bool(series.name),
        "hovertext": series.hover or None,
        "hoverinfo": "text" if series.hover else "x+y+name",
        "customdata": series.trials or None,
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
    """Lines of their own: plotly's `parcoords` overprints the names, and can mark no line."""
    figure = go.Figure()
    if not body.axes:
        return figure
    lines = list(zip(*map(heights, body.axes), strict=True))
    x = [*range(len(body.axes)), None]
    for shade, colour in enumerate(SHADES):
        inside = [index for index, line in enumerate(lines) if int(line[-1] * (len(SHADES) - 1) + 0.5) == shade]
        y = [value for index in inside for value in (*_gaps(lines[index]), None)]
        trials = [body.trials[index] for index in inside for _ in x] if body.trials else None
        look = {"mode": "lines", "line": {"color": colour, "width": 1.2}, "showlegend": False, "hoverinfo": "skip"}
        figure.add_trace(go.Scatter(x=x * len(inside), y=y, customdata=trials, **look))
    if body.marked in body.trials:
        line = lines[body.trials.index(body.marked)]
        look = {"mode": "lines+markers", "line": {"color": MARKED, "width": 3}, "showlegend": False}
        text = f"trial {body.marked}"
        figure.add_trace(go.Scatter(x=x[:-1], y=_gaps(line), hovertext=text, hoverinfo="text", **look))
    for position, axis in enumerate(body.axes):
        figure.add_vline(position, line={"color": "#999", "width": 1})
        for height, text in ticks(axis):
            look = {"showarrow": False, "xanchor": "left", "xshift": 3, "bgcolor": "#ffffffcc"}
            figure.add_annotation(x=position, y=height, text=_escaped(text), **look)
    names = [_escaped(axis.name) for axis in body.axes]
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=names, showgrid=False, zeroline=False)
    figure.update_xaxes(range=[-0.1, len(names) - 0.6], automargin=True)
    figure.update_yaxes(visible=False, range=[-0.05, 1.05])
    figure.update_layout(height=420, hovermode="closest")
    return figure


def _gaps(line: Iterable[float]) -> list[float | None]:
    """A line with None where it has no value, which leaves a gap."""
    return [value if math.isfinite(value) else None for value in line]
