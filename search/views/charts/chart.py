"""Figures and tables as plain values, apart from the libraries that draw them.

`views/figures.py` and `views/tables.py` make them from a sweep; `png.py` (matplotlib), `html.py` (plotly) and
`views/markdown.py` draw them. Optuna's own plots are not used: they need an Optuna study, and cannot colour trials by
their outcome (finished, paused, stopped at a rung, failed), which is what the figures of a sweep are about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

Number = float | int | None
Kind = Literal["line", "points", "bars", "steps"]
PALETTE = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")
"""Colours of series that are told apart by nothing but their order: matplotlib's own ten."""

MARKED = "#000000"
"""Colour of what stands out in every figure: the winner, or the best so far."""


@dataclass(frozen=True)
class Series:
    """Points that are drawn in one way.

    Attributes:
        name: in the legend; series with the same name share an entry, "" has none.
        x, y: one value per point; x is text for bars. None or NaN leaves a gap.
        colour: such as "#2ca02c", which matplotlib and HTML both read.
        kind: how they are drawn.
        hover: one text per point, of one or more lines, shown when the mouse is over it; or empty.
        spread: half the height of a band around a line, one value per point; or empty.
        marker: at each point: "o", or "x" where something ended; "" for none.
        width: of the line, in points.
        trials: the trial that each point is of, by which a page selects it in all of its figures; or empty.
    """

    name: str
    x: tuple[float | str, ...]
    y: tuple[Number, ...]
    colour: str
    kind: Kind = "line"
    hover: tuple[str, ...] = ()
    spread: tuple[float, ...] = ()
    marker: Literal["", "o", "x"] = ""
    width: float = 1.0
    trials: tuple[int, ...] = ()


@dataclass(frozen=True)
class Panel:
    """One pair of axes. `marks` are dotted vertical lines: positions on the x axis, each with its label."""

    title: str
    x: str
    y: str
    series: tuple[Series, ...]
    log_x: bool = False
    log_y: bool = False
    marks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Axis:
    """One axis of parallel coordinates: one value per line; `choices` name the values 0, 1, … of a choice."""

    name: str
    values: tuple[float, ...]
    choices: tuple[str, ...] = ()
    log: bool = False


@dataclass(frozen=True)
class Parallel:
    """Parallel coordinates: one line per trial across all axes, coloured by its value on the last.

    Attributes:
        axes: in order.
        trials: the trial that each line is of; or empty.
        marked: the one of them that stands out; None for none.
    """

    axes: tuple[Axis, ...]
    trials: tuple[int, ...] = ()
    marked: int | None = None


@dataclass(frozen=True)
class Chart:
    """A figure.

    Attributes:
        name: of its file, without suffix.
        title: one line.
        note: what a reader must know to trust it: how many trials it shows, what it leaves out.
        body: panels, row by row; or parallel coordinates.
        columns: panels side by side.
    """

    name: str
    title: str
    note: str
    body: tuple[Panel, ...] | Parallel
    columns: int = 1

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw yet."""
        if isinstance(self.body, Parallel):
            return not self.body.axes
        return not any(series.y for panel in self.body for series in panel.series)


@dataclass(frozen=True)
class Table:
    """Rows of text under the headings `columns`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def with_texts(chart: Chart, convert: Callable[[str], str]) -> Chart:
    """`chart` with every text in it converted: a drawing library obeys signs in texts that names may hold."""
    if isinstance(chart.body, Parallel):
        axes = tuple(
            replace(axis, name=convert(axis.name), choices=tuple(map(convert, axis.choices)))
            for axis in chart.body.axes
        )
        body: tuple[Panel, ...] | Parallel = replace(chart.body, axes=axes)
    else:
        body = tuple(_panel_with_texts(panel, convert) for panel in chart.body)
    return replace(chart, title=convert(chart.title), note=convert(chart.note), body=body)


def _panel_with_texts(panel: Panel, convert: Callable[[str], str]) -> Panel:
    series = tuple(
        replace(
            part,
            name=convert(part.name),
            x=tuple(convert(x) if isinstance(x, str) else x for x in part.x),
            hover=tuple(map(convert, part.hover)),
        )
        for part in panel.series
    )
    marks = tuple((x, convert(text)) for x, text in panel.marks)
    return replace(
        panel, title=convert(panel.title), x=convert(panel.x), y=convert(panel.y), series=series, marks=marks
    )
