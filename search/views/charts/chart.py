"""A figure or a table as plain values: what is shown, apart from what draws it.

`figures.py` and `tables.py` make them from a sweep; `chart_png.py` (matplotlib), `chart_html.py` (plotly) and
`note.py` (markdown) draw them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Number = float | int | None
Kind = Literal["line", "points", "bars", "steps"]
PALETTE = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")
"""Colours of series that are told apart by nothing but their order: matplotlib's own ten."""


@dataclass(frozen=True)
class Series:
    """Points that belong together.

    Attributes:
        name: in the legend; series of one name share an entry, "" has none.
        x, y: one value a point; x may be words under bars. None or NaN leaves a gap.
        colour: as matplotlib and HTML both read it, such as "#2ca02c".
        kind: how they are drawn.
        words: one text a point for who points at it, or empty.
        spread: half the height of a band around a line, one value a point, or empty.
        marker: a sign at the points: "o", or "x" where something ended; "" for none.
        width: of a line, in points.
    """

    name: str
    x: tuple[float | str, ...]
    y: tuple[Number, ...]
    colour: str
    kind: Kind = "line"
    words: tuple[str, ...] = ()
    spread: tuple[float, ...] = ()
    marker: Literal["", "o", "x"] = ""
    width: float = 1.0


@dataclass(frozen=True)
class Panel:
    """One pair of axes. `marks` are the places on the x axis with a dotted line, by what stands beside it."""

    title: str
    x: str
    y: str
    series: tuple[Series, ...]
    log_x: bool = False
    log_y: bool = False
    marks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Axis:
    """One axis of parallel coordinates: a value a line, and the words for values that are choices."""

    name: str
    values: tuple[float, ...]
    words: tuple[str, ...] = ()
    log: bool = False


@dataclass(frozen=True)
class Parallel:
    """Parallel coordinates: one line a trial across all axes, coloured by the last of them."""

    axes: tuple[Axis, ...]


@dataclass(frozen=True)
class Chart:
    """A figure.

    Attributes:
        name: of its file, without ending.
        title: one line.
        note: what a reader must know to trust it: on how many trials it rests, what was left out.
        body: panels, row by row, or parallel coordinates.
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
    """Rows of words under the words of `columns`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
